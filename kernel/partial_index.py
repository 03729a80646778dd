"""Indexes of some of a table's rows, said once for both dialects.

SQLAlchemy knows such an index by one option for each dialect, and loads the whole of a dialect to look
whether it has the option. Here the condition becomes an option when a schema is made or compared, which no
web worker does: one that works with SQLite never loads the dialect of PostgreSQL, 3 MB.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Index, TextClause
from sqlalchemy.util import memoized_property

Condition = ColumnElement[bool] | TextClause


class PartialIndex(Index):
    """An index of the rows for which ``where`` holds; ``sqlite_where`` is how SQLite has to be told so."""

    def __init__(
        self,
        name: str,
        *columns: Any,  # noqa: ANN401 - whatever SQLAlchemy takes: names, columns, expressions
        where: Condition,
        sqlite_where: Condition | None = None,
        unique: bool = False,
    ) -> None:
        self._where = {"sqlite": where if sqlite_where is None else sqlite_where, "postgresql": where}
        super().__init__(name, *columns, unique=unique)

    @memoized_property
    def dialect_options(self) -> Any:  # noqa: ANN401 - SQLAlchemy's own kind of mapping
        """Return the options of both dialects, as if they had been given to :class:`sqlalchemy.Index`."""
        options = super().dialect_options
        for dialect, where in self._where.items():
            options[dialect]["where"] = where
        return options
