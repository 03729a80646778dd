"""PostgreSQL's units of work: each a transaction of its own, but for those that stand in line for one row.

Who changes a row that somebody else has changed waits for that one's commit, and a commit waits for the disk.
Of many that want one row (a group whose members come and go) a process lets those of its own threads share
a commit (:mod:`kernel.shared_commits`), so that the row is held while the server works, and seldom while the
disk does. Other processes wait for the row as ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from kernel.engines import TellingAsCore, has_news
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
        self._kept = _Kept(engine)
        self._local = threading.local()
        self._forget_lines()
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
        self._kept.renew()
        self._forget_lines()

    def _forget_lines(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, _SharedRow] = {}

    def close(self) -> None:
        """Close the connections that wait for units."""
        self._kept.close()

    def make_room(self) -> None:
        """Give a waiting connection back if the engine would have to open one more than it keeps."""
        self._kept.make_room()

    def _transaction(self) -> AbstractContextManager[Transaction]:
        return _Whole(self._kept)


class _Kept:
    """The connections on which units ran, each ready for the next one.

    To ask the engine for one each time, and to give it back, takes as much processor time as a statement.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[Connection] = []
        self._inherited: list[list[Connection]] = []

    @property
    def errors(self) -> type[Exception]:
        """What the driver raises."""
        found: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        return found

    def take(self) -> Connection:
        """Return the one that was used last, or another if that has broken.

        Raises:
            sqlalchemy.exc.DBAPIError: if none could be opened.
        """
        try:
            connection = self._waiting.pop()
        except IndexError:
            return self._engine.connect()
        if has_news(connection.connection.dbapi_connection):
            self.give_up(connection)
            return self._engine.connect()  # which looks at each that it lends
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next unit, unless the engine has more open than it keeps.

        Nothing may be open on it.
        """
        pool = self._engine.pool
        if isinstance(pool, QueuePool) and pool.overflow() > 0:
            connection.close()
        else:
            self._waiting.append(connection)

    def give_up(self, connection: Connection) -> None:
        """Undo what is open on it, and give it back to the engine; one that broke is closed.

        That nothing can be undone there needs no word: the server has undone it.
        """
        raw: Any = None if connection.invalidated else connection.connection.dbapi_connection
        try:
            if raw is not None:
                raw.rollback()
        except self.errors:
            connection.invalidate()
        finally:
            connection.close()

    def make_room(self) -> None:
        """Give one back to the engine if that has none left of those it keeps open."""
        pool = self._engine.pool
        if self._waiting and isinstance(pool, QueuePool) and pool.checkedout() >= pool.size():
            with suppress(IndexError):  # a unit took it
                self._waiting.pop(0).close()

    def close(self) -> None:
        """Give all of them back to the engine."""
        while self._waiting:
            self._waiting.pop().close()

    def renew(self) -> None:
        """In a process that was forked off, leave them to its parent, and the engine's; close nothing."""
        self._inherited.append(self._waiting)
        self._waiting = []
        self._engine.dispose(close=False)


class _Whole(AbstractContextManager[Transaction]):
    """The body of a ``with`` that is a transaction of its own: committed when it ends, or undone."""

    __slots__ = ("_kept", "_transaction")

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept
        self._transaction: Transaction

    def __enter__(self) -> Transaction:
        self._transaction = Transaction(self._kept.take())
        return self._transaction

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        transaction = self._transaction
        committed: bool | None = False
        try:
            if error is None:
                with TellingAsCore(transaction.connection, "COMMIT") as raw:
                    raw.see_whole()  # or the server would answer the COMMIT by undoing it all
                    committed = None  # if it breaks from here on, nobody knows how it went
                    try:
                        if transaction.last:
                            raw.commit_with(transaction.last)
                        else:
                            raw.commit()
                    except self._kept.errors:
                        committed = None if raw.is_in_doubt else False
                        raise
                transaction.connection.commit()  # the server is done: this is for what Core knows of it
                committed = True
        finally:
            try:
                if committed:
                    self._kept.give_back(transaction.connection)
                else:
                    self._kept.give_up(transaction.connection)
            finally:
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
