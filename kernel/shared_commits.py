"""Lines of units of work that share a commit: those who want SQLite's one writer, or one row that many want.

A commit waits for the disk, and while it does nobody else gets what the unit holds. So a unit that ends while
others wait in line leaves its transaction open to the next of them, and the last one commits for all. Nobody
returns before that commit: what a caller was told is on the disk. Within the transaction each unit stands
behind a savepoint of its own and is undone alone; all of them see what those before them wrote, as they would
had each been committed.

So a unit of work never waits for another thread: that one may have ended its own unit before it, and wait for
the same commit.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from types import TracebackType

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError

from kernel.errors import NestedUnitError
from kernel.transaction import Transaction

_PATIENCE = 0.05
"""Seconds after which a unit looks whether the one it left its transaction to went away."""


class _StoppedError(Exception):
    """Whoever was to end the transaction was stopped: what the units in it wrote may not stand."""


class Shared:
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

    def fail(self, error: BaseException) -> None:
        """Have everybody told what went wrong first; that one thread is stopped stops no other."""
        if self.error is None:
            self.error = error if isinstance(error, Exception) else _StoppedError()

    def end(self) -> None:
        """Let everybody through who waits."""
        self.done = True
        self._gate.release()


class _Unit(AbstractContextManager[Transaction]):
    """The body of a ``with`` that is one unit of work; a class, because it costs a fifth of a generator."""

    __slots__ = ("_line", "_shared")

    def __init__(self, line: Line) -> None:
        self._line = line
        self._shared: Shared

    def __enter__(self) -> Transaction:
        self._shared = self._line.enter()
        return self._shared.transaction

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, trace
        self._line.leave(self._shared, error)


class Line(ABC):
    """Lends one transaction at a time; waiting in line here is fair enough and wakes at once.

    A dialect says how transactions begin and end, and what stands between two units of one.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._line = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._holder = 0
        self._open: Shared | None = None

    @property
    def waiting(self) -> int:
        """How many units wait in line."""
        return self._waiting

    def unit(self) -> AbstractContextManager[Transaction]:
        """Lend a transaction for one unit of work: on the disk when the body has ended, undone if it raises.

        Raises:
            sqlalchemy.exc.DBAPIError: if the transaction could not be begun or committed.
            NestedUnitError: if the calling thread has a unit of this line open already, which this one would
                wait for.
        """
        return _Unit(self)

    def enter(self) -> Shared:
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
                shared = self._open = Shared(self._begin())
            else:
                self._follow(shared)
        except BaseException:
            try:
                if shared is not None:
                    self._end(shared, committing=True)
            finally:
                self._line.release()
            raise
        self._holder = here
        return shared

    def leave(self, shared: Shared, error: BaseException | None) -> None:
        """End a unit, with ``error`` if it failed: commit for all, or let the next in line do it and wait."""
        try:
            if error is None:
                self._keep(shared)
            elif shared.units:
                self._take_back(shared, error)
            else:
                self._end(shared, committing=False)
                return
            shared.units += 1
            if not self.waiting:
                self._end(shared, committing=True)
        except BaseException as failed:  # whatever it was, nothing may stand, and all are told
            if not shared.done:
                shared.fail(failed)
                self._end(shared, committing=False)
            if not isinstance(failed, Exception):
                raise
        finally:
            self._holder = 0
            self._line.release()
        self._await(shared)
        if error is None and shared.error is not None:  # one for each: it is raised in many threads
            raise self._told(shared.error) from shared.error

    def finish(self) -> None:
        """Commit what is open; for who holds the line, or is the only one left."""
        if self._open is not None:
            self._end(self._open, committing=True)

    def renew(self) -> None:
        """In a process that was forked off, forget what its parent's threads do; close nothing they use."""
        self._line, self._counting = threading.Lock(), threading.Lock()
        self._waiting, self._holder, self._open = 0, 0, None

    def _await(self, shared: Shared) -> None:
        while not shared.wait(_PATIENCE):
            # Only where the next in line was stopped before it came is there nobody who will commit.
            if self._line.acquire(blocking=False):
                try:
                    if self._open is shared:
                        self._end(shared, committing=True)
                finally:
                    self._line.release()

    def _end(self, shared: Shared, *, committing: bool) -> None:
        self._open = None
        try:
            if committing:
                shared.error = self._commit(shared.transaction)
            else:
                self._undo(shared.transaction)
        except BaseException as failed:  # before anybody is let through, who would be told that it stands
            shared.fail(failed)
            raise
        finally:
            shared.end()

    def _told(self, error: Exception) -> Exception:
        """Return an error of the driver as SQLAlchemy tells it, and any other as it is."""
        driver = self._dialect.loaded_dbapi.Error
        found = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(found, driver):
            return error
        return DBAPIError.instance(None, None, found, driver, hide_parameters=True, dialect=self._dialect)

    @abstractmethod
    def _begin(self) -> Transaction:
        """Begin a transaction."""

    @abstractmethod
    def _follow(self, shared: Shared) -> None:
        """Let another unit begin in it, so that it can be taken back alone."""

    @abstractmethod
    def _keep(self, shared: Shared) -> None:
        """Let the unit that ends stand, with those before it."""

    @abstractmethod
    def _take_back(self, shared: Shared, error: BaseException) -> None:
        """Undo the unit that ends with ``error``, and none of those before it."""

    @abstractmethod
    def _commit(self, transaction: Transaction) -> Exception | None:
        """Commit the transaction and tell it how it ended; return what went wrong, which undid it."""

    @abstractmethod
    def _undo(self, transaction: Transaction) -> None:
        """Undo the transaction, as far as there is one, and tell it so."""
