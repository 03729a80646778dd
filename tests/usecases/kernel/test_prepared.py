"""Prepared statements say the same as Core does, on both databases."""

import datetime as dt

import pytest
from sqlalchemy import Boolean, Column, Integer, LargeBinary, MetaData, Table, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from kernel.database import Database, JsonText, UtcDateTime
from kernel.prepared import Prepared

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime),
    Column("facts", JsonText),
    Column("digest", LargeBinary),
    Column("used", Boolean),
)
INSERT = Prepared(THING.insert(), columns=["id", "at", "facts", "digest", "used"])
FIND = Prepared(
    select(THING).where(THING.c.id == bindparam("id"), THING.c.at <= bindparam("now", type_=UtcDateTime()))
)
SPEND = Prepared(
    update(THING)
    .where(THING.c.id == bindparam("key"), THING.c.used.is_(False))
    .values(used=True)
    .returning(THING.c.id, THING.c.at)
)


@pytest.fixture
def database(kernel_database: Database) -> Database:
    METADATA.create_all(kernel_database.engine)
    with kernel_database.write() as connection:
        INSERT.within(connection, id=1, at=NOON, facts={"b": [1]}, digest=b"\x00\x01", used=False)
    return kernel_database


def test_a_row_comes_back_as_its_column_types_say(database: Database) -> None:
    assert FIND.first(database, id=1, now=NOON) == (1, NOON, {"b": [1]}, b"\x00\x01", False)


def test_what_is_not_there_is_none(database: Database) -> None:
    assert FIND.first(database, id=1, now=NOON - dt.timedelta(microseconds=1)) is None
    assert FIND.all(database, id=2, now=NOON) == []


def test_a_conditional_statement_succeeds_once(database: Database) -> None:
    with database.write() as connection:
        assert SPEND.within(connection, key=1) == [(1, NOON)]
        assert SPEND.within(connection, key=1) == []


def test_a_prepared_write_belongs_to_its_unit_of_work(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        SPEND.within(connection, key=1)
        raise RuntimeError
    found = FIND.first(database, id=1, now=NOON)
    assert found is not None
    assert found[4] is False


def test_a_broken_constraint_is_cores_own_error(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as connection:
        INSERT.within(connection, id=1, at=NOON, facts=None, digest=b"", used=False)


def test_a_reader_sees_what_was_committed_meanwhile(database: Database) -> None:
    assert FIND.first(database, id=2, now=NOON) is None
    with database.write() as connection:
        INSERT.within(connection, id=2, at=NOON, facts=None, digest=None, used=None)
    assert FIND.first(database, id=2, now=NOON) == (2, NOON, None, None, None)


def test_a_cut_connection_is_opened_again(database: Database) -> None:
    FIND.first(database, id=1, now=NOON)
    database.drop_reader()
    assert FIND.first(database, id=1, now=NOON) is not None
