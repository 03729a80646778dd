"""Several deeds as one: each opens its unit of work as always, and all are committed together or not at all.

For what a protocol lets stand or fall as a whole though it is many deeds. Each deed is a savepoint of one
transaction; it reads what those before it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from kernel.database import Database, TellingContention
from kernel.store import Store, Unit
from kernel.transaction import Transaction


@contextmanager
def joined(store: Store) -> Iterator[Store]:
    """Lend a store whose units of work are parts of one unit of ``store``, undone with it if the body raises.

    A part that raises is undone alone. Nothing may ask ``store`` itself for a unit before the body ends: it
    would wait for this one.
    """
    with store.write() as unit:
        yield _JoinedStore(store, unit)


class _JoinedStore(Store):
    """Opens parts of a unit that is open already."""

    def __init__(self, store: Store, unit: Unit) -> None:
        self.database = _JoinedDatabase(store.database, unit.transaction)
        self.clock = store.clock
        self.randomness = store.randomness
        self.sealer = store.sealer
        self._unit = unit

    @contextmanager
    def write(self, *, line: str = "") -> Iterator[Unit]:
        """Open a part: kept when the body ends, undone if it raises."""
        del line  # nobody else is in this transaction
        with self._unit.audit.part(), self._unit.transaction.part(), self.database.transaction():
            yield self._unit


class _JoinedDatabase(Database):
    """The database as one open transaction sees it."""

    def __init__(self, database: Database, transaction: Transaction) -> None:
        self.dialect = database.dialect
        self.engine = database.engine
        self._transaction = transaction
        self._connection = transaction.connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend the transaction's connection."""
        yield self._connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Lend the transaction's connection, which sees what its parts wrote."""
        yield self._connection

    @contextmanager
    def transaction(self, line: str = "") -> Iterator[Transaction]:
        """Lend the transaction behind a savepoint."""
        del line
        with TellingContention(self._connection.begin_nested()):
            yield self._transaction

    def reader(self) -> Any:  # noqa: ANN401 - the driver's own connection
        """Return the driver connection of the transaction."""
        return self._connection.connection.dbapi_connection

    def drop_reader(self) -> None:
        """Keep it: a transaction that lost its connection is lost with it."""

    def dispose(self) -> None:
        """Leave the connections to the database they belong to."""
