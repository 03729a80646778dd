"""What a person's answer to a device is worth: her sign-in, her consent, and what takes it back (RFC 8628)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from idp.domain.account import AccountKind
from idp.domain.lockout import Counted, LockRule
from idp.storage import tables
from idp.storage.lockouts import account_key, count_try
from idp.usecases.consents import list_consents, revoke_consent
from idp.usecases.decide_device import (
    DeviceDecided,
    DeviceQuestion,
    NoAccessForDevice,
    NoSuchCode,
    StrongerSignIn,
    TooManyCodes,
)
from idp.usecases.disable_client import disable_client
from idp.usecases.enable_client import enable_client
from idp.usecases.endings import end_access, end_sessions
from idp.usecases.limits import USER_CODES_OF_PLACE
from idp.usecases.log_out import log_out
from kernel.audit import SYSTEM
from kernel.crypto import digest
from kernel.origin import Origin, origin
from kernel.ratelimit import take
from tests.support.devices import ask, decided, error_of, live, look, poll, request, television
from tests.support.oidc import APPLICATION, BROWSER, claims_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.oidc import Op

FIRST, SECOND, THIRD = "urn:switchyard:acr:1fa", "urn:switchyard:acr:2fa", "phr"


def test_a_person_is_told_who_asks_and_for_what(op: Op) -> None:
    """RFC 8628 §3.3, §5.4: however she types the code, it is shown as the device has to show it."""
    television(op)
    told, cookie = ask(op), op.session(op.account())
    question = look(op, cookie, {"user_code": told["user_code"].lower().replace("-", "")})
    assert isinstance(question, DeviceQuestion)
    assert (question.client.id, question.scope, question.user_code) == (
        "tv",
        ("openid", "profile"),
        told["user_code"],
    )
    for odd in ("", "BBBB-BBBB", "é" * 8, "x" * 999):
        assert look(op, cookie, {"user_code": odd}) == NoSuchCode()


def test_a_yes_is_a_consent_that_can_be_taken_back(op_on_both: Op) -> None:
    """GDPR art. 7(3), RFC 9700 §4.14: shown with the others; taken back, it ends tokens and tells the client."""
    op = op_on_both
    television(op, first_party=False, backchannel_logout_uri="https://tv.example/logout")
    cookie = op.session(op.account())
    told = ask(op, scope="openid offline_access")
    refused = ask(op, scope="openid phone")
    decided(op, cookie, refused, allowed=False)
    assert list_consents(op.services, live(op, cookie)) == []
    decided(op, cookie, told)
    (consent,) = list_consents(op.services, live(op, cookie))
    assert (consent.client_id, consent.scope) == ("tv", ("offline_access", "openid"))
    tokens = poll(op, told).json()
    waiting = ask(op)
    decided(op, cookie, waiting)
    assert revoke_consent(op.services, live(op, cookie), client_id="tv")
    assert decided(op, cookie, waiting) == NoSuchCode(), "what was taken back is not told to be kept"
    assert op.userinfo(tokens["access_token"]).status == 401
    assert op.refresh(tokens["refresh_token"], headers={}, client_id="tv").status == 400
    assert error_of(poll(op, waiting)) == "invalid_grant", "allowed, and taken back before the device asked"
    assert [notice["client_id"] for notice in op.notices()] == ["tv"]


def test_a_yes_that_is_sent_again_is_told_to_the_session_that_gave_it(op_on_both: Op) -> None:
    """RFC 8628 §5.1: a button that is pressed twice is one yes; nobody else learns what became of the code."""
    op = op_on_both
    television(op)
    account = op.account()
    cookie, elsewhere = op.session(account), op.session(account)
    told, denied = ask(op), ask(op)
    first = decided(op, cookie, told)
    assert decided(op, cookie, told) == first
    assert decided(op, elsewhere, told) == decided(op, cookie, told, allowed=False) == NoSuchCode()
    assert look(op, elsewhere, told) == look(op, cookie, told) == NoSuchCode()
    assert "access_token" in poll(op, told).json()
    assert decided(op, cookie, told) == first
    assert [row.outcome for row in op.audit("gateway:device:allowed")] == ["done"]
    decided(op, cookie, denied, allowed=False)
    assert decided(op, cookie, denied) == NoSuchCode()


def test_tokens_end_with_the_session_unless_they_were_asked_to_stay(op: Op) -> None:
    """RT-08, LO-04: the client hears of the end by back-channel logout, as after a sign-in by code."""
    television(op, backchannel_logout_uri="https://tv.example/logout")
    cookie = op.session(op.account())
    told, offline = ask(op), ask(op, scope="openid offline_access")
    for each in (told, offline):
        decided(op, cookie, each)
    ends, stays = poll(op, told).json(), poll(op, offline).json()
    assert claims_of(ends["id_token"])["sid"] == live(op, cookie).id
    log_out(op.services, session_token=cookie)
    assert op.userinfo(ends["access_token"]).status == 401
    assert op.userinfo(stays["access_token"]).status == 200
    assert [notice["client_id"] for notice in op.notices()] == ["tv"]


def deactivated(op: Op, account: str) -> None:
    with op.services.store.write() as unit:
        end_sessions(unit, op.services, account_id=account, reason="deactivated", actor=SYSTEM)
    op.set_account(account, active=False)


def only_inactive(op: Op, account: str) -> None:
    op.set_account(account, active=False)


def locked(op: Op, account: str) -> None:
    rule, key = LockRule(), account_key(account, None)
    with op.services.store.write() as unit:
        for _ in range(rule.after):
            count_try(unit.connection, Counted.PASSWORD, key, rule=rule, now=unit.now)


def locked_in_her_browser(op: Op, account: str) -> None:
    rule, key = LockRule(), account_key(account, digest(BROWSER))
    with op.services.store.write() as unit:
        for _ in range(rule.after):
            count_try(unit.connection, Counted.FACTOR, key, rule=rule, now=unit.now)


def without_access(op: Op, account: str) -> None:
    with op.services.store.write() as unit:
        unit.connection.execute(tables.membership.delete())
        end_access(unit, op.services, account_id=account, application_key=APPLICATION, actor=SYSTEM)


def signed_out(op: Op, account: str) -> None:
    with op.services.store.write() as unit:
        end_sessions(unit, op.services, account_id=account, reason="signed-out", actor=SYSTEM)


@pytest.mark.parametrize(
    "happened",
    [deactivated, only_inactive, locked, locked_in_her_browser, without_access, signed_out],
)
@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
def test_what_happens_before_the_poll_takes_the_yes_along(
    op: Op, happened: Callable[[Op, str], None], scope: str
) -> None:
    """TK-12, RT-07, RT-08: deactivated, locked, without access or signed out: no tokens, now or later."""
    television(op, application_key=APPLICATION)
    account = op.account()
    op.member(account)
    told = ask(op, scope=scope)
    assert isinstance(decided(op, op.session(account), told), DeviceDecided)
    happened(op, account)
    assert error_of(poll(op, told)) == "invalid_grant"
    op.clock.advance(dt.timedelta(seconds=5))
    assert error_of(poll(op, told)) == "invalid_grant"


def test_a_client_that_was_disabled_gets_nothing(op: Op) -> None:
    """CA-05: neither from the person nor at the poll; and nothing of it comes back to life."""
    television(op)
    told, other, cookie = ask(op), ask(op), op.session(op.account())
    decided(op, cookie, told)
    disable_client(op.services, "tv", actor=SYSTEM)
    assert poll(op, told).status == request(op).status == 401
    assert look(op, cookie, other) == NoSuchCode()
    enable_client(op.services, "tv", actor=SYSTEM)
    assert error_of(poll(op, told)) == "invalid_grant"
    assert look(op, cookie, other) == NoSuchCode()


def test_who_has_no_access_cannot_let_a_device_in(op: Op) -> None:
    """AZ-23: as at the authorization endpoint; it is written down."""
    television(op, application_key=APPLICATION)
    account = op.account()
    told, cookie = ask(op), op.session(account)
    for answer in (look(op, cookie, told), decided(op, cookie, told)):
        assert isinstance(answer, NoAccessForDevice)
    assert {row.reason for row in op.audit("gateway:device:refused")} == {"no access"}
    op.member(account)
    assert isinstance(decided(op, cookie, told), DeviceDecided)


def test_what_is_open_to_every_person_is_not_to_a_machine(op: Op) -> None:
    """MA-03: a machine account lets no device in to an application that none of its groups opens."""
    television(op)
    cookie = op.session(op.account("meter", kind=AccountKind.MACHINE))
    assert isinstance(decided(op, cookie, ask(op)), NoAccessForDevice)


@pytest.mark.parametrize(
    ("acr", "asked", "enough"),
    [
        (FIRST, {}, True),
        (FIRST, {"acr_values": SECOND}, False),
        (SECOND, {"acr_values": SECOND}, True),
        (THIRD, {"acr_values": SECOND}, True),
        (SECOND, {"acr_values": "urn:unknown"}, True),
        (FIRST, {"acr_values": THIRD}, False),
        (SECOND, {"acr_values": THIRD}, True),
    ],
)
def test_a_sign_in_of_the_class_that_is_asked_for(
    op: Op, acr: str, asked: dict[str, str], *, enough: bool
) -> None:
    """OIDC Core §3.1.2.1: a weaker session steps up; nobody without a passkey is sent in circles for one."""
    television(op)
    told, cookie = ask(op, **asked), op.session(op.account(), acr=acr)
    answer = look(op, cookie, told)
    assert isinstance(answer, DeviceQuestion if enough else StrongerSignIn), answer
    assert isinstance(decided(op, cookie, told), DeviceDecided if enough else StrongerSignIn)
    if isinstance(answer, StrongerSignIn):
        assert answer.demands.acr == (asked["acr_values"],)


def test_the_client_s_own_defaults_count(op: Op) -> None:
    """OIDC Registration §2: default_acr_values and default_max_age, unless the request names its own."""
    television(op, default_acr_values=[SECOND], default_max_age=60)
    account = op.account()
    weak, old, fresh = (
        op.session(account, acr=FIRST),
        op.session(account, age=dt.timedelta(minutes=2)),
        op.session(account, age=dt.timedelta(seconds=30)),
    )
    told = ask(op)
    assert isinstance(look(op, weak, told), StrongerSignIn)
    assert isinstance(look(op, old, told), StrongerSignIn)
    assert isinstance(look(op, fresh, told), DeviceQuestion)
    assert isinstance(look(op, old, ask(op, max_age="600")), DeviceQuestion)
    assert isinstance(look(op, weak, ask(op, acr_values=FIRST)), DeviceQuestion)


def test_a_sign_in_after_the_question_is_fresh_enough(op: Op) -> None:
    """AZ-18: max_age=0 asks for a new sign-in once, and not again when the person takes her time."""
    television(op)
    account = op.account()
    before = op.session(account)
    op.clock.advance(dt.timedelta(seconds=1))
    told = ask(op, max_age="0")
    answer = look(op, before, told)
    assert isinstance(answer, StrongerSignIn)
    assert answer.demands.fresh
    after = op.session(account)
    op.clock.advance(dt.timedelta(minutes=2))
    assert isinstance(look(op, after, told), DeviceQuestion)
    assert isinstance(decided(op, after, told), DeviceDecided)


def test_codes_cannot_be_guessed(op_on_both: Op) -> None:
    """RFC 8628 §5.1: twenty looks a person, two hundred an address; a right code opens nothing after that."""
    op = op_on_both
    television(op)
    told, cookie = ask(op), op.session(op.account())
    outcomes: list[Any] = [look(op, cookie, {"user_code": "BBBB-BBBB"}) for _ in range(20)]
    assert outcomes == [NoSuchCode()] * 20
    for _ in range(3):
        assert isinstance(decided(op, cookie, told), TooManyCodes)
    assert len(op.audit("gateway:device:limited")) == 1
    other = op.session(op.account("omar"))
    with origin(Origin(address="192.0.2.9")):
        with op.services.store.write() as unit:
            take(unit.connection, USER_CODES_OF_PLACE, "192.0.2.9", now=unit.now, cost=200)
        assert isinstance(look(op, other, told), TooManyCodes)
    assert isinstance(decided(op, other, told), DeviceDecided)
