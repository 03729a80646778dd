"""Rows of one table inserted together, at the least cost either database knows.

SQLite runs one prepared statement for each row, which it does faster than reading a list. PostgreSQL gets all
of them as one JSON value: one round trip, one plan, and the same text for one row as for a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Insert,
    String,
    Table,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
)

from kernel.database import JsonText
from kernel.prepared import Bound, Prepared, run_together


class RowInsert:
    """An INSERT of many rows; ``columns`` hold texts and whole numbers, as JSON knows them."""

    def __init__(self, table: Table, *, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._one_by_one = Prepared(table.insert(), columns=self._columns)
        self._at_once = Prepared(rows_of_list(table, self._columns))

    def run(
        self, connection: Connection, rows: Iterable[Mapping[str, Any]], *, after: Bound | None = None
    ) -> None:
        """Insert ``rows`` in the transaction of ``connection``, ``after`` another statement if one is given.

        Raises:
            sqlalchemy.exc.IntegrityError: and its siblings, as Core would; of either.
        """
        first = [] if after is None else [after]
        if connection.dialect.name == "sqlite":
            run_together(connection, *first)
            self._one_by_one.many(connection, map(dict, rows))
            return
        listed = [[row[name] for name in self._columns] for row in rows]
        run_together(connection, *first, *([self._at_once.bound(rows=listed)] if listed else []))


def rows_of_list(table: Table, columns: Sequence[str]) -> Insert:
    """Return the INSERT of the rows of the JSON list of lists that is bound as ``rows``, for PostgreSQL."""
    rows = cast(bindparam("rows", type_=JsonText()), JSON)
    row = func.json_array_elements(rows).table_valued(column("value", JSON)).c.value
    # Texts are not cast to the width of their column: that would cut them where an INSERT refuses.
    texts = [
        (table.c[name].type, row.op("->>")(literal_column(str(place)))) for place, name in enumerate(columns)
    ]
    values = [text if isinstance(type_, String) else cast(text, type_) for type_, text in texts]
    return table.insert().from_select(columns, select(*values))
