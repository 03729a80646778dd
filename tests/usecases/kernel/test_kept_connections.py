"""PostgreSQL's units of work keep the connection they ran on for the next one, and nothing of what was on it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import InternalError, ProgrammingError
from sqlalchemy.pool import QueuePool

from kernel.database import Database
from kernel.prepared import Prepared
from kernel.tables import audit_chain
from tests.support.lines import a_store_of_things, a_thing, audited, things
from tests.support.postgresql_sessions import cut_all
from tests.support.processes import wait_until
from tests.support.together import together

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from kernel.store import Store
    from tests.support.databases import Databases

_LOOK = Prepared(select(audit_chain.c.chain))


@pytest.fixture
def store(postgresql_databases: Databases) -> Store:
    """Give a store of things."""
    return a_store_of_things(postgresql_databases)


def _which(connection: Connection) -> int:
    """Return the number of the server's process for this connection."""
    found: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return found


def _of_unit(store: Store) -> int:
    with store.write() as unit:
        return _which(unit.connection)


def _open(store: Store) -> int:
    """Return how many connections the server has to this database, beside the one that asks."""
    asking = Database(store.database.engine.url.render_as_string(hide_password=False))
    with asking.read() as connection:
        found: int = connection.execute(
            text("SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()")
        ).scalar_one()
    asking.dispose()
    return found


def test_units_that_follow_one_another_run_on_one_connection(store: Store) -> None:
    first = _of_unit(store)
    with store.write() as unit:
        _LOOK.within(unit.connection)  # nothing that Core would know of
    assert _of_unit(store) == first


def test_what_a_unit_that_failed_had_open_is_gone_before_the_next(store: Store) -> None:
    """Its settings, and its rows, whether Core began the transaction or a prepared statement did."""
    for number, fails in enumerate((False, True)):
        with pytest.raises(ProgrammingError if fails else RuntimeError), store.write() as unit:
            _LOOK.within(unit.connection)
            if fails:
                unit.connection.execute(text("SELECT * FROM nowhere"))
            unit.connection.execute(text("SET LOCAL lock_timeout = '7s'"))
            a_thing(unit, f"lost {number}")
            raise RuntimeError
        with store.write() as unit:
            assert unit.connection.execute(text("SHOW lock_timeout")).scalar_one() == "0"
    assert things(store) == audited(store) == set()


def test_who_goes_on_after_a_failure_leaves_no_broken_connection(store: Store) -> None:
    with pytest.raises(InternalError), store.write() as unit:
        with pytest.raises(ProgrammingError):
            unit.connection.execute(text("SELECT * FROM nowhere"))
        _LOOK.within(unit.connection)
    with store.write() as unit:
        a_thing(unit, "one")
    assert things(store) == audited(store) == {"one"}


def test_one_that_the_server_ended_while_nobody_used_it_is_replaced_unseen(store: Store) -> None:
    """A server that was restarted between two requests costs nobody a 503."""
    before = _of_unit(store)
    cut_all(store.database)
    with store.write() as unit:
        a_thing(unit, "one")
        assert _which(unit.connection) != before
    assert things(store) == {"one"}


def test_those_that_wait_are_closed_with_the_database(store: Store) -> None:
    _of_unit(store)
    assert _open(store)
    store.database.dispose()
    wait_until(lambda: not _open(store), "the end of all connections")  # each of which the server ends itself


def test_no_more_wait_than_the_process_keeps(postgresql_databases: Databases) -> None:
    """What a rush of writers opened beyond ``database_pool`` is closed when it is over (operations.md)."""
    small = postgresql_databases.new("kernel", pool_size=2)
    rush = Barrier(5)

    def write(_number: int) -> None:
        with small.write() as connection:
            _which(connection)
            rush.wait(60)

    together(5, write)
    pool = small.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedin() + pool.checkedout() == 2


def test_readers_take_the_place_of_those_that_wait_for_units(postgresql_databases: Databases) -> None:
    """A process has no more connections open than it keeps, however they are used (operations.md)."""
    small = Database(
        postgresql_databases.new("kernel").engine.url.render_as_string(hide_password=False), pool_size=2
    )
    with small.write() as one:
        unit = _which(one)
    with ExitStack() as held:
        held.enter_context(small.read())
        held.enter_context(small.snapshot())
        # Both places are taken: the unit's was given back and lent again.
        with small.read() as connection:
            count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid = :pid"
            assert connection.execute(text(count), {"pid": unit}).scalar_one() == 1
    small.dispose()


def test_a_process_that_was_forked_off_leaves_them_to_its_parent(store: Store) -> None:
    """Two that talk on one connection would read each other's answers."""
    parents = _of_unit(store)
    child = os.fork()
    if not child:
        os._exit(0 if _of_unit(store) != parents else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert _of_unit(store) == parents
