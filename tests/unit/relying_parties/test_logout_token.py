"""What a logout token must say: refusals first (LO-06; Back-Channel Logout §2.4, §2.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relying_parties.jose import Flaw, Token
from relying_parties.logout_token import EVENT, LogoutOrder, logout_order_of

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW = int(NOON.timestamp())
ABSENT = object()
GOOD: dict[str, Any] = {
    "iss": "https://op.example",
    "aud": "emi",
    "iat": NOW,
    "exp": NOW + 120,
    "jti": "one",
    "sub": "alice",
    "sid": "session",
    "events": {EVENT: {}},
}


def judge(*, kind: str = "logout+jwt", **changes: Any) -> LogoutOrder | Flaw:
    """Judge a good token with some claims changed; ABSENT leaves one out."""
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ABSENT}
    token = Token("ES256", kind, claims)
    return logout_order_of(token, issuer="https://op.example", client_id="emi", now=NOON)


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"kind": ""}, Flaw.TYPE),
        ({"kind": "jwt"}, Flaw.TYPE),
        ({"kind": "at+jwt"}, Flaw.TYPE),
        ({"iss": "https://op.example/"}, Flaw.ISSUER),
        ({"iss": ABSENT}, Flaw.ISSUER),
        ({"aud": "reports"}, Flaw.AUDIENCE),
        ({"aud": ["emi", "reports"]}, Flaw.AUDIENCE),
        ({"aud": ABSENT}, Flaw.AUDIENCE),
        ({"iat": ABSENT}, Flaw.ISSUED),
        ({"iat": NOW + 61}, Flaw.ISSUED),
        ({"iat": "now"}, Flaw.ISSUED),
        ({"exp": ABSENT}, Flaw.EXPIRED),
        ({"exp": NOW - 60}, Flaw.EXPIRED),
        ({"exp": NOW + 86_401}, Flaw.EXPIRED),
        ({"sub": ABSENT, "sid": ABSENT}, Flaw.SUBJECT),
        ({"sub": 7}, Flaw.SUBJECT),
        ({"sid": ""}, Flaw.SUBJECT),
        ({"sub": None}, Flaw.SUBJECT),
        ({"events": ABSENT}, Flaw.EVENTS),
        ({"events": {}}, Flaw.EVENTS),
        ({"events": {EVENT: None}}, Flaw.EVENTS),
        ({"events": {EVENT: []}}, Flaw.EVENTS),
        ({"events": EVENT}, Flaw.EVENTS),
        ({"nonce": "n"}, Flaw.NONCE),
        ({"nonce": None}, Flaw.NONCE),
        ({"jti": ABSENT}, Flaw.TOKEN_ID),
        ({"jti": ""}, Flaw.TOKEN_ID),
        ({"jti": 7}, Flaw.TOKEN_ID),
        ({"jti": "x" * 256}, Flaw.TOKEN_ID),
    ],
)
def test_a_token_that_breaks_one_rule_ends_nothing(changes: dict[str, Any], flaw: Flaw) -> None:
    """LO-06, §2.6: each rule by itself."""
    assert judge(**changes) is flaw


@pytest.mark.parametrize(
    ("changes", "session", "subject"),
    [({}, "session", "alice"), ({"sub": ABSENT}, "session", ""), ({"sid": ABSENT}, "", "alice")],
)
def test_a_good_token_names_a_session_a_subject_or_both(
    changes: dict[str, Any], session: str, subject: str
) -> None:
    """§2.4: at least one of the two."""
    order = judge(**changes)
    assert isinstance(order, LogoutOrder)
    assert (order.provider_session, order.subject) == (session, subject)
    assert order.expires_at == NOON + timedelta(minutes=2)


def test_other_events_and_claims_beside_do_not_matter() -> None:
    """§2.4: unknown claims are ignored; the event's value may hold members."""
    assert isinstance(judge(events={EVENT: {"a": 1}, "other": {}}, extra=True), LogoutOrder)
