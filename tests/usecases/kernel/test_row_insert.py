"""Many rows inserted together, alike on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import CheckConstraint, Column, Integer, MetaData, String, Table, Text, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from kernel.row_insert import RowInsert

if TYPE_CHECKING:
    from kernel.database import Database

_shelf = Table(
    "shelf",
    MetaData(),
    Column("name", String(12), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("label", Text),
    CheckConstraint("length(name) <= 12", name="name_fits"),
)
_SHELVES = RowInsert(_shelf, columns=("name", "place", "label"))
_ROWS = [
    {"name": "tea", "place": 1, "label": 'with "quotes", {braces} and \\'},
    {"name": "çay", "place": -2, "label": "Ünïcödé \U0001f375\n"},
    {"name": "none", "place": 2**31 - 1, "label": None},
]


@pytest.fixture
def database(kernel_database: Database) -> Database:
    """A database with a table to fill."""
    _shelf.metadata.create_all(kernel_database.engine)
    return kernel_database


def _held(database: Database) -> list[dict[str, object]]:
    with database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(select(_shelf).order_by(_shelf.c.place))]


def test_rows_are_stored_as_they_are_given(database: Database) -> None:
    """Design 4: texts of any script, negative numbers and absent values; no rows are no statement."""
    with database.write() as connection:
        _SHELVES.run(connection, [])
        _SHELVES.run(connection, iter(_ROWS))
    assert _held(database) == [_ROWS[1], _ROWS[0], _ROWS[2]]


def test_one_bad_row_refuses_all(database: Database) -> None:
    """ADR 3: a row that is there already, or is too long, is told as Core tells it and never cut."""
    with database.write() as connection:
        _SHELVES.run(connection, _ROWS[:1])
    with pytest.raises(IntegrityError), database.write() as connection:
        _SHELVES.run(connection, [{"name": "new", "place": 3, "label": ""}, *_ROWS])
    with pytest.raises(DBAPIError), database.write() as connection:
        _SHELVES.run(connection, [{"name": "a name too long", "place": 4, "label": ""}])
    assert _held(database) == _ROWS[:1]
