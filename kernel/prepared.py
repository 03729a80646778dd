"""Prepared statements for the hot paths: Core statements compiled once, run without Core's own overhead.

The statement stays SQLAlchemy Core, written once for both dialects; only its execution goes straight to the
driver. Reads use a connection of the calling thread in autocommit; writes run inside a unit of work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import ClauseElement

from kernel.database import Database
from kernel.engines import stay_undone

Row = tuple[Any, ...]
_Process = Callable[[Any], Any]


class _Compiled:
    """A statement as one dialect runs it."""

    __slots__ = ("_names", "_plan", "_results", "gives_rows", "sql")

    def __init__(self, statement: ClauseElement, engine: Engine, names: Sequence[str] | None) -> None:
        dialect = engine.dialect
        compiled: Any = statement.compile(dialect=dialect, column_keys=list(names) if names else None)
        self.sql: str = compiled.string
        positions = compiled.positiontup  # None where the driver takes its values by name
        self._names: tuple[str, ...] = tuple(compiled.params if positions is None else positions)
        binders: dict[str, _Process] = {}
        for bind, name in compiled.bind_names.items():
            process = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if process is not None:
                binders[name] = process
        # Name, the value it has where a run gives none, and how its type turns it into the driver's.
        self._plan = tuple((name, compiled.params[name], binders.get(name)) for name in self._names)
        columns = compiled._result_columns  # noqa: SLF001 - the compiled form names its columns nowhere else
        # Known here, because a driver describes every column anew to whoever asks it after each run.
        self.gives_rows = bool(columns)
        self._results: tuple[tuple[int, _Process], ...] = tuple(
            (index, process)
            for index, column in enumerate(columns)
            if (process := column[3].dialect_impl(dialect).result_processor(dialect, None)) is not None
        )

    def arguments(self, values: dict[str, Any], *, by_name: bool) -> Any:  # noqa: ANN401 - what the driver takes
        found = []
        for name, fixed, process in self._plan:
            value = values.get(name, fixed)
            found.append(value if process is None else process(value))
        return dict(zip(self._names, found, strict=True)) if by_name else found

    def row(self, raw: Row) -> Row:
        if not self._results:
            return raw
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
        """Return every row the statement finds outside any transaction."""
        compiled = self._for(database.engine)
        by_name = database.dialect == "postgresql"
        arguments = compiled.arguments(values, by_name=by_name)
        try:
            rows = database.reader().execute(compiled.sql, arguments).fetchall()
        except database.engine.dialect.loaded_dbapi.OperationalError:
            # The server was restarted or the connection cut: a read may be asked again, once.
            database.drop_reader()
            rows = database.reader().execute(compiled.sql, arguments).fetchall()
        return [compiled.row(row) for row in rows]

    def within(self, connection: Connection, **values: object) -> list[Row]:
        """Run the statement in the transaction of ``connection``; return its rows (of a SELECT or RETURNING).

        Raises:
            sqlalchemy.exc.IntegrityError: and its siblings, as Core would.
        """
        engine = connection.engine
        compiled = self._for(engine)
        arguments = compiled.arguments(values, by_name=engine.dialect.name == "postgresql")
        with _cursor(connection, compiled) as cursor:
            cursor.execute(compiled.sql, arguments)
            return [compiled.row(row) for row in cursor.fetchall()] if compiled.gives_rows else []

    def many(self, connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
        """Run the statement once for each of ``rows`` in the transaction of ``connection``.

        Raises:
            sqlalchemy.exc.IntegrityError: and its siblings, as Core would.
        """
        engine = connection.engine
        compiled = self._for(engine)
        by_name = engine.dialect.name == "postgresql"
        arguments = [compiled.arguments(values, by_name=by_name) for values in rows]
        if arguments:
            with _cursor(connection, compiled) as cursor:
                cursor.executemany(compiled.sql, arguments)

    def _for(self, engine: Engine) -> _Compiled:
        dialect = engine.dialect.name
        found = self._compiled.get(dialect)
        if found is None:
            found = self._compiled[dialect] = _Compiled(self._statement, engine, self._columns)
        return found


@contextmanager
def _cursor(connection: Connection, compiled: _Compiled) -> Iterator[Any]:
    """Lend a cursor of the driver; its errors become Core's, without the values of the statement."""
    raw: Any = connection.connection.dbapi_connection
    cursor = raw.cursor()
    engine = connection.engine
    try:
        yield cursor
    except engine.dialect.loaded_dbapi.Error as error:
        stay_undone(connection, error)
        raise DBAPIError.instance(
            compiled.sql,
            None,
            error,
            engine.dialect.loaded_dbapi.Error,
            hide_parameters=True,
            dialect=engine.dialect,
        ) from error
    finally:
        cursor.close()
