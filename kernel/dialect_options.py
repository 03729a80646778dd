"""What only one dialect knows of a table or an index, said beside it and looked at when a schema is made.

SQLAlchemy has an option for each, and loads the whole of the dialect to look whether it knows the option.
Here it becomes one when a schema is made or compared, which no web worker does: one that works with SQLite
never loads the dialect of PostgreSQL, 3 MB, nor the other way round, 1 MB.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Index, Table, TextClause
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


class ClusteredTable(Table):
    """A table whose rows SQLite keeps in the order of the primary key, with no second tree beside them.

    That is ``WITHOUT ROWID``; PostgreSQL has no such table and makes an ordinary one.
    """

    inherit_cache = True

    @memoized_property
    def dialect_options(self) -> Any:  # noqa: ANN401 - SQLAlchemy's own kind of mapping
        """Return the options of both dialects, as if this one had been given to :class:`sqlalchemy.Table`."""
        options = super().dialect_options
        options["sqlite"]["with_rowid"] = False
        return options
