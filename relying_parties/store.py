"""The one SQLite file of a process group: opening it, reading, and writing as one step.

A connection lives for one step only: worker processes come and go, and a step here is a handful of rows.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 10.0


class Store:
    """The file."""

    def __init__(self, path: str) -> None:
        self._path = path
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch(mode=0o600)
        with self.reading() as connection:
            connection.execute("PRAGMA journal_mode=WAL")

    def create(self, schema: str) -> None:
        """Create the tables of ``schema`` that are not there yet; statements end with a semicolon."""
        with self.writing() as connection:
            for statement in filter(str.strip, schema.split(";")):
                connection.execute(statement)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open the file for looking."""
        connection = sqlite3.connect(self._path, timeout=PATIENCE_SECONDS, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one unit of work: all of it, or on an exception none of it."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
