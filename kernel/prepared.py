"""Prepared statements for the hot paths: Core statements compiled once, run without Core's own overhead.

The statement stays SQLAlchemy Core, written once for both dialects; only its execution goes straight to the
driver, and past its cursor on PostgreSQL (:mod:`kernel.postgresql_connection`). Reads use a connection of the
calling thread in autocommit; writes run inside a unit of work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Engine
from sqlalchemy.sql.expression import ClauseElement

from kernel.database import Database
from kernel.engines import TellingAsCore
from kernel.transaction import Transaction

Row = tuple[Any, ...]
_Process = Callable[[Any], Any]


class _Compiled:
    """A statement as one dialect runs it: its values are given by position."""

    __slots__ = ("_fixed", "_names", "_results", "_turned", "command", "sql")

    def __init__(self, statement: ClauseElement, engine: Engine, names: Sequence[str] | None) -> None:
        dialect = engine.dialect
        numbered = dialect.name == "postgresql"
        compiled: Any = statement.compile(
            dialect=_numbering() if numbered else dialect, column_keys=list(names) if names else None
        )
        self.sql: str = compiled.string
        self.command = self.sql.encode() if numbered else None
        """What PostgreSQL is sent; None on SQLite."""
        binders: dict[str, _Process] = {}
        for bind, name in compiled.bind_names.items():
            process = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if process is not None:
                binders[name] = process
        names = tuple(compiled.positiontup)
        self._names = names
        self._fixed = tuple(compiled.params[name] for name in names)
        """The values that they have where a run gives none."""
        self._turned = tuple((place, binders[name]) for place, name in enumerate(names) if name in binders)
        """The places whose values their types turn into the driver's."""
        columns = compiled._result_columns  # noqa: SLF001 - the compiled form names its columns nowhere else
        self._results: tuple[tuple[int, _Process], ...] = tuple(
            (index, process)
            for index, column in enumerate(columns)
            if (process := column[3].dialect_impl(dialect).result_processor(dialect, None)) is not None
        )

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        found = list(map(values.get, self._names, self._fixed))
        for place, process in self._turned:
            found[place] = process(found[place])
        return found

    def run(self, raw: Any, arguments: list[Any]) -> list[Row]:  # noqa: ANN401 - the driver's own connection
        """Run it on the driver's connection and return its rows as the driver reads them."""
        if self.command:
            rows: list[Row] = raw.run(self.command, arguments)
            return rows
        found: list[Row] = raw.execute(self.sql, arguments).fetchall()
        return found

    def rows(self, raw: list[Row]) -> list[Row]:
        return [self._row(row) for row in raw] if self._results else raw

    def _row(self, raw: Row) -> Row:
        values = list(raw)
        for index, process in self._results:
            values[index] = process(values[index])
        return tuple(values)


class Prepared:
    """A Core statement that is compiled once per dialect.

    ``columns`` names the columns of an INSERT or UPDATE that get a value for each run. Rows come back as
    plain tuples in the order of the statement's columns, with the column types' values.
    """

    def __init__(self, statement: ClauseElement, *, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def first(self, database: Database, **values: object) -> Row | None:
        """Return the first row the statement finds outside any transaction, or None."""
        rows = self.all(database, **values)
        return rows[0] if rows else None

    def all(self, database: Database, **values: object) -> list[Row]:
        """Return every row the statement finds outside any transaction.

        Raises:
            DatabaseAwayError: if there is no connection, or each breaks.
        """
        compiled = self.ready(database.engine)
        arguments = compiled.arguments(values)
        try:
            rows = compiled.run(database.reader(), arguments)
        except database.engine.dialect.loaded_dbapi.OperationalError:
            # The server was restarted or the connection cut: a read may be asked again, once.
            database.drop_reader()
            rows = self._asked_again(compiled, database, arguments)
        return compiled.rows(rows)

    @staticmethod
    def _asked_again(compiled: _Compiled, database: Database, arguments: list[Any]) -> list[Row]:
        try:
            return compiled.run(database.reader(), arguments)
        except database.engine.dialect.loaded_dbapi.OperationalError as error:
            lost = database.reader_is_lost(error)
            if lost is None:
                raise
            database.drop_reader()
            raise lost from error

    def within(self, connection: Connection, **values: object) -> list[Row]:
        """Run the statement in the transaction of ``connection``; return its rows (of a SELECT or RETURNING).

        Raises:
            sqlalchemy.exc.IntegrityError: and its siblings, as Core would.
        """
        compiled = self.ready(connection.engine)
        arguments = compiled.arguments(values)
        with TellingAsCore(connection, compiled.sql) as raw:
            return compiled.rows(compiled.run(raw, arguments))

    def bound(self, **values: object) -> Bound:
        """Return the statement with its values, to be run together with others."""
        return Bound(self, values)

    def at_last(self, transaction: Transaction, **values: object) -> None:
        """Run the statement as one of the last of the transaction; what it gives is not read.

        On PostgreSQL it goes out with the COMMIT, and fails there.

        Raises:
            sqlalchemy.exc.IntegrityError: and its siblings, as Core would; here or at the end.
        """
        compiled = self.ready(transaction.connection.engine)
        if compiled.command:
            transaction.last.append((compiled.command, compiled.arguments(values)))
        else:
            self.within(transaction.connection, **values)

    def many(self, connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
        """Run the statement once for each of ``rows`` in the transaction of ``connection``.

        Raises:
            sqlalchemy.exc.IntegrityError: and its siblings, as Core would.
        """
        compiled = self.ready(connection.engine)
        arguments = [compiled.arguments(values) for values in rows]
        if not arguments:
            return
        with TellingAsCore(connection, compiled.sql) as raw:
            if compiled.command:
                raw.run_many(compiled.command, arguments)
            else:
                raw.executemany(compiled.sql, arguments)

    def ready(self, engine: Engine) -> _Compiled:
        """Return the statement as the dialect of ``engine`` runs it; for this module."""
        dialect = engine.dialect.name
        found = self._compiled.get(dialect)
        if found is None:
            found = self._compiled[dialect] = _Compiled(self._statement, engine, self._columns)
        return found


@dataclass(frozen=True, slots=True)
class Bound:
    """A prepared statement with the values of one run."""

    prepared: Prepared
    values: dict[str, object]


def run_together(connection: Connection, *statements: Bound) -> list[list[Row]]:
    """Run ``statements`` one after the other in the transaction of ``connection``; return the rows of each.

    On PostgreSQL they go out together, so that nothing that the first one holds is held while an answer is on
    its way. Each sees what those before it did.

    Raises:
        sqlalchemy.exc.IntegrityError: and its siblings, as Core would; of the first that failed.
    """
    ready = [each.prepared.ready(connection.engine) for each in statements]
    if not ready or not ready[0].command:
        return [each.prepared.within(connection, **each.values) for each in statements]
    asked = [(one.command, one.arguments(each.values)) for one, each in zip(ready, statements, strict=True)]
    with TellingAsCore(connection, ";\n".join(one.sql for one in ready)) as raw:
        found = raw.run_together(asked)
    return [one.rows(rows) for one, rows in zip(ready, found, strict=True)]


@cache
def _numbering() -> Dialect:
    """Return the dialect that numbers the places of values as the server does."""
    from sqlalchemy.dialects.postgresql import psycopg  # noqa: PLC0415 - not without PostgreSQL

    numbering: Callable[..., Dialect] = psycopg.dialect
    return numbering(paramstyle="numeric_dollar")
