"""Units of work that wait for one another in a line share a commit; each is kept or undone by itself."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from kernel.audit import verify_chains
from kernel.database import Database
from kernel.errors import BusyError, DatabaseAwayError
from kernel.prepared import Prepared
from kernel.shared_commits import Line, Shared
from kernel.sqlite_writer import SqliteWriter
from kernel.tables import audit_chain
from tests.support.lines import ROW, a_store_of_things, a_thing, audited, in_line, the_line, things

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.store import Store, Unit
    from kernel.transaction import Transaction
    from tests.support.databases import Databases

OTHERS = 4
_INSERT = Prepared(audit_chain.insert(), columns=[column.name for column in audit_chain.columns])


class _WrongError(Exception):
    """Something went wrong."""


@pytest.fixture
def store(sqlite_databases: Databases) -> Store:
    """Give a store of things on SQLite."""
    return a_store_of_things(sqlite_databases)


@pytest.fixture
def any_store(databases: Databases) -> Store:
    """Give a store of things on each database."""
    return a_store_of_things(databases)


def test_a_unit_that_fails_first_leaves_nothing_to_those_who_wait(any_store: Store) -> None:
    def fail(unit: Unit) -> None:
        a_thing(unit, "wrong")
        raise _WrongError

    seen, _ = in_line(any_store, [fail, lambda unit: a_thing(unit, "right")])
    assert isinstance(seen[0], _WrongError)
    assert things(any_store) == audited(any_store) == {"right"}
    assert verify_chains(any_store.database).faults == []


def test_a_unit_that_fails_between_others_is_undone_alone(any_store: Store) -> None:
    """With its audit rows: the chain goes on from the unit before it."""

    def fail(unit: Unit) -> None:
        a_thing(unit, "wrong")
        unit.audit.write()
        raise _WrongError

    rest = [partial(a_thing, name=str(n)) for n in range(OTHERS)]
    seen, committed = in_line(any_store, [rest[0], fail, *rest[1:], fail])
    assert [type(each) for each in seen].count(_WrongError) == 2
    assert things(any_store) == audited(any_store) == {str(n) for n in range(OTHERS)}
    assert committed == 1
    assert verify_chains(any_store.database).faults == []


def test_who_waits_in_line_shares_one_commit_and_returns_after_it(any_store: Store) -> None:
    """What a caller was told is on the disk: any other connection finds it."""
    names = {str(n) for n in range(1 + OTHERS)}
    seen, committed = in_line(any_store, [partial(a_thing, name=name) for name in names])
    assert committed == 1
    assert seen == [names] * (1 + OTHERS)
    assert verify_chains(any_store.database).faults == []


def test_each_unit_sees_what_those_before_it_wrote(any_store: Store) -> None:
    """A name is given once, as if each had been committed by itself."""
    seen, committed = in_line(any_store, [lambda unit: a_thing(unit, "one")] * (1 + OTHERS))
    assert [type(each) for each in seen[1:]] == [IntegrityError] * OTHERS
    assert (seen[0], committed) == ({"one"}, 1)


def test_what_is_told_of_the_audit_is_what_was_committed(databases: Databases) -> None:
    """Counts of deeds are those of the audit: of the units of one commit each counts for itself."""
    told: list[str] = []
    store = a_store_of_things(databases, told=lambda rows: told.extend(str(row["target"]) for row in rows))

    def fail(unit: Unit) -> None:
        a_thing(unit, "wrong")
        raise _WrongError

    def fail_late(unit: Unit) -> None:
        a_thing(unit, "late")
        unit.audit.write()
        raise _WrongError

    def fail_all(unit: Unit) -> None:
        a_thing(unit, "orphan", parent="nobody")

    in_line(store, [partial(a_thing, name="one"), fail, fail_late, partial(a_thing, name="two")])
    assert (sorted(told), audited(store)) == (["one", "two"], {"one", "two"})
    in_line(store, [partial(a_thing, name="three"), fail_all])
    assert sorted(told) == ["one", "two"]


def test_a_commit_that_fails_fails_everybody_and_nobody_after(any_store: Store) -> None:
    """A chain of which nobody knows how far it was written is never gone on with."""

    def doubtful(unit: Unit) -> None:
        a_thing(unit, "orphan", parent="nobody")

    seen, _ = in_line(
        any_store, [lambda unit: a_thing(unit, "one"), doubtful, lambda unit: a_thing(unit, "two")]
    )
    assert [type(each) for each in seen] == [IntegrityError] * 3
    assert things(any_store) == audited(any_store) == set()
    with any_store.write() as unit:
        a_thing(unit, "three")
    assert things(any_store) == audited(any_store) == {"three"}
    assert verify_chains(any_store.database).faults == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, LookupError])
def test_who_is_stopped_within_the_commit_of_all_lets_nobody_believe_that_it_stands(
    any_store: Store, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are let through when it is known how it went, and are told."""
    line = type(the_line(any_store))

    def stopped(self: Any, transaction: Transaction) -> None:
        self._undo(transaction)
        raise kind

    with monkeypatch.context() as patched:
        patched.setattr(line, "_commit", stopped)
        seen, committed = in_line(
            any_store, [partial(a_thing, name=name) for name in ("one", "two", "three")]
        )
    assert [isinstance(each, BaseException) for each in seen] == [True] * 3
    assert (type(seen[-1]), committed) == (kind, 0)
    with any_store.write(line=ROW) as unit:
        a_thing(unit, "four")
    assert things(any_store) == audited(any_store) == {"four"}
    assert verify_chains(any_store.database).faults == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_who_is_stopped_as_its_unit_ends_takes_all_of_the_transaction_along(
    any_store: Store, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows how far it came: who followed would stand on what may be half done."""
    line = type(the_line(any_store))
    keep = line._keep

    def stopped(self: Any, shared: Shared) -> None:
        if shared.units == 1:
            raise kind
        keep(self, shared)

    with monkeypatch.context() as patched:
        patched.setattr(line, "_keep", stopped)
        seen, committed = in_line(
            any_store, [partial(a_thing, name=name) for name in ("one", "two", "three")]
        )
    assert isinstance(seen[0], Exception)
    assert (type(seen[1]), seen[2], committed) == (kind, {"three"}, 1)
    assert things(any_store) == audited(any_store) == {"three"}
    assert verify_chains(any_store.database).faults == []


def test_a_transaction_that_nobody_takes_over_is_committed_all_the_same(
    any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was next in line may have been stopped on the way."""
    monkeypatch.setattr(Line, "waiting", property(lambda _self: 1))
    with any_store.write(line=ROW) as unit:
        a_thing(unit, "one")
    assert things(any_store) == audited(any_store) == {"one"}


def test_a_process_that_was_forked_off_writes_on_a_connection_of_its_own(store: Store) -> None:
    """SQLite's connections do not cross a fork."""
    with store.write() as unit:
        a_thing(unit, "parent")
    child = os.fork()
    if not child:
        try:
            with store.write() as unit:
                a_thing(unit, "child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    with store.write() as unit:
        a_thing(unit, "parent again")
    assert things(store) == audited(store) == {"parent", "child", "parent again"}
    assert verify_chains(store.database).faults == []


def overfill(unit: Unit) -> None:
    unit.connection.execute(text("INSERT INTO thing VALUES (:name, NULL)"), {"name": "x" * 100_000})


def overfill_prepared(unit: Unit) -> None:
    row = {"chain": "c", "node": "x" * 100_000, "opened_at": unit.now, "previous_hash": b"", "hash": b""}
    _INSERT.within(unit.connection, number=99, **row)


@pytest.mark.parametrize("fill", [overfill, overfill_prepared])
@pytest.mark.parametrize("before", [0, 1])
def test_a_unit_that_goes_on_after_the_disk_was_full_leaves_nothing(
    store: Store, fill: Callable[[Unit], None], before: int
) -> None:
    """SQLite undoes the whole transaction by itself then: what follows must not stand, nor tear the chain."""
    with store.write() as unit:
        a_thing(unit, "earlier")

    def stubborn(unit: Unit) -> None:
        pages = unit.connection.execute(text("PRAGMA page_count")).scalar_one()
        unit.connection.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
        with suppress(OperationalError):
            fill(unit)
        unit.connection.execute(text(f"PRAGMA max_page_count = {pages + 1_000}"))
        with unit.connection.begin_nested():
            a_thing(unit, "stubborn")

    deeds = [lambda unit: a_thing(unit, "before")] * before
    seen, _ = in_line(store, [*deeds, stubborn, lambda unit: a_thing(unit, "behind")])
    full = "the database cannot be used: database or disk is full"
    assert [str(error) for error in seen[: before + 1]] == [full] * (before + 1)
    for name in ("one", "two"):
        with store.write() as unit:
            a_thing(unit, name)
    kept = {"earlier", "one", "two"}
    if not isinstance(seen[-1], DatabaseAwayError):  # it may have come in line before the stubborn one
        kept.add("behind")
    assert things(store) == audited(store) == kept
    assert verify_chains(store.database).faults == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_who_is_stopped_within_a_statement_leaves_a_writer_that_works(
    store: Store, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library closes the connection then."""

    def stopped(*_anything: object) -> None:
        raise kind

    with monkeypatch.context() as patched, pytest.raises(kind), store.write() as unit:
        patched.setattr(unit.connection.dialect, "do_execute", stopped)
        unit.connection.execute(text("SELECT 1"))
    with store.write() as unit:
        a_thing(unit, "one")
    assert things(store) == audited(store) == {"one"}


def test_a_database_that_is_closed_between_two_units_of_a_line_keeps_both(store: Store) -> None:
    """Closing stands in line as well, and ends the transaction that it finds."""

    class Closed(SqliteWriter):
        waiting = property(lambda _self: 1)

        def _await(self, shared: Any) -> None:
            self.close()
            super()._await(shared)

    store.database.writer = Closed(store.database.engine)
    for name in ("one", "two"):
        with store.write() as unit:
            a_thing(unit, name)
    assert things(store) == audited(store) == {"one", "two"}


def test_a_process_that_waits_for_another_one_looks_often(store: Store) -> None:
    """Threads that write without a pause leave the others gaps of a moment: a long sleep would miss them."""
    looked: list[str] = []
    other = Database(store.database.engine.url.render_as_string(hide_password=False))
    with other.write() as connection:
        raw: Any = connection.connection.dbapi_connection
    often = threading.Event()
    raw.set_trace_callback(
        lambda sql: looked.append(sql) or looked.count("BEGIN IMMEDIATE") < 20 or often.set()
    )

    def write() -> None:
        with other.write():
            pass

    wait = threading.Thread(target=write)
    with store.write():
        wait.start()
        assert often.wait(9)
    wait.join()
    other.dispose()


def test_a_process_that_is_forked_off_within_a_line_never_writes_into_the_transaction_of_its_parent(
    store: Store,
) -> None:
    """It cannot write where its parent does, and it is told so."""
    child = 0

    class Forking(SqliteWriter):
        waiting = property(lambda _self: 1)

        def _await(self, shared: Any) -> None:
            nonlocal child
            child = os.fork()
            if not child:
                signal.alarm(30)
                with suppress(BusyError), store.write() as unit:
                    a_thing(unit, "child")
                    os._exit(1)
                os._exit(0)
            super()._await(shared)

    store.database.writer = Forking(store.database.engine, busy_timeout=0.1)
    with store.write() as unit:
        a_thing(unit, "parent")
    assert os.waitpid(child, 0)[1] == 0
    assert things(store) == audited(store) == {"parent"}
