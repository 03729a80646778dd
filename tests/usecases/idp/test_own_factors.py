"""Second factors in their owner's hands: named and removed, by who proved lately that it is she."""

from __future__ import annotations

import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from idp.domain.factors import PROOF_LIFE, OwnFactor, Removal
from idp.settings import IdpSettings
from idp.storage.departures import remove_account
from idp.storage.endings import end_sign_ins_of
from idp.usecases.name_factor import name_factor
from idp.usecases.own_factors import list_own_factors
from idp.usecases.remove_factor import remove_factor
from idp.usecases.sessions import find_session
from kernel.tables import courier_message
from tests.support.factors import an_app
from tests.support.oidc import an_op
from tests.support.together import done_or_waiting, together

if TYPE_CHECKING:
    from idp.domain.session import LiveSession
    from kernel.database import Database
    from tests.support.oidc import Op

APP, OTHER = "01HAPP0000000000000000000A", "01HAPP0000000000000000000B"


def live(op: Op, cookie: str) -> LiveSession:
    found = find_session(op.services, cookie)
    assert found is not None
    return found


def having_two(op: Op, **session: object) -> LiveSession:
    account_id = op.account()
    an_app(op.services, account_id, APP, "Phone")
    an_app(op.services, account_id, OTHER)
    return live(op, op.session(account_id, **session))  # type: ignore[arg-type]


def left(op: Op, session: LiveSession) -> list[str]:
    return [each.id for each in list_own_factors(op.services, session)]


@pytest.mark.parametrize(
    "session", [{"age": PROOF_LIFE + dt.timedelta(seconds=1)}, {"acr": "urn:switchyard:acr:1fa"}]
)
def test_who_did_not_prove_it_lately_changes_nothing(
    gateway_database: Database, session: dict[str, object]
) -> None:
    """ASVS 7.5.1: a session that somebody else took over takes no factor away, and gives none a name."""
    op = an_op(gateway_database)
    standing = having_two(op, **session)
    assert remove_factor(op.services, standing, APP) is Removal.UNPROVED
    assert name_factor(op.services, standing, APP, label="Mine") is None
    assert [each.label for each in list_own_factors(op.services, standing)] == ["Phone", ""]
    assert op.audit("gateway:factor:removed") == op.audit("gateway:factor:named") == []


def test_nobody_touches_a_factor_of_somebody_else(gateway_database: Database) -> None:
    """ASVS 8.2.2: the same answer as for one that is not there."""
    op = an_op(gateway_database)
    hers = having_two(op)
    his = live(op, op.session(op.account("other")))
    for factor_id in (APP, "01HNONE0000000000000000000"):
        assert remove_factor(op.services, his, factor_id) is Removal.GONE
        assert name_factor(op.services, his, factor_id, label="Mine") is False
    assert left(op, hers) == [APP, OTHER]


def test_the_last_one_goes_only_where_none_is_demanded(gateway_database: Database) -> None:
    """MF-14: whose account needs a second step keeps one, whatever she asks for."""
    op = an_op(gateway_database)
    standing = having_two(op)
    assert isinstance(remove_factor(op.services, standing, OTHER), OwnFactor)
    assert remove_factor(op.services, standing, APP) is Removal.LAST
    assert left(op, standing) == [APP]
    free = dataclasses.replace(op.services, settings=IdpSettings(second_factor="optional"))
    assert isinstance(remove_factor(free, standing, APP), OwnFactor)
    assert left(op, standing) == []


def test_of_two_removals_at_once_one_leaves_the_last(gateway_database: Database) -> None:
    """MF-14: each saw the other's factor; the database decides that one of them stays."""
    op = an_op(gateway_database)
    standing = having_two(op)
    answers = together(2, lambda number: remove_factor(op.services, standing, (APP, OTHER)[number]))
    assert sorted(isinstance(each, OwnFactor) for each in answers) == [False, True]
    assert Removal.LAST in answers
    assert len(left(op, standing)) == 1


@pytest.mark.race
def test_a_removal_makes_way_for_the_deletion_of_its_account(postgresql_gateway_database: Database) -> None:
    """I2: both take the account before its factors, so that neither waits for the other in a ring."""
    op = an_op(postgresql_gateway_database)
    standing = having_two(op)
    account_id = standing.account.id
    with ThreadPoolExecutor(1) as pool:
        with op.services.store.write() as unit:
            end_sign_ins_of(unit.connection, account_id, now=unit.now)
            removal = pool.submit(remove_factor, op.services, standing, APP, elsewhere=True)
            done_or_waiting(postgresql_gateway_database, removal)
            remove_account(unit.connection, account_id)
        assert removal.result(60) is Removal.GONE


def test_what_was_removed_is_told_and_written_down(gateway_database: Database) -> None:
    """ASVS 6.3.7, 7.4.3: a letter, the audit, and on request the end of every other session."""
    op = an_op(gateway_database)
    account_id = having_two(op).account.id
    own, other = op.session(account_id), op.session(account_id)
    standing = live(op, own)
    assert isinstance(remove_factor(op.services, standing, OTHER), OwnFactor)
    assert find_session(op.services, other) is not None
    an_app(op.services, account_id, OTHER)
    assert isinstance(remove_factor(op.services, standing, APP, elsewhere=True), OwnFactor)
    assert find_session(op.services, other) is None
    assert find_session(op.services, own) is not None
    deeds = op.audit("gateway:factor:removed")
    assert [(each.target, each.details["factor"]) for each in deeds] == [
        (account_id, OTHER),
        (account_id, APP),
    ]
    with op.services.store.read() as connection:
        letters = connection.execute(select(courier_message.c.template)).scalars().all()
    assert letters.count("factor-removed") == 2
