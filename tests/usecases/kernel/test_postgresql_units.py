"""PostgreSQL's units of work that want one row: a transaction that several of them share, and what it must not do."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import column, select, table, text
from sqlalchemy.exc import (
    IntegrityError,
    InternalError,
    NotSupportedError,
    ProgrammingError,
)

from kernel.audit import SYSTEM, verify_chains
from kernel.errors import DatabaseAwayError, NestedUnitError, UncertainError, UndoneError
from kernel.postgresql_units import PostgresqlUnits
from kernel.prepared import Prepared
from kernel.tables import audit_chain
from tests.support.lines import ROW, a_store_of_things, a_thing, audited, in_line, things
from tests.support.postgresql_sessions import cut_all

if TYPE_CHECKING:
    from kernel.store import Store, Unit
    from tests.support.databases import Databases

_LOOK = Prepared(select(audit_chain.c.chain))
_LOOK_AT_ALL = Prepared(select(text("*")).select_from(audit_chain))
_NOWHERE = Prepared(select(column("chain")).select_from(table("nowhere")))
_LAST = Prepared(audit_chain.insert(), columns=[column.name for column in audit_chain.columns])


@pytest.fixture
def store(postgresql_databases: Databases) -> Store:
    """Give a store of things."""
    return a_store_of_things(postgresql_databases)


def _at_last(unit: Unit, number: int) -> None:
    row = {"chain": f"c{number}", "node": "n", "opened_at": unit.now, "previous_hash": b"", "hash": b""}
    _LAST.at_last(unit.transaction, number=number, **row)


def only_the_next_one_stands(store: Store) -> None:
    """Do a deed in the line, and find that nothing else stands, nor is audited."""
    with store.write(line=ROW) as unit:
        a_thing(unit, "next")
    assert things(store) == audited(store) == {"next"}
    assert verify_chains(store.database).faults == []


def test_a_unit_within_a_unit_of_its_line_is_refused(store: Store) -> None:
    """It would wait for itself."""
    with pytest.raises(NestedUnitError), store.write(line=ROW), store.write(line=ROW):
        pass
    with store.write(line=ROW) as unit:
        a_thing(unit, "one")
    assert things(store) == {"one"}


def test_who_follows_others_waits_for_no_row_but_is_undone(store: Store) -> None:
    """It holds their rows: two lines that want each other's would wait until the server broke one of them."""
    with store.write() as unit:
        a_thing(unit, "held")
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with store.write() as unit:
            unit.connection.execute(text("UPDATE thing SET parent = name WHERE name = 'held'"))
            held.set()
            assert free.wait(60)

    def want(unit: Unit) -> None:
        a_thing(unit, "lost")
        unit.connection.execute(text("UPDATE thing SET parent = NULL WHERE name = 'held'"))

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert held.wait(60)
        try:
            seen, committed = in_line(store, [partial(a_thing, name="before"), want, want])
        finally:
            free.set()
        holding.result()
    assert [type(each) for each in seen] == [set, UndoneError, UndoneError]
    assert committed == 1
    assert things(store) == audited(store) == {"held", "before"}
    assert verify_chains(store.database).faults == []


def test_who_stands_alone_waits_for_a_row_as_long_as_it_takes(store: Store) -> None:
    """The first of a line holds nothing of others'."""
    with store.write() as unit:
        a_thing(unit, "held")

    def change() -> None:
        with store.write(line=ROW) as unit:
            unit.connection.execute(text("UPDATE thing SET parent = NULL WHERE name = 'held'"))
            assert unit.connection.execute(text("SHOW lock_timeout")).scalar() == "0"

    with ThreadPoolExecutor(1) as pool:
        with store.write() as unit:
            unit.connection.execute(text("UPDATE thing SET parent = name WHERE name = 'held'"))
            waiting = pool.submit(change)
            _until_one_waits(store)
        waiting.result(60)


def _until_one_waits(store: Store) -> None:
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with store.read() as connection:
        while not connection.execute(text(waits)).scalar_one():
            os.sched_yield()


def test_what_a_unit_leaves_for_the_end_is_written_before_the_next_one_asks(store: Store) -> None:
    """Whichever way it asks: past the driver's cursor, or by it."""
    found: list[int] = []

    def look(unit: Unit) -> None:
        found.append(
            unit.connection.execute(text("SELECT count(*) FROM audit_chain WHERE chain = 'c98'")).scalar_one()
        )

    seen, committed = in_line(store, [partial(_at_last, number=98), look, partial(_at_last, number=99)])
    assert [type(each) for each in seen] == [set] * 3
    assert (found, committed) == ([1], 1)
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit_chain")).scalar_one() == 2


def test_units_that_ask_nothing_of_the_server_leave_what_others_wrote(store: Store) -> None:
    def nothing(_unit: Unit) -> None:
        """Do nothing."""

    def fail(_unit: Unit) -> None:
        raise LookupError

    seen, committed = in_line(store, [partial(a_thing, name="one"), nothing, fail, nothing])
    assert sorted(type(each).__name__ for each in seen) == ["LookupError", "set", "set", "set"]
    assert committed == 1
    assert things(store) == audited(store) == {"one"}


def test_a_last_statement_that_fails_fails_those_that_share_it_and_nobody_after(store: Store) -> None:
    """They would stand on what was not written."""
    twice = partial(_at_last, number=98)
    seen, committed = in_line(store, [twice, twice, partial(a_thing, name="two")])
    assert [type(each) for each in seen] == [IntegrityError] * 3
    assert committed == 0
    only_the_next_one_stands(store)


def test_a_unit_that_goes_on_after_a_statement_that_failed_lets_nobody_believe_that_it_stands(
    store: Store,
) -> None:
    """The server answers COMMIT to a transaction that it can only undo."""

    def heedless(unit: Unit) -> None:
        with suppress(IntegrityError):
            unit.connection.execute(text("INSERT INTO thing VALUES ('one', NULL)"))

    seen, committed = in_line(store, [partial(a_thing, name="one"), heedless])
    assert [type(each) for each in seen] == [InternalError] * 2
    assert (committed, things(store)) == (0, set())


@pytest.mark.parametrize("last", [False, True])
def test_a_unit_of_no_line_that_goes_on_after_a_statement_that_failed_is_told_that_nothing_stands(
    store: Store, *, last: bool
) -> None:
    """The same without others: what was done before the failure is not on the disk, and nobody may think so."""
    ended: list[bool | None] = []
    with pytest.raises(InternalError), store.write() as unit:
        unit.transaction.at_end(ended.append)
        unit.connection.execute(text("INSERT INTO thing VALUES ('one', NULL)"))
        with suppress(IntegrityError):
            unit.connection.execute(text("INSERT INTO thing VALUES ('one', NULL)"))
        if last:
            _at_last(unit, 98)
    assert (ended, things(store)) == ([False], set())
    only_the_next_one_stands(store)


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("behind", [0, 1])
def test_who_takes_what_another_one_left_for_its_own_conflict_takes_nobody_back(
    store: Store, before: int, behind: int
) -> None:
    """It stood behind no savepoint yet, and goes on in a transaction that can only be undone."""

    def heedful(unit: Unit) -> None:
        with suppress(IntegrityError), unit.connection.begin_nested():
            unit.connection.execute(text("INSERT INTO thing VALUES ('one', NULL)"))
        if behind:
            unit.audit.record("test:thing:made", actor=SYSTEM, target="two")

    with store.write() as unit:
        _at_last(unit, 98)
    deeds = [*[partial(a_thing, name="one")] * before, partial(_at_last, number=98), heedful]
    seen, committed = in_line(store, [*deeds, *[partial(a_thing, name="three")] * behind])
    assert [isinstance(each, Exception) for each in seen] == [True] * (before + 2) + [False] * behind
    assert things(store) == audited(store) == ({"three"} if behind else set())
    assert committed == behind


def test_a_statement_that_cannot_be_prepared_fails_its_own_unit_alone(store: Store) -> None:
    """The server parses it before it runs what was noted, the savepoint with it."""

    def ask(unit: Unit) -> None:
        _NOWHERE.within(unit.connection)

    seen, committed = in_line(store, [partial(a_thing, name="one"), ask, partial(a_thing, name="two")])
    assert [type(each) for each in seen] == [set, ProgrammingError, set]
    assert (committed, things(store), audited(store)) == (1, {"one", "two"}, {"one", "two"})
    assert verify_chains(store.database).faults == []


def test_what_cannot_be_sent_at_last_fails_those_that_share_it(store: Store) -> None:
    """Nobody who waits for the commit is told that it stands; it is no error of the driver."""

    def unspeakable(unit: Unit) -> None:
        a_thing(unit, "one")
        row = {"chain": "c98", "node": "\ud800", "opened_at": unit.now, "previous_hash": b"", "hash": b""}
        _LAST.at_last(unit.transaction, number=98, **row)

    seen, committed = in_line(store, [unspeakable, partial(a_thing, name="two")])
    assert [type(each) for each in seen] == [UnicodeEncodeError] * 2
    assert committed == 0
    only_the_next_one_stands(store)


def test_a_statement_that_the_server_forgot_is_not_run_again_without_what_others_left_for_the_end(
    store: Store,
) -> None:
    """Their transaction has not begun for the server; to begin anew would lose what their callers wait for."""

    def only_audited(unit: Unit) -> None:
        unit.audit.record("test:thing:made", actor=SYSTEM, target="one")

    def ask(unit: Unit) -> None:
        _LOOK.within(unit.connection)

    for deed in (partial(a_thing, name="before"), ask):
        with store.write() as unit:
            deed(unit)
    with store.write() as unit:
        unit.connection.execute(text("DEALLOCATE ALL"))
    seen, committed = in_line(store, [only_audited, ask])
    assert [type(each) for each in seen] == [UndoneError] * 2
    assert committed == 0
    seen, committed = in_line(store, [only_audited, ask])
    assert (seen, committed) == ([{"before"}] * 2, 1)
    assert audited(store) == {"before", "one"}
    assert verify_chains(store.database).faults == []


@pytest.mark.parametrize("change", ["ALTER TABLE audit_chain ADD COLUMN more INTEGER", "DEALLOCATE ALL"])
@pytest.mark.parametrize("lines", [False, True])
def test_a_unit_that_meets_an_outdated_statement_is_undone_and_may_be_done_again(
    store: Store, change: str, *, lines: bool
) -> None:
    """Where it is not its first, which is run again at once; the next one of the connection meets none."""

    def ask(unit: Unit) -> None:
        unit.connection.execute(text("SELECT 1"))
        _LOOK_AT_ALL.within(unit.connection)

    for deed in (ask, lambda unit: unit.connection.execute(text(change))):
        with store.write() as unit:
            deed(unit)
    if lines:
        seen, _ = in_line(store, [partial(a_thing, name="one"), ask, ask])
        assert [type(each) for each in seen] == [set, UndoneError, set]
    else:
        with pytest.raises(UndoneError), store.write() as unit:
            ask(unit)
        with store.write() as unit:
            ask(unit)
            a_thing(unit, "one")
    assert things(store) == {"one"}


def test_what_the_server_cannot_do_is_no_reason_to_do_it_again(store: Store) -> None:
    """It has the same code as an outdated statement, and would be a mistake of our own."""
    with pytest.raises(NotSupportedError), store.write() as unit:
        unit.connection.execute(text("SELECT 1 UNION SELECT 2 FOR UPDATE"))


def test_a_connection_that_is_lost_fails_those_that_share_it_and_nobody_after(store: Store) -> None:
    def lose(unit: Unit) -> None:
        cut_all(store.database)
        a_thing(unit, "lost")

    seen, committed = in_line(store, [partial(a_thing, name="one"), lose])
    assert [type(each) for each in seen] == [UncertainError, DatabaseAwayError]
    assert committed == 0
    only_the_next_one_stands(store)


def test_lines_do_not_wait_for_one_another_and_are_forgotten(store: Store) -> None:
    with ThreadPoolExecutor(1) as pool, store.write(line=ROW) as unit:
        a_thing(unit, "one")

        def other() -> None:
            with store.write(line="another row") as unit:
                a_thing(unit, "two")

        pool.submit(other).result(60)
        assert things(store) == {"two"}
    writer: Any = store.database.writer
    assert isinstance(writer, PostgresqlUnits)
    first = writer.line(ROW)
    writer.left(ROW, first)
    assert writer.line(ROW) is not first
