"""What is asked of a database: the statements of the engine and the prepared ones that go past it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from kernel import prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.database import Database

Statement = tuple[str, Any]


@contextmanager
def recorded(database: Database) -> Iterator[list[Statement]]:
    """Collect every statement with its values, in order; one that is run for many rows comes once a row."""
    noted: list[Statement] = []
    compiled: Any = prepared._Compiled
    arguments = compiled.arguments

    def note(_c: object, _k: object, statement: str, values: Any, *_rest: object) -> None:
        noted.append((statement, values))

    def note_prepared(self: Any, values: dict[str, Any]) -> Any:
        found = arguments(self, values)
        noted.append((self.sql, found))
        return found

    event.listen(database.engine, "before_cursor_execute", note)
    compiled.arguments = note_prepared
    try:
        yield noted
    finally:
        compiled.arguments = arguments
        event.remove(database.engine, "before_cursor_execute", note)


def whole_reads(
    database: Database, statements: list[Statement], *tables: str, where_needed: bool = False
) -> list[str]:
    """Return the lines of the statements' plans that read one of ``tables`` from end to end.

    PostgreSQL is asked for the plan that it makes for what is stored; SQLite goes without statistics, as it
    does in service. ``where_needed`` asks only for what no index can serve: PostgreSQL may rightly guess that
    many rows are meant.
    """
    lines: list[str] = []
    with database.read() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql("ANALYZE")
            connection.exec_driver_sql(f"SET enable_seqscan = {'off' if where_needed else 'on'}")
        for sql, values in statements:
            if not any(table in sql for table in tables) or not sql.startswith(
                ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
            ):
                continue
            is_prepared = isinstance(values, list)
            if database.dialect == "sqlite":
                asked = tuple(values) if is_prepared else values
                plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", asked)]
                wrong = [f"SCAN {table}" for table in tables]
            else:
                wrong = [f"Seq Scan on {table}" for table in tables]
                if is_prepared:  # its places are numbered
                    raw: Any = connection.connection.dbapi_connection
                    plan = [row[0] for row in raw.run(f"EXPLAIN {sql}".encode(), values)]
                else:
                    plan = list(connection.exec_driver_sql(f"EXPLAIN {sql}", values).scalars())
            lines += [
                f"{line.strip()} <- {sql[:160]}"
                for line in plan
                if any(f"{line.strip()} ".find(f"{each} ") >= 0 for each in wrong)
            ]
    return lines
