"""What a page or a service asks of a sign-in, and how it says so (RFC 9470)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from relying_parties.step_up import Demand, challenge_header

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
STRONG = ("urn:switchyard:acr:2fa", "phr")


@dataclass(frozen=True)
class Shown:
    """A sign-in as a token tells of it."""

    acr: str = "phr"
    signed_in_at: datetime | None = NOON


@pytest.mark.parametrize(
    ("shown", "now"),
    [
        (Shown(acr="urn:switchyard:acr:1fa"), NOON),
        (Shown(acr=""), NOON),
        (Shown(signed_in_at=None), NOON),
        (Shown(), NOON + timedelta(minutes=12)),
    ],
)
def test_a_sign_in_that_is_weak_long_ago_or_untold_falls_short(shown: Shown, now: datetime) -> None:
    """RP-11: what the session holds is measured at every strong page."""
    assert not Demand(acr=STRONG, max_age=timedelta(minutes=10)).is_met(shown, now=now)


def test_who_asks_for_nothing_takes_every_sign_in() -> None:
    """And each half may be asked for alone."""
    untold = Shown("", None)
    assert Demand().is_met(untold, now=NOON)
    assert Demand(acr=STRONG).is_met(Shown(signed_in_at=None), now=NOON)
    assert Demand(max_age=timedelta(minutes=10)).is_met(Shown(acr=""), now=NOON + timedelta(minutes=10))
    assert not Demand(acr=STRONG).is_met(untold, now=NOON)
    assert not Demand(max_age=timedelta(minutes=10)).is_met(untold, now=NOON)


def test_the_challenge_says_what_is_asked_and_nothing_else() -> None:
    """RFC 9470 §3."""
    whole = challenge_header(Demand(acr=STRONG, max_age=timedelta(minutes=5)).challenge())
    assert whole == (
        'Bearer error="insufficient_user_authentication", '
        'error_description="a stronger or more recent sign-in is needed", '
        'acr_values="urn:switchyard:acr:2fa phr", max_age="300"'
    )
    assert "max_age" not in challenge_header(Demand(acr=STRONG).challenge())
    assert "acr_values" not in challenge_header(Demand(max_age=timedelta(0)).challenge())
