"""Prepared statements of PostgreSQL on their short way: BEGIN with the first, COMMIT with the last."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, event, func, literal, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from kernel.audit import SYSTEM, AuditTrail, verify_chains
from kernel.errors import DatabaseAwayError, UncertainError, UndoneError
from kernel.postgresql_connection import PostgresqlConnection
from kernel.prepared import Prepared, run_together
from kernel.randomness import SystemRandomness
from tests.support.clock import NOON, a_store

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from kernel.database import Database

METADATA = MetaData()
THING = Table(
    "thing", METADATA, Column("id", Integer, primary_key=True), Column("word", Text, nullable=False)
)
INSERT = Prepared(THING.insert(), columns=["id", "word"])
FIND = Prepared(select(THING).where(THING.c.id >= bindparam("least")).order_by(THING.c.id))
READ_ALL = Prepared(select(text("*")).select_from(THING).order_by(THING.c.id))
MANY = 450  # more than are on their way at once


@pytest.fixture
def database(postgresql_gateway_database: Database) -> Database:
    METADATA.create_all(postgresql_gateway_database.engine)
    return postgresql_gateway_database


def driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def until_one_waits(database: Database, who: Future[None]) -> None:
    """Return as soon as a connection waits for what another one holds."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.read() as connection:
        while not connection.execute(text(waits)).scalar_one():
            assert not who.done()


def words(database: Database) -> list[str]:
    return [word for _, word in FIND.all(database, least=0)]


def test_a_statement_that_fails_undoes_its_unit_and_the_connection_goes_on(database: Database) -> None:
    """The very first statement of a transaction goes out with its BEGIN, and fails as any other."""
    with database.write() as connection:
        INSERT.within(connection, id=1, word="one")
    for before in (0, 1):
        with pytest.raises(IntegrityError), database.write() as connection:
            for number in range(before):
                INSERT.within(connection, id=10 + number, word="lost")
            INSERT.within(connection, id=1, word="twice")
    with database.write() as connection:
        INSERT.within(connection, id=2, word="two")
        assert driver(connection).pgconn.transaction_status == TransactionStatus.INTRANS
    assert words(database) == ["one", "two"]


def test_values_of_a_failed_statement_are_not_told(database: Database) -> None:
    with pytest.raises(IntegrityError) as refused, database.write() as connection:
        INSERT.within(connection, id=1, word="one")
        INSERT.within(connection, id=1, word="a secret word")
    assert "a secret word" not in str(refused.value)


def test_many_rows_go_out_together_and_all_or_none_stay(database: Database) -> None:
    with database.write() as connection:
        INSERT.many(connection, ({"id": number, "word": str(number)} for number in range(MANY)))
    assert words(database) == [str(number) for number in range(MANY)]
    with pytest.raises(IntegrityError), database.write() as connection:
        rows = ({"id": number, "word": "again"} for number in range(2 * MANY, MANY - 3, -1))
        INSERT.many(connection, rows)
    assert len(words(database)) == MANY


def test_what_goes_out_with_the_commit_is_kept_with_it(database: Database) -> None:
    with database.transaction() as transaction:
        INSERT.within(transaction.connection, id=1, word="one")
        for number in range(2, MANY):
            INSERT.at_last(transaction, id=number, word=str(number))
        assert len(FIND.within(transaction.connection, least=0)) == 1
    assert len(words(database)) == MANY - 1


def test_statements_that_run_together_each_see_what_those_before_did(database: Database) -> None:
    with database.write() as connection:
        for first in (1, 3):  # with BEGIN, and in a transaction that is open
            made, found, later = run_together(
                connection,
                INSERT.bound(id=first, word="one"),
                FIND.bound(least=first),
                INSERT.bound(id=first + 1, word="two"),
            )
            assert (made, found, later) == ([], [(first, "one")], [])
        assert run_together(connection) == []
    assert words(database) == ["one", "two", "one", "two"]


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_one_of_the_statements_that_run_together_undoes_all(database: Database, taken: int) -> None:
    with database.write() as connection:
        INSERT.within(connection, id=taken, word="there")
    with pytest.raises(IntegrityError) as refused, database.write() as connection:
        run_together(connection, *(INSERT.bound(id=number, word="a secret") for number in range(3)))
    assert "a secret" not in str(refused.value)
    assert words(database) == ["there"]
    with database.write() as connection:
        assert driver(connection).pgconn.transaction_status == TransactionStatus.IDLE
        run_together(connection, *(INSERT.bound(id=number, word="new") for number in range(3, 6)))
    assert words(database) == ["there", "new", "new", "new"]


def test_a_unit_of_last_statements_alone_is_a_transaction(database: Database) -> None:
    with pytest.raises(IntegrityError), database.transaction() as transaction:
        INSERT.at_last(transaction, id=1, word="one")
        INSERT.at_last(transaction, id=1, word="twice")
    assert words(database) == []


def test_a_unit_of_last_statements_alone_takes_one_way_and_reads_what_is_committed(
    database: Database,
) -> None:
    """Its transaction is none that was begun, and is as all others, whatever is usual in this database."""
    with database.read() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_isolation = serializable'))
    database.dispose()
    told = select(literal(1), func.current_setting("transaction_isolation"))
    with database.transaction() as transaction:
        Prepared(THING.insert().from_select(["id", "word"], told)).at_last(transaction)
        INSERT.at_last(transaction, id=2, word="two")
    assert words(database) == ["read committed", "two"]


@pytest.mark.parametrize("begun", [False, True])
def test_a_database_that_was_frozen_takes_nothing(database: Database, *, begun: bool) -> None:
    """Who has it read only, for a move or because its disk is full, is not overruled by our connections."""
    with database.read() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    database.dispose()
    with database.snapshot() as connection:
        connection.execute(text("SELECT 1"))
    with pytest.raises(DatabaseAwayError), database.transaction() as transaction:
        if begun:
            FIND.within(transaction.connection, least=0)
        INSERT.at_last(transaction, id=1, word="one")
    assert words(database) == []


def test_what_fails_only_as_a_unit_of_last_statements_ends_undoes_it(database: Database) -> None:
    """A rule that is looked at last of all refuses it after each of its statements was done."""
    with database.write() as connection:
        connection.execute(
            text("ALTER TABLE thing ADD CONSTRAINT one_word UNIQUE (word) DEFERRABLE INITIALLY DEFERRED")
        )
    with pytest.raises(IntegrityError), database.transaction() as transaction:
        INSERT.at_last(transaction, id=1, word="same")
        INSERT.at_last(transaction, id=2, word="same")
    assert words(database) == []
    with database.transaction() as transaction:
        INSERT.at_last(transaction, id=3, word="other")
    assert words(database) == ["other"]


def test_a_last_statement_that_fails_undoes_the_unit(database: Database) -> None:
    """I8: a deed whose record cannot be written did not happen, and the chain goes on where it was."""
    store = a_store(database)
    with store.write() as unit:
        unit.audit.record("test:thing:made", actor=SYSTEM)
    with pytest.raises(DBAPIError), store.write() as unit:
        INSERT.within(unit.connection, id=1, word="one")
        unit.audit.record("test:thing:made", actor=SYSTEM, target="\x00")
    assert words(database) == []
    with store.write() as unit:
        unit.audit.record("test:thing:made", actor=SYSTEM)
    report = verify_chains(database)
    assert (report.events, report.faults) == (2, [])


def test_what_is_undone_to_a_savepoint_leaves_statements_prepared(database: Database) -> None:
    """The driver would have the server forget every prepared statement at a ROLLBACK."""
    with database.write() as connection:
        INSERT.within(connection, id=1, word="one")
        for _ in range(8):
            with pytest.raises(IntegrityError), connection.begin_nested():
                INSERT.within(connection, id=1, word="twice")
        INSERT.within(connection, id=2, word="two")
    assert words(database) == ["one", "two"]


@pytest.mark.parametrize("forgetting", ["DEALLOCATE ALL", "DISCARD ALL"])
def test_a_statement_that_the_server_forgot_is_prepared_anew(database: Database, forgetting: str) -> None:
    """A pooler between may end what was prepared; the next first statement of a unit finds out."""
    with database.write() as connection:
        INSERT.within(connection, id=1, word="one")
    database.reader().execute(forgetting)
    assert words(database) == ["one"]

    @event.listens_for(database.engine, "checkout")
    def forget(raw: Any, _record: object, _lent: object) -> None:
        raw.autocommit = True
        raw.execute(forgetting)
        raw.autocommit = False

    for number in (2, 3):
        with database.write() as connection:
            INSERT.within(connection, id=number, word=str(number))
    for number in (4, 6):
        with database.write() as connection:
            both = (INSERT.bound(id=number + more, word=str(number + more)) for more in (0, 1))
            run_together(connection, *both)
    assert words(database) == ["one", "2", "3", "4", "5", "6", "7"]


def test_a_statement_whose_columns_changed_is_prepared_anew(database: Database) -> None:
    """A node goes on reading while another release changes a table."""
    with database.write() as connection:
        INSERT.within(connection, id=1, word="one")
    assert READ_ALL.all(database) == [(1, "one")]
    with database.write() as connection:
        connection.execute(text("ALTER TABLE thing ADD COLUMN more INTEGER DEFAULT 7"))
    assert READ_ALL.all(database) == [(1, "one", 7)]


@pytest.mark.parametrize("change", ["ALTER TABLE thing ADD COLUMN more INTEGER", "DEALLOCATE ALL"])
def test_one_statement_that_is_outdated_has_all_of_the_connection_prepared_anew(
    database: Database, change: str
) -> None:
    """They would fail a unit each where they are not the first of theirs, and cannot be run again alone."""
    read_again = Prepared(select(text("*")).select_from(THING).order_by(THING.c.word))

    def read(connection: Connection) -> list[tuple[Any, ...]]:
        both = READ_ALL.within(connection), read_again.within(connection)
        assert both[0] == both[1]
        return both[0]

    with database.write() as connection:
        INSERT.within(connection, id=1, word="one")
        read(connection)
        process = driver(connection).info.backend_pid
    with database.write() as connection:
        connection.execute(text(change))
    with database.write() as connection:
        assert driver(connection).info.backend_pid == process
        assert read(connection)[0][:2] == (1, "one")


def test_a_connection_that_is_cut_within_a_unit_undoes_it(database: Database) -> None:
    """Nobody is told that nothing was changed who was about to commit: that could not be known."""
    for last, told in ((False, DatabaseAwayError), (True, UncertainError)):
        with pytest.raises(told), database.transaction() as transaction:
            INSERT.within(transaction.connection, id=1, word="one")
            cut(database, driver(transaction.connection).info.backend_pid)
            (INSERT.at_last if last else _within)(transaction, id=2, word="two")
        assert words(database) == []


def _within(transaction: Any, **values: object) -> None:
    INSERT.within(transaction.connection, **values)


def cut(database: Database, process: int) -> None:
    """End one connection from the server's side, and wait until it is gone."""
    with database.read() as connection:
        ended = connection.execute(text("SELECT pg_terminate_backend(:p, 10000)"), {"p": process})
        assert ended.scalar_one()


@pytest.mark.parametrize("last", [False, True])
def test_who_waits_for_another_unit_lets_its_thread_run(database: Database, *, last: bool) -> None:
    """The wait is without the interpreter's lock: held, both would wait for ever."""

    def second() -> None:
        with pytest.raises(IntegrityError), database.transaction() as transaction:
            (INSERT.at_last if last else _within)(transaction, id=1, word="second")

    with ThreadPoolExecutor(1) as threads:
        with database.write() as connection:
            INSERT.within(connection, id=1, word="first")
            waiting = threads.submit(second)
            until_one_waits(database, waiting)
        waiting.result()
    assert words(database) == ["first"]


def test_values_come_back_as_the_cursor_of_the_driver_reads_them(database: Database) -> None:
    values = [1, "é ' % $1", None, True, b"\x00\xff", 1 << 40, dt.datetime(2026, 1, 2, tzinfo=dt.UTC), 1.5]
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    reader = database.reader()
    short = reader.run(f"SELECT {places}".encode(), values)
    assert short == [tuple(values)]
    assert reader.execute("SELECT " + ", ".join(["%s"] * len(values)), values).fetchall() == short


def test_last_statements_that_the_server_forgot_are_prepared_anew_by_the_next_unit(
    database: Database,
) -> None:
    """The unit that finds out is undone; the connection is as good as before."""
    store = a_store(database)
    with store.write() as unit:
        unit.audit.record("test:thing:made", actor=SYSTEM)
    with database.write() as connection:
        connection.execute(text("DEALLOCATE ALL"))
    with pytest.raises(UndoneError), store.write() as unit:
        unit.audit.record("test:thing:made", actor=SYSTEM)
    with store.write() as unit:
        unit.audit.record("test:thing:made", actor=SYSTEM)
    report = verify_chains(database)
    assert (report.chains, report.events, report.faults) == (1, 2, [])


def test_a_commit_that_the_server_refused_gives_its_chain_back(database: Database) -> None:
    """Only where nobody knows how it ended, another chain is opened."""
    store = a_store(database)
    with store.write() as unit:
        unit.audit.record("test:thing:made", actor=SYSTEM)
    for second in (1, "\x00"):
        with pytest.raises(DBAPIError), store.write() as unit:
            INSERT.at_last(unit.transaction, id=1, word="one")
            INSERT.at_last(unit.transaction, id=second, word="two")
            unit.audit.record("test:thing:made", actor=SYSTEM)
    with store.write() as unit:
        unit.audit.record("test:thing:made", actor=SYSTEM)
    report = verify_chains(database)
    assert (report.chains, report.events, report.faults) == (1, 2, [])


def test_a_command_that_is_interrupted_stops_the_server_and_may_go_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interrupt itself is told, not an error of the connection that was left in the middle."""
    wait, interrupts = PostgresqlConnection._wait, [KeyboardInterrupt]

    def interrupted(connection: PostgresqlConnection, awaited: int) -> None:
        if interrupts:
            raise interrupts.pop()
        wait(connection, awaited)

    with database.write() as connection:
        raw = driver(connection)
        for statement in (b"SELECT pg_sleep(30)", b"SELECT 1"):
            INSERT.within(connection, id=len(statement), word="one")
            monkeypatch.setattr(PostgresqlConnection, "_wait", interrupted)
            with pytest.raises(KeyboardInterrupt):
                raw.run(statement, [])
            interrupts.append(KeyboardInterrupt)
            monkeypatch.setattr(PostgresqlConnection, "_wait", wait)
            raw.rollback()
    assert words(database) == []


def test_who_waits_to_open_a_chain_waits_no_longer_than_a_moment(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens one may wait for a row that the other holds; the database sees that, a lock here does not."""
    monkeypatch.setattr("kernel.audit._MOMENT", 0.01)
    trail = AuditTrail(SystemRandomness(), node="test")
    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as opening:
            trail.take(opening, NOON)
            waiting = threads.submit(_take, database, trail)
            until_one_waits(database, waiting)
        waiting.result()
    report = verify_chains(database)
    assert (report.chains, report.faults) == (2, [])


def _take(database: Database, trail: AuditTrail) -> None:
    with database.transaction() as transaction:
        trail.take(transaction, NOON)
