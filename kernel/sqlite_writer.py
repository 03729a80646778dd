"""SQLite's one writer: units of work of a process that wait for one another share a commit.

A commit waits for the disk, and a page that two units change is written for each of them. So a unit that ends
while others wait in line leaves its transaction open to the next of them, and the last one commits for all.
Nobody returns before that commit: what a caller was told is on the disk. Within the transaction each unit
stands behind a savepoint of its own and is undone alone; all of them see what those before them wrote, as
they would had each been committed.

So a unit of work never waits for another thread: that one may have ended its own unit before it, and wait for
the same commit.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from kernel.engines import BEGINS_ITSELF, UNDONE_BY_ITSELF
from kernel.errors import NestedUnitError
from kernel.forking import renew_in_children
from kernel.transaction import Transaction

_PATIENCE = 0.05
"""Seconds after which a unit looks whether the one it left its transaction to went away."""
_LOOKS_AGAIN = 10
"""Milliseconds after which SQLite's busy handler, which sleeps longer each time, begins anew."""
_PAGES = -2000
"""2 MB, as SQLite writes it: what a transaction has changed is kept here until it is committed."""


class _Shared:
    """A transaction, the units that have ended in it, and how it ended itself."""

    __slots__ = ("_gate", "done", "error", "transaction", "units")

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.units = 0
        self.done = False
        self.error: Exception | None = None
        self._gate = threading.Lock()
        self._gate.acquire()  # opened by the end; an Event costs a unit ten times as much

    def wait(self, seconds: float) -> bool:
        """Wait for the end; False if it did not come in time. Who was let through lets the next one through.

        So they wake one by one: woken together they would only stand in line for the interpreter.
        """
        if self.done:
            return True
        if not self._gate.acquire(timeout=seconds):
            return False
        self._gate.release()
        return True

    def end(self) -> None:
        """Let everybody through who waits."""
        self.done = True
        self._gate.release()


class _Unit(AbstractContextManager[Transaction]):
    """The body of a ``with`` that is one unit of work; a class, because it costs a fifth of a generator."""

    __slots__ = ("_shared", "_writer")

    def __init__(self, writer: SqliteWriter) -> None:
        self._writer = writer
        self._shared: _Shared

    def __enter__(self) -> Transaction:
        self._shared = self._writer.enter()
        return self._shared.transaction

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del error, trace
        self._writer.leave(self._shared, kept=kind is None)


class SqliteWriter:
    """Lends the one connection that writes; waiting in line here is fair enough and wakes at once.

    What other processes do is waited for by SQLite's own busy handler, which sleeps and polls. It is begun
    anew all the time: a process whose threads write without a pause leaves gaps that long sleeps miss.
    """

    def __init__(self, engine: Engine, *, busy_timeout: float = 10.0) -> None:
        self._engine = engine
        self._busy_timeout = busy_timeout
        self._line = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._holder = 0
        self._open: _Shared | None = None
        self._connection: Connection | None = None
        self._raw: Any = None
        self._info: dict[Any, Any] = {}
        self._inherited: list[Connection | None] = []
        renew_in_children(self)

    @property
    def waiting(self) -> int:
        """How many units wait in line."""
        return self._waiting

    def unit(self) -> AbstractContextManager[Transaction]:
        """Lend a transaction for one unit of work: on the disk when the body has ended, undone if it raises.

        Raises:
            sqlalchemy.exc.DBAPIError: if the transaction could not be begun or committed.
            NestedUnitError: if the calling thread has a unit open already, which this one would wait for.
        """
        return _Unit(self)

    def close(self) -> None:
        """Close the connection; the next unit opens another."""
        with self._line:
            if self._open is not None:
                self._commit(self._open)
            if self._connection is not None:
                self._connection.close()
            self._connection = self._raw = None

    def renew(self) -> None:
        """In a process that was forked off, forget what its parent's threads do; close nothing they use."""
        self._line, self._counting = threading.Lock(), threading.Lock()
        self._waiting, self._holder, self._open = 0, 0, None
        self._inherited.append(self._connection)
        self._connection = self._raw = None

    def enter(self) -> _Shared:
        """Wait in line and return the transaction to write in; the line is held until :meth:`leave`."""
        here = threading.get_ident()
        if self._holder == here:
            raise NestedUnitError
        with self._counting:
            self._waiting += 1
        try:
            self._line.acquire()
        finally:
            with self._counting:
                self._waiting -= 1
        shared = self._open
        try:
            if shared is None:
                shared = self._open = self._begin()
            else:
                self._run("SAVEPOINT unit")
        except BaseException:
            try:
                if shared is not None:
                    self._commit(shared)
            finally:
                self._line.release()
            raise
        self._holder = here
        return shared

    def _begin(self) -> _Shared:
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
                return _Shared(Transaction(self._connection))

    def leave(self, shared: _Shared, *, kept: bool) -> None:
        """End a unit: commit for all, or leave that to the next in line and wait for it."""
        try:
            undone = self._info.get(UNDONE_BY_ITSELF)
            if undone is not None:
                raise undone
            if not shared.units:
                if not kept:
                    self._close(shared, committed=self._undo())
                    return
            elif kept:
                self._raw.execute("RELEASE unit")
            else:
                self._raw.execute("ROLLBACK TO unit")
                self._raw.execute("RELEASE unit")
            shared.units += 1
            if not self.waiting:
                self._commit(shared)
        except self._errors() as error:  # SQLite has undone all of it by itself: the disk is full, for one
            shared.error = error
            self._close(shared, committed=self._undo())
        finally:
            self._holder = 0
            self._line.release()
        self._await(shared)
        if kept and shared.error is not None:
            raise self._told(shared.error) from shared.error

    def _await(self, shared: _Shared) -> None:
        while not shared.wait(_PATIENCE):
            # Only where the next in line was stopped before it came is there nobody who will commit.
            if self._line.acquire(blocking=False):
                try:
                    if self._open is shared:
                        self._commit(shared)
                finally:
                    self._line.release()

    def _commit(self, shared: _Shared) -> None:
        committed: bool | None = True
        try:
            # Unlike commit(), it fails where SQLite has undone the transaction by itself.
            self._raw.execute("COMMIT")
        except self._errors() as error:
            shared.error = error
            self._undo()
            committed = None  # what reached the disk is found out when it is read again
        self._close(shared, committed=committed)

    def _undo(self) -> bool | None:
        """Undo what is open; return False, or None if nobody can tell: the connection is given up then."""
        try:
            self._raw.rollback()
        except self._errors():
            if self._connection is not None:
                self._connection.invalidate()
            self._connection = self._raw = None
            return None
        return False

    def _close(self, shared: _Shared, *, committed: bool | None) -> None:
        self._open = None
        try:
            shared.transaction.end(committed=committed)
        finally:
            shared.end()

    def _run(self, statement: str) -> None:
        try:
            self._raw.execute(statement)
        except self._errors() as error:
            raise self._told(error) from error

    def _errors(self) -> type[Exception]:
        found: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        return found

    def _told(self, error: Exception) -> Exception:
        """Return the driver's error as SQLAlchemy tells it."""
        dialect = self._engine.dialect
        return DBAPIError.instance(
            None, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
        )
