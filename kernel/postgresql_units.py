"""PostgreSQL's units of work: each a transaction of its own, but for those that stand in line for one row.

Who changes a row that somebody else has changed waits for that one's commit, and a commit waits for the disk.
Of many that want one row (a group whose members come and go) a process lets those of its own threads share
a commit (:mod:`kernel.shared_commits`), so that the row is held while the server works, and seldom while the
disk does. Other processes wait for the row as ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import TracebackType

from sqlalchemy import Dialect, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from kernel.engines import TellingAsCore
from kernel.errors import NestedUnitError
from kernel.forking import renew_in_children
from kernel.shared_commits import Line, Shared
from kernel.transaction import Transaction

_PATIENCE = b"SET LOCAL lock_timeout = '50ms'"
"""Who follows others in a transaction holds their rows, in whatever order: it waits no longer for one more,
but is undone, and done again in a transaction of its own. So no two lines wait for one another for long."""
_SAVEPOINTS = (b"unit_a", b"unit_b")
"""Taken in turn: who could not begin behind its own must never go back to that of the unit before it."""


class PostgresqlUnits:
    """Lends transactions for units of work; a thread has one at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._local = threading.local()
        self.renew()
        renew_in_children(self)

    def unit(self, line: str = "") -> AbstractContextManager[Transaction]:
        """Lend a transaction for one unit of work: committed when the body has ended, undone if it raises.

        Units with the same ``line`` come one after the other, and may share a transaction; each is kept or
        undone by itself.

        Raises:
            sqlalchemy.exc.DBAPIError: if the transaction could not be begun or committed.
            NestedUnitError: if the calling thread has a unit open already: two transactions would not see, or
                wait for, each other.
        """
        return _OneOfThread(self._local, _InLine(self, line) if line else self._transaction())

    def line(self, name: str) -> _SharedRow:
        """Return the line of this name for a unit that joins it, and gives it back with :meth:`left`."""
        with self._lock:
            found = self._lines.get(name)
            if found is None:
                found = self._lines[name] = _SharedRow(self._engine.dialect, self._transaction)
            found.users += 1
            return found

    def left(self, name: str, line: _SharedRow) -> None:
        """Give the line back; it is forgotten with the last of its units."""
        with self._lock:
            line.users -= 1
            if not line.users and self._lines.get(name) is line:
                del self._lines[name]

    def renew(self) -> None:
        """In a process that was forked off, forget what its parent's threads do."""
        self._lock = threading.Lock()
        self._lines: dict[str, _SharedRow] = {}

    def close(self) -> None:
        """Nothing is open between two units."""

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        """Lend a transaction that is committed when the body ends."""
        transaction: Transaction | None = None
        committed: bool | None = False
        try:
            with self._engine.begin() as connection:
                transaction = Transaction(connection)
                yield transaction
                with TellingAsCore(connection, "COMMIT") as raw:
                    raw.see_whole()  # or the server would answer the COMMIT by undoing it all
                committed = None  # the commit runs as this block ends; if it breaks, nobody knows how it went
                if transaction.last:
                    try:
                        with TellingAsCore(connection, "COMMIT"):
                            raw.commit_with(transaction.last)
                    except DBAPIError:
                        committed = None if raw.is_in_doubt else False
                        raise
            committed = True
        finally:
            if transaction is not None:
                transaction.end(committed=committed)


class _OneOfThread(AbstractContextManager[Transaction]):
    """The body of a ``with`` that is one unit of work, and the only one of its thread."""

    __slots__ = ("_local", "_unit")

    def __init__(self, local: threading.local, unit: AbstractContextManager[Transaction]) -> None:
        self._local = local
        self._unit = unit

    def __enter__(self) -> Transaction:
        if getattr(self._local, "writes", False):
            raise NestedUnitError
        self._local.writes = True
        try:
            return self._unit.__enter__()
        except BaseException:
            self._local.writes = False
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            return self._unit.__exit__(kind, error, trace)
        finally:
            self._local.writes = False


class _InLine(AbstractContextManager[Transaction]):
    """The body of a ``with`` that is one unit of work of a line."""

    __slots__ = ("_line", "_name", "_unit", "_units")

    def __init__(self, units: PostgresqlUnits, name: str) -> None:
        self._units = units
        self._name = name
        self._line: _SharedRow
        self._unit: AbstractContextManager[Transaction]

    def __enter__(self) -> Transaction:
        self._line = self._units.line(self._name)
        try:
            self._unit = self._line.unit()
            return self._unit.__enter__()
        except BaseException:
            self._units.left(self._name, self._line)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._unit.__exit__(kind, error, trace)
        finally:
            self._units.left(self._name, self._line)


class _UndoneError(Exception):
    """Ends a transaction of which nothing is to stand."""


class _SharedRow(Line):
    """The units that want one row. What stands between two of them goes out with what the second one asks."""

    def __init__(self, dialect: Dialect, begin: Callable[[], AbstractContextManager[Transaction]]) -> None:
        super().__init__(dialect)
        self.users = 0
        """Units that stand in it or wait for its commit; for who lends it."""
        self._new = begin
        self._lent: AbstractContextManager[Transaction]

    def _begin(self) -> Transaction:
        self._lent = self._new()
        return self._lent.__enter__()

    def _follow(self, shared: Shared) -> None:
        last, before = shared.transaction.last, shared.units - 1
        between = [b"RELEASE SAVEPOINT " + _savepoint(before) if before else _PATIENCE]
        between.append(b"SAVEPOINT " + _savepoint(shared.units))
        with TellingAsCore(shared.transaction.connection, "SAVEPOINT") as raw:
            raw.note([*last, *((statement, ()) for statement in between)])
        last.clear()

    def _keep(self, shared: Shared) -> None:
        if not shared.transaction.last:  # with which what was noted would go out
            self._catch_up(shared)
        with TellingAsCore(shared.transaction.connection, "RELEASE SAVEPOINT") as raw:
            raw.see_whole()  # or those before it would be told that they stand

    def _take_back(self, shared: Shared, error: BaseException) -> None:
        shared.transaction.last.clear()
        try:
            self._catch_up(shared)
            with TellingAsCore(shared.transaction.connection, "ROLLBACK TO SAVEPOINT") as raw:
                raw.undo_to(_savepoint(shared.units))
        except SQLAlchemyError:
            if isinstance(
                error, DBAPIError
            ):  # it was no failure of this unit: there is nothing to go back to
                raise error from None
            raise

    def _catch_up(self, shared: Shared) -> None:
        with TellingAsCore(shared.transaction.connection, "RELEASE SAVEPOINT") as raw:
            raw.catch_up()

    def _commit(self, transaction: Transaction) -> Exception | None:
        del transaction
        try:
            self._lent.__exit__(None, None, None)
        except SQLAlchemyError as error:
            return error
        return None

    def _undo(self, transaction: Transaction) -> None:
        del transaction
        with suppress(SQLAlchemyError):  # of a connection that broke, which was said
            self._lent.__exit__(_UndoneError, _UndoneError(), None)


def _savepoint(number: int) -> bytes:
    """Return the name of the savepoint behind which the unit stands before which so many have ended."""
    return _SAVEPOINTS[number % 2]
