"""SQLite's one writer: units of work of a process that wait for one another share a commit."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Engine

from kernel.engines import BEGINS_ITSELF, UNDONE_BY_ITSELF
from kernel.forking import renew_in_children
from kernel.shared_commits import Line, Shared
from kernel.transaction import Transaction

_LOOKS_AGAIN = 2
"""Milliseconds after which SQLite's busy handler, which sleeps longer each time, begins anew."""
_PAGES = -2000
"""2 MB, as SQLite writes it: what a transaction has changed is kept here until it is committed."""


class SqliteWriter(Line):
    """Lends the one connection that writes.

    What other processes do is waited for by SQLite's own busy handler, which sleeps and polls. It is begun
    anew all the time: a process whose threads write without a pause leaves gaps that long sleeps miss.
    """

    def __init__(self, engine: Engine, *, busy_timeout: float = 10.0) -> None:
        super().__init__(engine.dialect)
        self._engine = engine
        self._busy_timeout = busy_timeout
        self._connection: Connection | None = None
        self._raw: Any = None
        self._info: dict[Any, Any] = {}
        self._inherited: list[Connection | None] = []
        renew_in_children(self)

    def unit(self, line: str = "") -> AbstractContextManager[Transaction]:
        """Lend a transaction for one unit of work, whatever ``line`` it would stand in: here is but one."""
        del line
        return super().unit()

    def make_room(self) -> None:
        """Give nothing back: readers find room beside the one connection."""

    def close(self) -> None:
        """Close the connection; the next unit opens another."""
        with self._line:
            self.finish()
            if self._connection is not None:
                self._connection.close()
            self._connection = self._raw = None

    def renew(self) -> None:
        """In a process that was forked off, forget what its parent's threads do; close nothing they use."""
        super().renew()
        self._inherited.append(self._connection)
        self._connection = self._raw = None

    def _begin(self) -> Transaction:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(**BEGINS_ITSELF)
            self._raw, self._info = self._connection.connection.dbapi_connection, self._connection.info
            self._run(f"PRAGMA busy_timeout = {_LOOKS_AGAIN}")
            self._run(f"PRAGMA cache_size = {_PAGES}")
        self._info.pop(UNDONE_BY_ITSELF, None)
        until = time.monotonic() + self._busy_timeout
        while True:
            try:
                if self._raw.in_transaction:  # of a unit that was interrupted right after its BEGIN
                    self._raw.rollback()
                self._raw.execute("BEGIN IMMEDIATE")
            except self._errors() as error:
                if "database is locked" not in str(error) or time.monotonic() >= until:
                    raise self._told(error) from error
            else:
                return Transaction(self._connection)

    def _follow(self, shared: Shared) -> None:
        del shared
        self._run("SAVEPOINT unit")

    def _keep(self, shared: Shared) -> None:
        self._look()
        if shared.units:
            self._raw.execute("RELEASE unit")

    def _take_back(self, shared: Shared, error: BaseException) -> None:
        del shared, error
        self._look()
        self._raw.execute("ROLLBACK TO unit")
        self._raw.execute("RELEASE unit")

    def _look(self) -> None:
        """Raise the error with which SQLite has undone all of it by itself: the disk is full, for one."""
        undone = self._info.get(UNDONE_BY_ITSELF)
        if undone is not None:
            raise undone

    def _commit(self, transaction: Transaction) -> Exception | None:
        failed: Exception | None = None
        try:
            # Unlike commit(), it fails where SQLite has undone the transaction by itself.
            self._raw.execute("COMMIT")
        except self._errors() as error:
            failed = error
            self._roll_back()
        # Of one that failed, what reached the disk is found out when it is read again.
        transaction.end(committed=None if failed else True)
        return failed

    def _undo(self, transaction: Transaction) -> None:
        transaction.end(committed=self._roll_back())

    def _roll_back(self) -> bool | None:
        """Undo what is open; return False, or None if nobody can tell: the connection is given up then."""
        try:
            self._raw.rollback()
        except self._errors():
            if self._connection is not None:
                self._connection.invalidate()
            self._connection = self._raw = None
            return None
        return False

    def _run(self, statement: str) -> None:
        try:
            self._raw.execute(statement)
        except self._errors() as error:
            raise self._told(error) from error

    def _errors(self) -> type[Exception]:
        found: type[Exception] = self._dialect.loaded_dbapi.Error
        return found
