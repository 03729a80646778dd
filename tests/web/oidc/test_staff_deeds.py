"""What applications hold of a person ends with her account's lock or a reset, and stays over (RT-07, UI-05, I4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from idp.usecases.sessions import find_session
from tests.support.devices import ask, decided, error_of, poll, television
from tests.support.staff_deeds import lock, reset, unlock

if TYPE_CHECKING:
    from collections.abc import Callable

    from idp.usecases.issue_temporary_password import TemporaryPassword
    from idp.usecases.lock_account import AccountLocked
    from idp.usecases.services import IdpServices
    from tests.support.oidc import Op


@pytest.mark.parametrize("deed", [lock, reset])
def test_whatever_a_person_gave_to_applications_ends_and_stays_over(
    op_on_both: Op, deed: Callable[[IdpServices], AccountLocked | TemporaryPassword]
) -> None:
    """I4, RT-07, TK-12: session, code, access and refresh token, offline access, the answer to a device."""
    op = op_on_both
    op.client(backchannel_logout_uri="https://rp.example/bc")
    television(op)
    account = op.account()
    other = op.tokens(op.session(op.account("goldm")), scope="openid offline_access")
    cookie = op.session(account)
    told = ask(op)
    decided(op, cookie, told)
    bound, kept = op.tokens(cookie), op.tokens(cookie, scope="openid offline_access")
    code = op.code(cookie)
    assert op.introspect(bound["access_token"])["active"]
    assert deed(op.services).sessions == 1
    assert [each["sub"] for each in op.notices()] == [account]
    for shut in (True, False):
        assert find_session(op.services, cookie) is None
        for tokens in (bound, kept):
            assert op.introspect(tokens["access_token"]) == {"active": False}
            assert op.introspect(tokens["refresh_token"]) == {"active": False}
            assert op.userinfo(tokens["access_token"]).status == 401
            assert error_of(op.refresh(tokens["refresh_token"])) == "invalid_grant"
        if shut:
            unlock(op.services)
    assert error_of(op.redeem(code)) == "invalid_grant"
    assert error_of(poll(op, told)) == "invalid_grant"
    assert op.refresh(other["refresh_token"]).status == 200, "of another account"
    assert op.tokens(op.session(account))["access_token"]
