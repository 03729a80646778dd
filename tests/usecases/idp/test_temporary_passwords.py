"""The operator's staff reset a password and tell a temporary one (G-66 to G-69, G-72)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from idp.domain.login_flow import Demands, PasswordDue, Step
from idp.domain.provisioning import Missing, Protected
from idp.domain.ticket import BadTicket
from idp.storage.tables import password, password_history
from idp.usecases.change_password import ChangeRefused, change_password
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import Done, FlowLost, FlowPage, NotSignedIn, PasswordRefused
from idp.usecases.issue_temporary_password import NothingToReset, issue_temporary_password
from idp.usecases.look_at_flow import look_at_flow
from idp.usecases.protect_account import protect_account
from idp.usecases.sessions import find_session
from idp.usecases.set_new_password import set_new_password
from idp.usecases.show_account import show_account
from tests.support.accounts import switched
from tests.support.gatehouse import ANOTHER, PASSWORD
from tests.support.passkeys import a_passkey, asked, present
from tests.support.staff_deeds import STAFF, lock, reset, unlock

if TYPE_CHECKING:
    from tests.support.gatehouse import Gatehouse, Holder

DESK = "browser-at-a-desk"
THIEF = "browser-of-a-thief"


def given(gatehouse: Gatehouse, word: str, browser: str = DESK) -> object:
    """Give a password at a new sign-in."""
    return gatehouse.give_password(gatehouse.start(browser), browser, "fieldn", word)


def changed(gatehouse: Gatehouse, holder: Holder, temporary: str, new: str = ANOTHER) -> object:
    """Sign in by the temporary password and the second step, and choose a password."""
    flow = gatehouse.start(DESK)
    gatehouse.give_password(flow, DESK, "fieldn", temporary)
    gatehouse.give_code(flow, DESK, gatehouse.code(holder.seed))
    gatehouse.next_step()
    return set_new_password(gatehouse.services, flow=flow, browser=DESK, password=new, repeat=new)


def test_who_has_no_password_in_use_gets_none(gatehouse: Gatehouse) -> None:
    """O8, RC-20, privacy: nobody, a protected account, one that nobody activated or its source switched off."""
    gatehouse.provision("unactivated")
    gatehouse.a_holder("guarded")
    protect_account(gatehouse.services, "guarded", actor=STAFF)
    switched(gatehouse.services, gatehouse.a_holder("off").id, active=False)
    for name, expected in (
        ("nobody", Missing()),
        ("guarded", Protected()),
        ("unactivated", NothingToReset()),
        ("off", NothingToReset()),
    ):
        assert issue_temporary_password(gatehouse.services, name, actor=STAFF) == expected
    done = issue_temporary_password(gatehouse.services, "guarded", ticket="Nora Field", actor=STAFF)
    assert done == BadTicket()
    assert gatehouse.audit("gateway:password:reset") == []
    with gatehouse.services.store.read() as connection:
        assert set(connection.scalars(select(password.c.temporary_until))) == {None}


def test_a_reset_ends_all_that_the_former_password_opened(gatehouse: Gatehouse) -> None:
    """RT-07, I4: sessions, sign-ins under way and the password itself; the holder hears of it, without a secret."""
    holder = gatehouse.a_holder()
    session = gatehouse.sign_in(holder).session_token
    parked = gatehouse.start(THIEF, demands=Demands(review=True))
    gatehouse.give_password(parked, THIEF, "fieldn")
    gatehouse.give_code(parked, THIEF, gatehouse.code(holder.seed))
    gatehouse.next_step()
    done = reset(gatehouse.services)
    assert (done.sessions, done.locked) == (1, False)
    assert find_session(gatehouse.services, session) is None
    for look in (look_at_flow, finish_login):
        assert isinstance(look(gatehouse.services, flow=parked, browser=THIEF), FlowLost)
    assert given(gatehouse, PASSWORD, holder.browser) == NotSignedIn()
    (letter,) = gatehouse.letters("password-reset", "fieldn@acme.example")
    (row,) = gatehouse.audit("gateway:password:reset")
    assert (row.target, row.actor_kind, dict(row.details)["ticket"]) == (holder.id, "operator", "INC-4711")
    assert dict(row.details).items() >= {"sessions": 1, "until": done.until.isoformat()}.items()
    for told in (repr(done), repr(letter.payload), repr(row)):
        assert done.password not in told
    assert "fieldn" not in repr(row)
    assert {each.reason for each in gatehouse.audit("gateway:session:ended")} == {"password-reset"}


def test_the_temporary_password_opens_its_change_and_nothing_else(gatehouse: Gatehouse) -> None:
    """G-68, LG-08, bar 14: the second step is asked for as ever; then it is the holder's own that counts."""
    holder = gatehouse.a_holder()
    temporary = reset(gatehouse.services).password
    flow = gatehouse.start(DESK)
    page = gatehouse.give_password(flow, DESK, "fieldn", temporary)
    assert isinstance(page, FlowPage)
    assert page.step is Step.SECOND_FACTOR
    page = gatehouse.give_code(flow, DESK, gatehouse.code(holder.seed))
    assert isinstance(page, FlowPage)
    assert (page.step, page.password_due) == (Step.CHANGE_PASSWORD, PasswordDue.TEMPORARY)
    assert isinstance(finish_login(gatehouse.services, flow=flow, browser=DESK), FlowPage)
    for again in (temporary, PASSWORD):
        refused = set_new_password(gatehouse.services, flow=flow, browser=DESK, password=again, repeat=again)
        assert isinstance(refused, PasswordRefused)
    gatehouse.next_step()
    done = set_new_password(gatehouse.services, flow=flow, browser=DESK, password=ANOTHER, repeat=ANOTHER)
    assert isinstance(done, Done)
    holder.password = ANOTHER
    assert gatehouse.sign_in(holder).session_token
    found = show_account(gatehouse.services, "fieldn")
    assert found is not None
    assert found.password is not None
    assert (found.password.must_change, found.password.temporary_until) == (False, None)
    with gatehouse.services.store.read() as connection:
        assert len(connection.scalars(select(password_history.c.hash)).all()) == 2, "what was chosen, alone"


def test_wrong_guesses_do_not_keep_out_whoever_was_told_a_password(gatehouse: Gatehouse) -> None:
    """G-66, LK-05: the very person who calls has often guessed too much; the clerk need not unlock, too."""
    gatehouse.a_holder()
    for _ in range(10):
        assert given(gatehouse, "Wrong-1") == NotSignedIn()
    assert given(gatehouse, PASSWORD) == NotSignedIn()
    assert isinstance(given(gatehouse, reset(gatehouse.services).password), FlowPage)


def test_it_works_once(gatehouse: Gatehouse) -> None:
    """G-68: whoever overheard it comes too late; who broke off calls again. A wrong one uses nothing up."""
    holder = gatehouse.a_holder()
    temporary = reset(gatehouse.services).password
    assert given(gatehouse, temporary[:-1]) == NotSignedIn()
    assert isinstance(given(gatehouse, temporary), FlowPage)
    assert given(gatehouse, temporary) == NotSignedIn()
    assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "temporary-over"
    second = reset(gatehouse.services).password
    assert second != temporary
    assert given(gatehouse, temporary) == NotSignedIn()
    assert isinstance(changed(gatehouse, holder, second), Done)


def test_it_works_for_eight_hours(gatehouse: Gatehouse) -> None:
    """Bar 13: to the second; an hour later the change that was begun in time is over, too."""
    holder = gatehouse.a_holder()
    done = reset(gatehouse.services)
    assert done.until - gatehouse.clock.now() == dt.timedelta(hours=8)
    gatehouse.clock.advance(dt.timedelta(hours=8))
    assert given(gatehouse, done.password) == NotSignedIn()
    assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "temporary-over"
    again = reset(gatehouse.services)
    gatehouse.clock.advance(dt.timedelta(hours=8, seconds=-1))
    assert isinstance(changed(gatehouse, holder, again.password), Done)


def test_a_passkey_opens_no_way_around_it(gatehouse: Gatehouse) -> None:
    """G-68, I4: a sign-in under way ends; the page of one's own password takes none that is over."""
    key = a_passkey(gatehouse, counts=False)
    parked = gatehouse.start(THIEF, demands=Demands(review=True))
    present(gatehouse, parked, key.get(asked(gatehouse, parked, THIEF)), THIEF)
    assert gatehouse.step(parked, THIEF) is Step.REVIEW
    gatehouse.clock.advance(dt.timedelta(seconds=5))
    done = reset(gatehouse.services)
    assert isinstance(finish_login(gatehouse.services, flow=parked, browser=THIEF), FlowLost)
    flow = gatehouse.start(DESK)
    entered = present(gatehouse, flow, key.get(asked(gatehouse, flow, DESK)), DESK)
    assert isinstance(entered, Done)
    session = find_session(gatehouse.services, entered.session_token)
    assert session is not None
    gatehouse.clock.advance(dt.timedelta(hours=8))
    refused = change_password(
        gatehouse.services, session, current=done.password, password=ANOTHER, repeat=ANOTHER
    )
    assert isinstance(refused, ChangeRefused)
    assert refused.wrong


def test_whoever_looks_sees_that_a_temporary_password_is_over(gatehouse: Gatehouse) -> None:
    """G-69: used or too old, it opens nothing; a passkey does, and a password of her own."""
    holder = gatehouse.a_holder()
    assert can_sign_in(gatehouse)
    temporary = reset(gatehouse.services).password
    assert can_sign_in(gatehouse)
    assert isinstance(given(gatehouse, temporary), FlowPage)
    assert not can_sign_in(gatehouse)
    done = reset(gatehouse.services)
    gatehouse.clock.advance(dt.timedelta(hours=8))
    assert not can_sign_in(gatehouse)
    assert isinstance(changed(gatehouse, holder, reset(gatehouse.services).password), Done)
    assert can_sign_in(gatehouse)
    a_passkey(gatehouse, "goldm")
    reset(gatehouse.services, "goldm")
    gatehouse.clock.advance(done.until - gatehouse.clock.now() + dt.timedelta(days=1))
    assert can_sign_in(gatehouse, "goldm")
    lock(gatehouse.services, "goldm")
    assert not can_sign_in(gatehouse, "goldm")


def can_sign_in(gatehouse: Gatehouse, user_name: str = "fieldn") -> bool:
    found = show_account(gatehouse.services, user_name)
    assert found is not None
    return found.can_sign_in


def test_wrong_guesses_are_forgotten_and_the_lock_of_staff_is_not(gatehouse: Gatehouse) -> None:
    """G-72: she is on the telephone and gets in; a locked account is unlocked by the deed for that."""
    holder = gatehouse.a_holder()
    for _ in range(10):
        assert given(gatehouse, "Wrong-1") == NotSignedIn()
    lock(gatehouse.services)
    done = reset(gatehouse.services)
    assert done.locked
    assert given(gatehouse, done.password) == NotSignedIn()
    unlock(gatehouse.services)
    assert isinstance(changed(gatehouse, holder, done.password), Done)


def test_the_database_keeps_no_temporary_password_that_may_stay(gatehouse: Gatehouse) -> None:
    """G-68: whatever writes it."""
    gatehouse.a_holder()
    statement = password.update().values(temporary_until=gatehouse.clock.now())
    with pytest.raises(IntegrityError), gatehouse.services.store.write() as unit:
        unit.connection.execute(statement)
