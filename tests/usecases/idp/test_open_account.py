"""Opening an account whose password the operator knows, and what its sign-in asks then."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from idp.domain.account import Waiver
from idp.domain.login_flow import Demands, Step
from idp.domain.provisioning import Missing
from idp.domain.session import Acr
from idp.domain.totp import code_at, step_at
from idp.storage.own_factors import own_factors
from idp.usecases.flow_outcomes import Done, FlowPage, NotSignedIn, WrongCode
from idp.usecases.open_account import AccountOpened, Opening, open_account
from idp.usecases.sessions import find_session
from kernel.audit import SYSTEM
from tests.support.gatehouse import Gatehouse

if TYPE_CHECKING:
    from collections.abc import Collection

BROWSER = "browser-elsewhere"
SEED = base64.b32decode("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
EVERYTHING = tuple(Waiver)


def opened(
    gatehouse: Gatehouse, waived: Collection[Waiver], *, password: str = "weak", app: bool = False
) -> str:
    """Provision and open an account; return its id."""
    account = gatehouse.provision()
    opening = Opening(password, {}, waived, SEED if app else None)
    assert (
        open_account(gatehouse.services, actor=SYSTEM, account_id=account.id, opening=opening)
        == AccountOpened()
    )
    return account.id


def test_nobody_who_is_not_there_is_opened(sqlite_gatehouse: Gatehouse) -> None:
    """An unknown id opens nothing."""
    opening = Opening("a password", {})
    unknown = open_account(sqlite_gatehouse.services, actor=SYSTEM, account_id="none", opening=opening)
    assert unknown == Missing()


def test_a_password_that_can_be_nobodys_opens_nothing(sqlite_gatehouse: Gatehouse) -> None:
    """LG-01: what is too long to be a password is none, whoever vouches for it."""
    account = sqlite_gatehouse.provision()
    with pytest.raises(ValueError, match="not a password"):
        open_account(
            sqlite_gatehouse.services, actor=SYSTEM, account_id=account.id, opening=Opening("x" * 5000, {})
        )
    assert not sqlite_gatehouse.account(account.id).is_usable


def test_a_waived_factor_and_question_leave_the_password_alone(gatehouse: Gatehouse) -> None:
    """The policy asks everybody for both; of this account it does not, and the session says one factor."""
    account_id = opened(gatehouse, EVERYTHING)
    flow = gatehouse.start()
    assert gatehouse.give_password(flow, BROWSER, "fieldn", "wrong") == NotSignedIn()
    done = gatehouse.give_password(flow, BROWSER, "fieldn", "weak")
    assert isinstance(done, Done)
    live = find_session(gatehouse.services, done.session_token)
    assert live is not None
    assert (live.account.id, live.acr, live.amr) == (account_id, Acr.ONE_FACTOR.value, ("pwd",))
    assert gatehouse.letters("activated") == []


def test_a_waiver_does_not_answer_a_relying_party_that_asks_for_two_factors(
    sqlite_gatehouse: Gatehouse,
) -> None:
    """AL-*: what the policy waives, a client may still demand; the mailbox is proved before an app is enrolled."""
    opened(sqlite_gatehouse, EVERYTHING)
    flow = sqlite_gatehouse.start(demands=Demands(acr=(Acr.TWO_FACTORS.value,)))
    page = sqlite_gatehouse.give_password(flow, BROWSER, "fieldn", "weak")
    assert isinstance(page, FlowPage)
    assert page.step is Step.PROVE_MAILBOX


def test_without_a_waiver_the_policy_asks_as_of_everybody(sqlite_gatehouse: Gatehouse) -> None:
    """G-20, G-29: an account without a factor proves its mailbox first."""
    opened(sqlite_gatehouse, (Waiver.QUESTION,))
    page = sqlite_gatehouse.give_password(sqlite_gatehouse.start(), BROWSER, "fieldn", "weak")
    assert isinstance(page, FlowPage)
    assert page.step is Step.PROVE_MAILBOX


def test_an_app_that_was_given_is_asked_for_and_its_codes_are_right(gatehouse: Gatehouse) -> None:
    """MF-02: the first code of a given secret works, once. Its owner gave it no name, so that it has none."""
    account_id = opened(gatehouse, (Waiver.QUESTION,), app=True)
    with gatehouse.services.store.read() as connection:
        assert [each.label for each in own_factors(connection, account_id)] == [""]
    code = code_at(SEED, step_at(gatehouse.clock.now()))
    for expected in (Done, WrongCode):
        flow = gatehouse.start()
        page = gatehouse.give_password(flow, BROWSER, "fieldn", "weak")
        assert isinstance(page, FlowPage)
        assert page.step is Step.SECOND_FACTOR
        assert isinstance(gatehouse.give_code(flow, BROWSER, code), expected)
    assert gatehouse.account(account_id).waived == ("question",)


def test_opening_again_replaces_password_and_app(sqlite_gatehouse: Gatehouse) -> None:
    """Repeating is harmless: the last opening is the one that holds."""
    account_id = opened(sqlite_gatehouse, (Waiver.QUESTION,), app=True)
    again = Opening("another", {"gender": "female"}, EVERYTHING)
    open_account(sqlite_gatehouse.services, actor=SYSTEM, account_id=account_id, opening=again)
    flow = sqlite_gatehouse.start()
    assert sqlite_gatehouse.give_password(flow, BROWSER, "fieldn", "weak") == NotSignedIn()
    assert isinstance(sqlite_gatehouse.give_password(flow, BROWSER, "fieldn", "another"), Done)
