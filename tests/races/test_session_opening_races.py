"""What is opened for a person at the very moment her account is deactivated, or locked by staff."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from idp.domain.login_flow import Demands
from idp.storage.accounts import find_account, touch_versions
from idp.storage.endings import end_one_session
from idp.storage.grants import NewGrant, insert_grant
from idp.storage.sessions import NewSession, open_session
from idp.usecases.deprovision_account import Deprovisioned, deprovision_account
from idp.usecases.finish_login import finish_login
from idp.usecases.flow_outcomes import Done
from idp.usecases.log_out import log_out
from idp.usecases.sessions import find_session
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.errors import UndoneError
from kernel.tables import audit_event
from tests.support.accounts import switched
from tests.support.gatehouse import a_gatehouse
from tests.support.oidc import Op, an_op
from tests.support.staff_deeds import lock, unlock
from tests.support.together import done_or_waiting

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from kernel.store import Unit

pytestmark = pytest.mark.race
TOKEN = "t" * 43


def opened(unit: Unit, account_id: str, *, began_at: dt.datetime | None = None) -> bool:
    new = NewSession(
        id=unit.randomness.ulid(unit.now),
        digest=digest(TOKEN),
        browser=digest("b" * 43),
        account_id=account_id,
        acr="urn:switchyard:acr:2fa",
        amr=("pwd",),
        authenticated_at=unit.now,
        expires_at=unit.now.replace(year=2030),
        address="192.0.2.1",
        user_agent="test",
    )
    return open_session(unit.connection, new, began_at=began_at or unit.now, now=unit.now)


def deactivated(op: Op, account_id: str) -> None:
    assert switched(op.services, account_id, active=False)


def reactivated(op: Op, account_id: str) -> None:
    assert switched(op.services, account_id, active=True)


def locked(op: Op, _account_id: str) -> None:
    assert not lock(op.services).again


def unlocked(op: Op, _account_id: str) -> None:
    assert unlock(op.services).was_locked


Deed = Callable[[Op, str], None]
OFF_AND_ON = pytest.mark.parametrize(
    ("off", "on"), [(deactivated, reactivated), (locked, unlocked)], ids=["deactivated", "locked"]
)


@OFF_AND_ON
def test_a_session_that_is_being_opened_ends_with_its_account(
    postgresql_gateway_database: Database, off: Deed, on: Deed
) -> None:
    """I4: who deactivates the account waits for it; it never comes to life as the account does.

    On SQLite nobody writes beside somebody else, so this cannot be.
    """
    op = an_op(postgresql_gateway_database)
    account_id = op.account()
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            assert opened(unit, account_id)
            ending = pool.submit(off, op, account_id)
            done_or_waiting(postgresql_gateway_database, ending)
            assert not ending.done()
        ending.result(60)
    on(op, account_id)
    assert find_session(op.services, TOKEN) is None


def test_a_session_that_is_being_opened_ends_with_a_deleted_account(
    postgresql_gateway_database: Database,
) -> None:
    """I2, RT-07: the deletion waits for it too, and ends it before the account goes, so that it is told."""
    op = an_op(postgresql_gateway_database)
    account_id = op.account()
    with op.services.store.read() as connection:
        account = find_account(connection, account_id)
    assert account is not None
    source, actor = account.source, Actor("client", account.source)
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            assert opened(unit, account_id)
            deletion = pool.submit(
                deprovision_account, op.services, actor=actor, source=source, account_id=account_id
            )
            done_or_waiting(postgresql_gateway_database, deletion)
            assert not deletion.done()
        assert deletion.result(60) == Deprovisioned()
    ends = select(audit_event.c.reason).where(audit_event.c.tag == "gateway:session:ended")
    with op.services.store.read() as connection:
        assert connection.scalars(ends).all() == ["deleted"]


@OFF_AND_ON
def test_a_session_is_not_opened_after_its_account_was_switched_off(
    postgresql_gateway_database: Database, off: Deed, on: Deed
) -> None:
    """I4: whatever the unit of work saw of the account before, the statement that stores the session looks again."""
    op = an_op(postgresql_gateway_database)
    account_id = op.account()
    with ThreadPoolExecutor(1) as pool, op.services.store.write() as unit:
        seen = find_account(unit.connection, account_id)
        assert seen is not None
        assert seen.active
        pool.submit(off, op, account_id).result(60)
        assert not opened(unit, account_id)
    on(op, account_id)
    assert find_session(op.services, TOKEN) is None


def test_a_session_that_is_being_opened_ends_with_all_others(postgresql_gateway_database: Database) -> None:
    """ASVS 7.4.3: who signs out everywhere waits for it; a sign-in that she does not see is none she could end."""
    op = an_op(postgresql_gateway_database)
    account_id = op.account()
    own = op.session(account_id)
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            assert opened(unit, account_id)
            ending = pool.submit(log_out, op.services, session_token=own, everywhere=True)
            done_or_waiting(postgresql_gateway_database, ending)
            assert not ending.done()
        assert ending.result(60) is not None
    assert find_session(op.services, TOKEN) is None


def test_a_sign_in_is_not_concluded_after_its_account_was_signed_out_everywhere(
    postgresql_gateway_database: Database,
) -> None:
    """ASVS 7.4.3: whatever it saw of the account before; one that begins after that is not touched."""
    op = an_op(postgresql_gateway_database)
    account_id = op.account()
    with ThreadPoolExecutor(1) as pool, op.services.store.write() as unit:
        assert find_account(unit.connection, account_id) is not None
        own = pool.submit(op.session, account_id).result(60)
        ended = pool.submit(log_out, op.services, session_token=own, everywhere=True)
        assert ended.result(60) is not None
        assert not opened(unit, account_id, began_at=unit.now - dt.timedelta(seconds=1))
        assert opened(unit, account_id)


def test_a_sign_in_is_concluded_while_a_group_of_the_account_changes(
    postgresql_gateway_database: Database,
) -> None:
    """Only the version of the account is raised by that: however long it takes, nobody waits for it."""
    op = an_op(postgresql_gateway_database)
    account_id = op.account()
    with ThreadPoolExecutor(1) as pool, op.services.store.write() as unit:
        touch_versions(unit.connection, [account_id])
        own = pool.submit(op.session, account_id)
        done_or_waiting(postgresql_gateway_database, own)
        assert own.done()


def test_a_session_that_ends_while_a_sign_in_goes_on_with_it_makes_way_for_a_new_one(
    postgresql_gateway_database: Database, clock: FrozenClock
) -> None:
    """ASVS 7.2.4: nothing was done, and the form that is sent again opens one."""
    gatehouse = a_gatehouse(postgresql_gateway_database, clock)
    holder = gatehouse.a_holder()
    token = gatehouse.sign_in(holder).session_token
    gatehouse.next_step()
    flow = gatehouse.start(holder.browser, demands=Demands(review=True))
    gatehouse.give_password(flow, holder.browser, holder.user_name)
    gatehouse.give_code(flow, holder.browser, gatehouse.code(holder.seed))
    own = find_session(gatehouse.services, token)
    assert own is not None
    with ThreadPoolExecutor(1) as pool:
        with gatehouse.services.store.write() as unit:
            assert end_one_session(unit.connection, own.id, reason="signed-out", now=unit.now)
            ending = pool.submit(finish_login, gatehouse.services, flow=flow, browser=holder.browser)
            done_or_waiting(postgresql_gateway_database, ending)
        with pytest.raises(UndoneError):
            ending.result(60)
    again = finish_login(gatehouse.services, flow=flow, browser=holder.browser)
    assert isinstance(again, Done)
    assert again.session_id != own.id


@OFF_AND_ON
def test_no_grant_is_given_after_the_account_was_switched_off(
    postgresql_gateway_database: Database, off: Deed, on: Deed
) -> None:
    """I4: an authorization whose session was live a moment before gives no code that a reactivation wakes."""
    op = an_op(postgresql_gateway_database)
    op.client()
    account_id = op.account()
    with ThreadPoolExecutor(1) as pool, op.services.store.write() as unit:
        pool.submit(off, op, account_id).result(60)
        end = unit.now.replace(year=2030)
        new = NewGrant(unit.randomness.ulid(unit.now), "emi", account_id, None, "openid", end)
        assert not insert_grant(unit.connection, new, now=unit.now)
    on(op, account_id)
    assert op.tokens(op.session(account_id))["access_token"]
