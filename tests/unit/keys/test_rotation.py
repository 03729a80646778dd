"""The rule of rotation, over any life of a key set."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from keys.domain.jwk import key_set, thumbprint
from keys.domain.key import KEPT, KeyState, OwnKey
from keys.domain.rotation import Activate, Publish, Retire, RotationPolicy, due_steps, first_moment, hastened
from keys.settings import KeySettings

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
POLICY = RotationPolicy(dt.timedelta(days=90), dt.timedelta(hours=1), dt.timedelta(days=1))


def a_key(kid: str, state: KeyState, **changes: object) -> OwnKey:
    key = OwnKey(kid, "ES256", state, {}, NOON, NOON, NOON if state is KeyState.ACTIVE else None)
    return replace(key, **changes)  # type: ignore[arg-type]


def test_the_very_first_key_may_sign_at_once() -> None:
    """Nobody has cached a key set that was never shown."""
    assert first_moment("ES256", anything_published=False, now=NOON, ahead=POLICY.publish_ahead) == Publish(
        "ES256", NOON
    )


def test_a_key_added_to_a_published_set_waits() -> None:
    """DJ-03: an added algorithm is shown for the cache time before it signs."""
    step = first_moment("RS256", anything_published=True, now=NOON, ahead=POLICY.publish_ahead)
    assert step.activate_at == NOON + POLICY.publish_ahead


def test_a_command_never_makes_a_key_sign_before_it_was_shown_long_enough() -> None:
    """KM-07: haste has the same floor as age."""
    key = a_key("a", KeyState.NEXT, activate_at=NOON + dt.timedelta(days=30))
    assert hastened(key, policy=POLICY) == NOON + POLICY.publish_ahead


def test_a_key_whose_hour_came_too_soon_waits_until_it_was_shown_long_enough() -> None:
    """DJ-03, KM-07: a longer time of showing counts for the key that waits already."""
    keys = [a_key("a", KeyState.ACTIVE), a_key("b", KeyState.NEXT)]
    early = NOON + POLICY.publish_ahead - dt.timedelta(seconds=1)
    assert due_steps(keys, "ES256", policy=POLICY, now=early) == ()
    (step,) = due_steps(keys, "ES256", policy=POLICY, now=NOON + POLICY.publish_ahead)
    assert isinstance(step, Activate)


def test_a_key_that_is_overdue_is_replaced_by_one_that_is_shown_first() -> None:
    """DJ-03: nobody looked for longer than a key may sign; its successor is not made to sign at once."""
    late = NOON + POLICY.rotate_after + dt.timedelta(days=1)
    (step,) = due_steps([a_key("a", KeyState.ACTIVE)], "ES256", policy=POLICY, now=late)
    assert step == Publish("ES256", late + POLICY.publish_ahead)


@given(st.lists(st.tuples(st.integers(1, 3000), st.booleans()), max_size=60))
def test_whatever_the_hours_every_signing_key_was_shown_before(moves: list[tuple[int, bool]]) -> None:
    """DJ-03, KM-07: one key signs at any time; it was published long enough before; states only move forward."""
    now, keys, number = NOON, {"k0": a_key("k0", KeyState.ACTIVE)}, 0
    order = list(KeyState)
    for hours, command in moves:
        now += dt.timedelta(hours=hours)
        before = {kid: key.state for kid, key in keys.items()}
        if command:
            keys = {
                kid: replace(key, activate_at=hastened(key, policy=POLICY))
                if key.state is KeyState.NEXT
                else key
                for kid, key in keys.items()
            }
        for step in due_steps(keys.values(), "ES256", policy=POLICY, now=now):
            if isinstance(step, Publish):
                number += 1
                kid = f"k{number}"
                keys[kid] = a_key(kid, KeyState.NEXT, published_at=now, activate_at=step.activate_at)
            elif isinstance(step, Activate):
                assert step.replaces is not None
                assert now - keys[step.kid].published_at >= POLICY.publish_ahead
                keys[step.replaces] = replace(
                    keys[step.replaces], state=KeyState.RETAINED, retire_at=step.retain_until
                )
                keys[step.kid] = replace(keys[step.kid], state=KeyState.ACTIVE, activated_at=now)
            else:
                assert isinstance(step, Retire)
                key = keys[step.kid]
                assert key.state is KeyState.RETAINED
                assert key.retire_at is not None
                assert key.retire_at <= now
                keys[step.kid] = replace(key, state=KeyState.RETIRED)
        assert sum(key.state is KeyState.ACTIVE for key in keys.values()) == 1
        assert sum(key.state is KeyState.NEXT for key in keys.values()) <= 1
        for kid, state in before.items():
            assert order.index(keys[kid].state) >= order.index(state)


@given(st.timedeltas(dt.timedelta(0), dt.timedelta(days=400)))
def test_a_former_key_is_published_for_the_whole_retention(age: dt.timedelta) -> None:
    """What a key signed lives shorter than the retention."""
    former = a_key("a", KeyState.RETAINED, retire_at=NOON + POLICY.retain)
    retired = Retire("a") in due_steps([former], "ES256", policy=POLICY, now=NOON + age)
    assert retired == (age >= POLICY.retain)


def test_the_key_set_shows_published_keys_without_private_members() -> None:
    """A member that should never stand in a public key does not pass, wherever it came from."""
    public = {"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ", "d": "secret"}
    keys = [a_key(state.value, state, public_jwk=public) for state in KeyState]
    text = key_set(keys).decode()
    assert "secret" not in text
    assert [f'"kid":"{state.value}"' in text for state in KeyState] == [state in KEPT for state in KeyState]


def test_a_key_is_named_by_its_thumbprint() -> None:
    """RFC 7638 §3.1: the example of the standard."""
    key = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
    }
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    "settings",
    [
        {"publish_ahead": dt.timedelta(minutes=5)},
        {"jwks_max_age": dt.timedelta(minutes=6), "publish_ahead": dt.timedelta(hours=2)},
        {"jwks_max_age": dt.timedelta(0)},
        {"retain": dt.timedelta(minutes=10)},
        {"rotate_after": dt.timedelta(hours=1)},
        {"algorithms": ()},
        {"algorithms": ("HS256",)},
    ],
)
def test_settings_that_would_leave_relying_parties_behind_are_refused(settings: dict[str, object]) -> None:
    """DJ-03, DJ-05: bounded caching, and publication longer than it."""
    with pytest.raises(ValidationError):
        KeySettings(**settings)  # type: ignore[arg-type]
