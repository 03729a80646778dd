"""The operator's staff lock an account at once, and unlock it (LG-11, I4, G-72)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from idp.domain.account_lock import LockReason
from idp.domain.lockout import Counted
from idp.domain.provisioning import Missing, Protected
from idp.domain.ticket import BadTicket
from idp.storage.lockouts import account_key
from idp.storage.tables import failure_count
from idp.usecases.activate_account import activate_account
from idp.usecases.flow_outcomes import LinkDead, NotSignedIn
from idp.usecases.lock_account import lock_account
from idp.usecases.protect_account import protect_account
from idp.usecases.sessions import find_session
from idp.usecases.show_account import show_account
from idp.usecases.unlock_account import unlock_account
from tests.support.accounts import switched
from tests.support.gatehouse import PASSWORD
from tests.support.staff_deeds import STAFF, lock, unlock

if TYPE_CHECKING:
    from tests.support.gatehouse import Gatehouse

STRANGER = "browser-of-a-stranger"


def guess(
    gatehouse: Gatehouse, times: int = 1, *, browser: str = STRANGER, password: str = "Wrong-1"
) -> object:
    """Give a password so often; return the last answer."""
    answers = [
        gatehouse.give_password(gatehouse.start(browser), browser, "fieldn", password) for _ in range(times)
    ]
    return answers[-1]


@pytest.mark.parametrize("ticket", ["Nora Field", "nora@acme.example", "Field", "1" * 65, "7\n", "Field 7"])
def test_a_ticket_that_could_name_somebody_is_refused(gatehouse: Gatehouse, ticket: str) -> None:
    """Privacy: the audit holds nothing of a person; nothing is locked, so that the number comes first."""
    gatehouse.a_holder()
    reason = LockReason.SUSPICION
    refused = lock_account(gatehouse.services, "fieldn", reason=reason, ticket=ticket, actor=STAFF)
    assert refused == BadTicket()
    assert gatehouse.sign_in(gatehouse.a_holder("goldm")).session_token
    assert gatehouse.audit("gateway:account:locked") == []


def test_who_is_not_there_or_is_protected_is_not_locked(gatehouse: Gatehouse) -> None:
    """O8: the account for emergencies may be what this very emergency needs."""
    holder = gatehouse.a_holder()
    session = gatehouse.sign_in(holder).session_token
    protect_account(gatehouse.services, "fieldn", actor=STAFF)
    for name, expected in (("nobody", Missing()), ("FieldN", Protected())):
        done = lock_account(gatehouse.services, name, reason=LockReason.COMPROMISED, actor=STAFF)
        assert done == expected
    assert unlock_account(gatehouse.services, "nobody", actor=STAFF) == Missing()
    assert find_session(gatehouse.services, session)
    assert gatehouse.audit("gateway:account:locked") == []


def test_the_database_holds_no_half_of_a_lock(gatehouse: Gatehouse) -> None:
    """I4: an account cannot be locked and in use, nor locked without what its source wants."""
    from idp.storage.tables import account

    holder = gatehouse.a_holder()
    now = gatehouse.clock.now()
    for half in ({"locked_at": now, "active_after_lock": True}, {"active": False, "locked_at": now}):
        statement = account.update().where(account.c.id == holder.id).values(half)
        with pytest.raises(IntegrityError), gatehouse.services.store.write() as unit:
            unit.connection.execute(statement)


def test_a_lock_shuts_the_person_out_and_says_nothing_of_it(gatehouse: Gatehouse) -> None:
    """LG-11, EN-01: everywhere at once, with the answer of a wrong password; the audit has the reason."""
    holder = gatehouse.a_holder()
    sessions = [gatehouse.sign_in(holder, browser=each).session_token for each in ("home", "office")]
    done = lock(gatehouse.services)
    assert (done.sessions, done.again) == (3, False), "these two, and that of the activation"
    assert [find_session(gatehouse.services, each) for each in sessions] == [None, None]
    for password in (PASSWORD, "Wrong-1"):
        assert guess(gatehouse, browser="home", password=password) == NotSignedIn()
        assert gatehouse.audit("gateway:sign-in:refused")[-1].reason == "locked-by-staff"
    again = lock(gatehouse.services)
    assert (again.since, again.sessions, again.again) == (done.since, 0, True)
    (row,) = gatehouse.audit("gateway:account:locked")
    assert (row.target, row.reason, row.actor_kind) == (holder.id, "compromised", "operator")
    assert dict(row.details) == {"ticket": "INC-4711", "sessions": 3}
    assert "fieldn" not in repr(row)
    assert {each.reason for each in gatehouse.audit("gateway:session:ended")} == {"locked"}


def test_nothing_that_ended_comes_back_with_the_account(gatehouse: Gatehouse) -> None:
    """I4: after the lock the person signs in anew, from a browser that nobody knows."""
    holder = gatehouse.a_holder()
    session = gatehouse.sign_in(holder).session_token
    lock(gatehouse.services)
    assert guess(gatehouse, 3, browser=holder.browser) == NotSignedIn()
    done = unlock(gatehouse.services)
    assert (done.was_locked, done.guesses, done.is_active) == (True, True, True)
    assert find_session(gatehouse.services, session) is None
    letters = len(gatehouse.letters("new-sign-in"))
    assert gatehouse.sign_in(holder).session_token
    assert len(gatehouse.letters("new-sign-in")) == letters + 1
    (row,) = gatehouse.audit("gateway:account:unlocked")
    assert dict(row.details) == {"staff": True, "guesses": True, "active": True}


def test_a_lock_forgets_what_was_counted_before_it(gatehouse: Gatehouse) -> None:
    """LK-05: the browsers that guesses were counted for are known no more, so nobody would find them again."""
    holder = gatehouse.a_holder()
    for browser in (STRANGER, holder.browser):
        assert guess(gatehouse, 3, browser=browser) == NotSignedIn()
    lock(gatehouse.services)
    with gatehouse.services.store.read() as connection:
        assert connection.execute(failure_count.select()).all() == []
    done = unlock(gatehouse.services)
    assert (done.was_locked, done.guesses) == (True, False)


def test_an_invitation_dies_with_the_lock_and_another_one_follows(gatehouse: Gatehouse) -> None:
    """G-25, I4: the link that may be in the wrong hands opens nothing, then or later."""
    account = gatehouse.provision()
    link = gatehouse.link_token(account.email)
    lock(gatehouse.services)

    def activated(token: str) -> object:
        return activate_account(
            gatehouse.services, token=token, browser="home", password=PASSWORD, repeat=PASSWORD
        )

    assert activated(link) == LinkDead()
    unlock(gatehouse.services)
    assert activated(link) == LinkDead()
    assert gatehouse.link_token(account.email) != link
    gatehouse.activate(gatehouse.account(account.id))


def test_who_was_never_invited_is_not_invited_by_an_unlock(gatehouse: Gatehouse) -> None:
    """G-11: whether there is a letter is for the source of the account to say."""
    from idp.storage.tables import one_time_secret

    account = gatehouse.provision()
    with gatehouse.services.store.write() as unit:
        unit.connection.execute(one_time_secret.delete())
    letters = len(gatehouse.letters("activation", account.email))
    lock(gatehouse.services)
    unlock(gatehouse.services)
    assert len(gatehouse.letters("activation", account.email)) == letters


def test_source_and_staff_each_close_and_both_must_open(gatehouse: Gatehouse) -> None:
    """Either closes for itself: what the source states under the lock counts once that is taken off."""
    holder = gatehouse.a_holder()
    lock(gatehouse.services)
    for active in (True, False, True):
        assert switched(gatehouse.services, holder.id, active=active)
        account = gatehouse.account(holder.id)
        assert (account.active, account.is_wanted) == (False, active)
    assert guess(gatehouse, browser=holder.browser, password=PASSWORD) == NotSignedIn()
    assert switched(gatehouse.services, holder.id, active=False)
    assert not unlock(gatehouse.services).is_active
    assert not gatehouse.account(holder.id).active
    lock(gatehouse.services)
    assert switched(gatehouse.services, holder.id, active=True)
    assert unlock(gatehouse.services).is_active
    assert gatehouse.sign_in(holder).session_token


def test_an_unlock_takes_the_lock_of_wrong_guesses_off(gatehouse: Gatehouse) -> None:
    """G-72: that of strangers and that of her own browser; of an account that nobody locked nothing is written."""
    holder = gatehouse.a_holder()
    goldm = gatehouse.a_holder("goldm")
    assert not unlock(gatehouse.services).guesses
    assert gatehouse.audit("gateway:account:unlocked") == []
    for browser in (STRANGER, holder.browser):
        assert guess(gatehouse, 10, browser=browser) == NotSignedIn()
        assert guess(gatehouse, browser=browser, password=PASSWORD) == NotSignedIn()
    gatehouse.give_password(gatehouse.start(STRANGER), STRANGER, "goldm", "Wrong-1")
    found = show_account(gatehouse.services, "fieldn")
    assert found is not None
    assert found.guessed_until is not None
    done = unlock(gatehouse.services)
    assert (done.was_locked, done.guesses) == (False, True)
    with gatehouse.services.store.read() as connection:
        left = connection.execute(failure_count.select()).all()
    assert [(each.kind, each.key) for each in left] == [(Counted.PASSWORD, account_key(goldm.id, None))]
    assert gatehouse.sign_in(holder).session_token
    found = show_account(gatehouse.services, "fieldn")
    assert found is not None
    assert (found.guessed_until, found.browsers, len(found.factors)) == (None, 1, 1)


def test_an_account_for_emergencies_is_unlocked_whoever_guessed_at_it(gatehouse: Gatehouse) -> None:
    """O8, G-72: protected from sources, and not from its own operators."""
    holder = gatehouse.a_holder()
    protect_account(gatehouse.services, "fieldn", actor=STAFF)
    assert guess(gatehouse, 10, browser=holder.browser) == NotSignedIn()
    assert unlock(gatehouse.services).guesses
    assert gatehouse.sign_in(holder).session_token
