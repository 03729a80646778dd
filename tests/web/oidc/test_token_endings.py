"""Whatever ends a token, it stays ended, and one end does not hide another."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from idp.usecases.disable_client import disable_client
from idp.usecases.enable_client import enable_client
from idp.usecases.endings import end_sessions
from idp.usecases.log_out import SignedOut, log_out
from idp.usecases.sessions import find_session
from kernel.audit import SYSTEM

if TYPE_CHECKING:
    from tests.support.oidc import Op


def active(op: Op, tokens: dict[str, str], client_id: str = "emi") -> list[bool]:
    """Return whether access token and refresh token live."""
    proof = op.basic(client_id)
    return [bool(op.introspect(tokens[kind], proof)["active"]) for kind in ("access_token", "refresh_token")]


def test_a_refresh_token_is_told_to_live_while_it_could_be_used(op_on_both: Op) -> None:
    """RFC 7662 §2.2, IR-04: not once it was spent or is over, nor while its person is switched off."""
    op = op_on_both
    op.client()
    account = op.account()
    first = op.tokens(op.session(account))
    second = op.refresh(first["refresh_token"]).json()
    for tokens, lives in ((first, False), (second, True)):
        assert active(op, tokens)[1] is lives
    for switched in (False, True):
        op.set_account(account, active=switched)
        assert active(op, second)[1] is switched
    op.clock.advance(dt.timedelta(hours=12))
    assert active(op, second) == [False, False], "it ends with the session"


@pytest.mark.parametrize("gone", [{"active": False}, {"activated_at": None}])
def test_a_token_of_who_may_not_sign_in_is_worth_nothing(op_on_both: Op, gone: dict[str, object]) -> None:
    """IR-04, UI-01: the account's row is asked each time, whatever else was or was not ended with it."""
    op = op_on_both
    op.client()
    account = op.account()
    token = op.tokens(op.session(account))["access_token"]
    op.set_account(account, **gone)
    assert op.introspect(token) == {"active": False}
    assert op.userinfo(token).status == 401


def end_all(op: Op, account_id: str) -> None:
    with op.services.store.write() as unit:
        end_sessions(unit, op.services, account_id=account_id, reason="password-changed", actor=SYSTEM)


def test_the_ends_of_a_person_and_of_a_client_add_up(op_on_both: Op) -> None:
    """IR-08, CVE-2026-8922: a token that either of them ended is dead, in whatever order they came."""
    op = op_on_both
    for client_id in ("emi", "other"):
        op.client(client_id)
    account_id = op.account()
    cookie = op.session(account_id)
    first = op.tokens(cookie)
    code = op.code(cookie, client_id="other")
    others = op.redeem(code, headers=op.basic("other")).json()
    disable_client(op.services, "emi", actor=SYSTEM, reason="test")
    enable_client(op.services, "emi", actor=SYSTEM)
    assert active(op, first) == [False, False], "what the client had before stays dead"
    assert active(op, others, "other") == [True, True]
    second = op.tokens(cookie)
    assert active(op, second) == [True, True]
    end_all(op, account_id)
    for tokens, client_id in ((first, "emi"), (second, "emi"), (others, "other")):
        assert active(op, tokens, client_id) == [False, False]
    third = op.tokens(op.session(account_id))
    assert active(op, third) == [True, True]
    disable_client(op.services, "emi", actor=SYSTEM, reason="test")
    enable_client(op.services, "emi", actor=SYSTEM)
    assert active(op, third) == [False, False]
    assert op.refresh(third["refresh_token"]).json()["error"] == "invalid_grant"


def test_signing_out_everywhere_ends_what_the_person_has_and_nobody_elses(op_on_both: Op) -> None:
    """ASVS 7.4.3, RT-07: all sessions, and offline access too, which signing out here alone leaves (§11)."""
    op = op_on_both
    op.client(backchannel_logout_uri="https://emi.example/out")
    account = op.account()
    cookies = [op.session(account), op.session(account)]
    other = op.session(op.account("younga"))
    held = [op.tokens(cookie, scope="openid offline_access") for cookie in cookies]
    theirs = op.tokens(other, scope="openid offline_access")
    gone = op.session(account)
    kept = op.tokens(gone, scope="openid offline_access")
    assert log_out(op.services, session_token=gone)
    assert active(op, kept) == [True, True]
    assert log_out(op.services, session_token=cookies[0], everywhere=True)
    assert [find_session(op.services, cookie) for cookie in cookies] == [None, None]
    for tokens in (*held, kept):
        assert active(op, tokens) == [False, False]
    assert find_session(op.services, other) is not None
    assert active(op, theirs) == [True, True]
    assert len(op.notices()) == 3
    assert log_out(op.services, session_token=cookies[1], everywhere=True) == SignedOut(()), "a second click"
    assert not log_out(op.services, session_token=gone, everywhere=True), "one that ended otherwise"
    reasons = [row.reason for row in op.audit("gateway:session:ended")]
    assert reasons == ["signed-out", "signed-out-everywhere", "signed-out-everywhere"]


def test_ten_thousand_words_are_refused_or_passed_by(op_on_both: Op) -> None:
    """RX-10, CVE-2026-4634: scopes, classes, languages and resources without end break nothing."""
    op = op_on_both
    op.client()
    op.machine()
    cookie = op.session(op.account())
    crowd = " ".join(f"w{number}" for number in range(10_000))
    for name in ("scope", "acr_values", "ui_locales", "prompt", "claims"):
        answer = op.authorize(cookie, **{name: crowd})
        assert answer.status in {303, 400}, name
        assert len(answer.header("location")) < 2_000, "nothing of it is echoed"
    fields = {"grant_type": "client_credentials", "scope": crowd}
    assert op.post("/oauth2/token", fields, headers=op.basic("m2m")).json()["error"] == "invalid_scope"
    many = {"grant_type": "client_credentials", "resource": [f"https://r{n}.example" for n in range(10_000)]}
    assert op.post("/oauth2/token", many, headers=op.basic("m2m")).status == 400
