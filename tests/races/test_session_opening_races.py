"""What is opened for a person at the very moment her account is deactivated."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from idp.domain.account import AccountKind
from idp.domain.provisioning import AccountFacts
from idp.storage.accounts import find_account
from idp.storage.grants import NewGrant, insert_grant
from idp.storage.sessions import NewSession, open_session
from idp.usecases.change_account import Changed, change_account
from idp.usecases.sessions import find_session
from kernel.audit import SYSTEM
from kernel.crypto import digest
from tests.support.oidc import an_op
from tests.support.together import done_or_waiting

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.store import Unit
    from tests.support.oidc import Op

pytestmark = pytest.mark.race
TOKEN = "t" * 43


def switched(op: Op, account_id: str, *, active: bool) -> bool:
    """Deactivate or reactivate the account as its source does."""
    with op.services.store.read() as connection:
        account = find_account(connection, account_id)
    assert account is not None
    facts = AccountFacts(
        kind=AccountKind.PERSONAL,
        user_name=account.user_name,
        external_id=account.external_id,
        display_name=account.display_name,
        given_name=account.given_name,
        family_name=account.family_name,
        middle_name="",
        email=account.email,
        phone=account.phone,
        language=account.language,
        active=active,
        invite=False,
        person_id=account.person_id,
        custodian_person_id="",
        organizations=(),
        allowed_addresses=(),
        source_version=account.source_version,
        document="{}",
        values=(),
    )
    done = change_account(
        op.services,
        actor=SYSTEM,
        source="test",
        account_id=account_id,
        facts=facts,
        expected_version=account.version,
    )
    assert isinstance(done, Changed), done
    return True


def opened(unit: Unit, account_id: str) -> bool:
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
    return open_session(unit.connection, new, now=unit.now)


def test_a_session_that_is_being_opened_ends_with_its_account(postgresql_gateway_database: Database) -> None:
    """I4: who deactivates the account waits for it; it never comes to life as the account does.

    On SQLite nobody writes beside somebody else, so this cannot be.
    """
    op = an_op(postgresql_gateway_database)
    account_id = op.account()
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            assert opened(unit, account_id)
            ending = pool.submit(switched, op, account_id, active=False)
            done_or_waiting(postgresql_gateway_database, ending)
        assert ending.result(60)
    assert switched(op, account_id, active=True)
    assert find_session(op.services, TOKEN) is None


def test_a_session_is_not_opened_after_its_account_was_deactivated(
    postgresql_gateway_database: Database,
) -> None:
    """I4: whatever the unit of work saw of the account before, the statement that stores the session looks again."""
    op = an_op(postgresql_gateway_database)
    account_id = op.account()
    with ThreadPoolExecutor(1) as pool, op.services.store.write() as unit:
        seen = find_account(unit.connection, account_id)
        assert seen is not None
        assert seen.active
        assert pool.submit(switched, op, account_id, active=False).result(60)
        assert not opened(unit, account_id)
    assert switched(op, account_id, active=True)
    assert find_session(op.services, TOKEN) is None


def test_no_grant_is_given_after_the_account_was_deactivated(postgresql_gateway_database: Database) -> None:
    """I4: an authorization whose session was live a moment before gives no code that a reactivation wakes."""
    op = an_op(postgresql_gateway_database)
    op.client()
    account_id = op.account()
    with ThreadPoolExecutor(1) as pool, op.services.store.write() as unit:
        assert pool.submit(switched, op, account_id, active=False).result(60)
        end = unit.now.replace(year=2030)
        new = NewGrant(unit.randomness.ulid(unit.now), "emi", account_id, None, "openid", end)
        assert not insert_grant(unit.connection, new, now=unit.now)
