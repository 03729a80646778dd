"""The database: connections, units of work and the column types both dialects share.

Nothing above this module knows which dialect it is.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

import structlog
from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    String,
    Table,
    Text,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.types import TypeDecorator

from kernel.allowance import within_allowance
from kernel.engines import ONLY_LOOKS, postgresql_engine, sqlite_engine
from kernel.errors import BusyError, DatabaseAwayError, UncertainError, UndoneError
from kernel.logged_errors import worded
from kernel.postgresql_units import PostgresqlUnits
from kernel.sqlite_writer import SqliteWriter
from kernel.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

_DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
"""What an address may begin with: the drivers that come with us."""
_UNDONE = frozenset({"40001", "40P01", "55P03"})
"""serialization_failure, deadlock_detected, and lock_not_available: told to who holds the rows of others."""

_OUTDATED = frozenset({"26000", "0A000"})
"""invalid_sql_statement_name, and feature_not_supported: what a prepared statement gives was changed."""
_AWAY = ("08", "53", "57")
"""Classes of codes by which PostgreSQL takes nobody: of connections, of resources, of an operator."""
_UNABLE = ("25006", "53", "58030")
"""Codes by which it undoes what it was asked for, and may do it another time: it takes no changes, its disk
or its memory is full, its disk fails."""
_ENDED = ("08", "57P")
"""Classes of codes by which it ends a connection, or an operator does."""
_UNABLE_FILE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
"""How SQLite says the same: the file takes no changes, its disk is full, its disk fails."""

_log = structlog.get_logger(__name__)

_TO_TEXT = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_FROM_TEXT = json.JSONDecoder().decode

T = TypeVar("T")


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware UTC time, kept as fixed-width text that sorts as time does on both dialects."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> str | None:
        """Turn an aware time into its stored text."""
        del dialect
        return _time_to_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> dt.datetime | None:
        """Turn stored text back into an aware UTC time."""
        del dialect
        return _text_to_time(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        """Return the same without the layers that the library puts around it."""
        del dialect
        return _time_to_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], dt.datetime | None]:
        """Return the same without the layers that the library puts around it."""
        del dialect, coltype
        return _text_to_time


def _time_to_text(value: dt.datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("only aware times are stored")
    # isoformat is C code; strftime costs four times as much, and pads no year before 1000.
    return value.astimezone(dt.UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _text_to_time(value: str | None) -> dt.datetime | None:
    # fromisoformat is C code; strptime costs thirty times as much on the hot paths.
    return None if value is None else dt.datetime.fromisoformat(value)


class JsonText(TypeDecorator[Any]):
    """A JSON value in a text column, with sorted keys, so that equal values are equal text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401 - JSON
        """Turn the value into its stored text."""
        del dialect
        return _json_to_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401 - JSON
        """Turn stored text back into the value."""
        del dialect
        return _text_to_json(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        """Return the same without the layers that the library puts around it."""
        del dialect
        return _json_to_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Return the same without the layers that the library puts around it."""
        del dialect, coltype
        return _text_to_json


def _json_to_text(value: Any) -> str | None:  # noqa: ANN401 - JSON
    return None if value is None else _TO_TEXT(value)


def _text_to_json(value: str | None) -> Any:  # noqa: ANN401 - JSON
    return None if value is None else _FROM_TEXT(value)


def insert(where: Connection | str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return the dialect's own INSERT, which knows ``on_conflict_do_nothing`` and ``..._do_update``.

    A process that works with SQLite never loads the dialect of PostgreSQL, which would be 3 MB.
    """
    dialect = where if isinstance(where, str) else where.dialect.name
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415

    return sqlite.insert(table)


class _Reader:
    """A driver connection that one thread reads on; closed with the database."""

    def __init__(self, raw: Any) -> None:  # noqa: ANN401 - the driver's own connection
        self.raw: Any = raw

    def close(self) -> None:
        raw, self.raw = self.raw, None
        if raw is not None:
            raw.close()


class _Lease:
    """A thread's hold on its reader, which goes to the next thread when this one ends.

    It is never closed there: CPython 3.11 frees a foreign thread's state twice, and the process dies, if
    something that is destroyed with the thread (SQLite's functions are) asks for the interpreter's lock.
    """

    def __init__(self, reader: _Reader, spare: deque[_Reader]) -> None:
        self.reader = reader
        self._spare = spare

    def __del__(self) -> None:
        self._spare.append(self.reader)


def _nobody(_how: str) -> None:
    """Hear that units of work stood in each other's way, and make nothing of it."""


class TellingContention(AbstractContextManager[T]):
    """The body of a unit of work that says if other writers stood in its way, and that trying again is right.

    A class, because each unit enters one, and a generator costs five times as much.

    Raises:
        UndoneError: if two waited for one another, and it was the one that was undone; or if a prepared
            statement was outdated.
        BusyError: if it waited too long.
        DatabaseAwayError: if it could not begin, or not go on, and nothing was changed.
        UncertainError: if the connection broke as it was committed.
    """

    __slots__ = ("_told", "_unit")

    def __init__(self, unit: AbstractContextManager[T], told: Callable[[str], None] = _nobody) -> None:
        self._unit = unit
        self._told = told

    def __enter__(self) -> T:
        """Begin the unit."""
        try:
            return self._unit.__enter__()
        except DBAPIError as error:
            _tell(error, self._told)
            if isinstance(error, OperationalError):
                _tell_away(error.orig, error)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End the unit."""
        try:
            handled = self._unit.__exit__(kind, error, trace)
        except DBAPIError as failed:
            _tell(failed, self._told)
            _tell_unable(failed, committing=error is None)
            raise
        if isinstance(error, DBAPIError) and not handled:
            _tell(error, self._told)
            _tell_unable(error)
        return handled


def _tell(error: DBAPIError, told: Callable[[str], None]) -> None:
    state = getattr(error.orig, "sqlstate", None)
    if state in _UNDONE or (state in _OUTDATED and _is_outdated(error.orig)):
        told("undone")
        raise UndoneError(retry_after=1) from error
    if "database is locked" in str(error.orig):
        told("late")
        raise BusyError(retry_after=1) from error


def _is_outdated(told: BaseException | None) -> bool:
    """Tell whether a prepared statement is unknown or its columns changed; it is prepared anew the next time.

    That a feature is not supported, which would be a mistake of our own, has the same code.
    """
    diagnosis = getattr(told, "diag", None)
    return getattr(told, "sqlstate", "") == "26000" or (
        getattr(diagnosis, "source_function", "") == "RevalidateCachedQuery"
    )


def _tell_away(told: BaseException | None, error: Exception) -> None:
    """Raise what the driver ``told`` before anything was asked of the server, if that takes nobody."""
    state = getattr(told, "sqlstate", "")
    if told is None or not (state is None or state.startswith(_AWAY)):
        return
    raise _away(told) from error


def _tell_unable(error: DBAPIError, *, committing: bool = False) -> None:
    """Raise what the server told in the middle, if it cannot go on and nothing was changed."""
    told = error.orig
    if told is None:
        return
    state = getattr(told, "sqlstate", "")
    file_state = getattr(told, "sqlite_errorcode", 0) & 0xFF
    unable = state.startswith(_UNABLE) if state else file_state in _UNABLE_FILE
    ended = isinstance(error, OperationalError) and (state is None or state.startswith(_ENDED))
    if ended and committing and not unable:
        _log.error("database.commit_lost", kind=type(told).__name__, error=_in_a_line(told))
        raise UncertainError from error
    if unable or ended:
        raise _away(told) from error


def _away(told: BaseException) -> DatabaseAwayError:
    words = _in_a_line(told)
    _log.warning("database.away", kind=type(told).__name__, error=words)
    return DatabaseAwayError(words)


def _in_a_line(told: BaseException) -> str:
    return worded(told).strip().partition("\n")[0]


@contextmanager
def _telling_away() -> Iterator[None]:
    """Say of what was only looked at that the database went away meanwhile."""
    try:
        yield
    except DBAPIError as error:
        _tell_unable(error)
        raise


def is_read_only(connection: Connection) -> bool:
    """Tell whether PostgreSQL takes no changes: it stands by for another server, or was set read only."""
    if connection.dialect.name != "postgresql":
        return False
    return connection.scalar(select(func.current_setting("transaction_read_only"))) == "on"


class Database:
    """One database of one system.

    ``url`` is an SQLAlchemy URL (``sqlite:///path`` or ``postgresql+psycopg://...``). ``contention`` hears of
    each unit of work that others stood in the way of: it was ``undone``, or came too ``late``.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        busy_timeout: dt.timedelta = dt.timedelta(seconds=10),
        contention: Callable[[str], None] = _nobody,
    ) -> None:
        self._contention = contention
        parsed = make_url(url)
        self.dialect = parsed.get_backend_name()
        if self.dialect not in {"sqlite", "postgresql"}:
            raise ValueError(f"unsupported database {self.dialect!r}: use sqlite or postgresql")
        if parsed.drivername not in _DRIVERS:
            raise ValueError(f"unsupported driver {parsed.drivername!r}: use one of {', '.join(_DRIVERS)}")
        if self.dialect == "postgresql" and parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.engine = (
            sqlite_engine(parsed, pool_size=pool_size, busy_timeout=busy_timeout.total_seconds())
            if self.dialect == "sqlite"
            else postgresql_engine(parsed, pool_size=pool_size)
        )
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._snapshots = (
            self.engine.execution_options(**ONLY_LOOKS)
            if self.dialect == "sqlite"
            else self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )
        self.writer = (
            SqliteWriter(self.engine, busy_timeout=busy_timeout.total_seconds())
            if self.dialect == "sqlite"
            else PostgresqlUnits(self.engine)
        )
        self._local = threading.local()
        self._spare: deque[_Reader] = deque()
        self._readers: WeakSet[_Reader] = WeakSet()
        self._readers_lock = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend a connection for looking; every statement sees the latest committed state.

        Raises:
            DatabaseAwayError: if there is none, or it broke; :meth:`snapshot` and :meth:`reader` say so, too.
        """
        with _telling_away(), self._connected(self._reading) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Lend a connection for looking; every statement sees one and the same committed state.

        Raises:
            TooCostlyError: if it lasts longer than is allowed (:func:`kernel.allowance.allowed`).
        """
        with (
            _telling_away(),
            self._connected(self._snapshots) as connection,
            connection.begin(),
            within_allowance(connection),
        ):
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Lend a connection for one unit of work: committed when the body ends, rolled back if it raises.

        Raises:
            BusyError: if another writer stood in the way for too long, or for ever (:class:`UndoneError`);
                nothing was changed.
            NestedUnitError: if the calling thread has a unit open already.
        """
        with self.transaction() as transaction:
            yield transaction.connection

    def transaction(self, line: str = "") -> AbstractContextManager[Transaction]:
        """Lend the transaction of one unit of work, as :meth:`write` does.

        On SQLite it may be shared with units before and after, and on PostgreSQL with those of the same
        ``line``; each is kept or undone by itself.
        """
        return TellingContention(self.writer.unit(line), self._contention)

    def reader(self) -> Any:  # noqa: ANN401 - the driver's own connection
        """Return the driver connection on which the calling thread reads: its own, in autocommit, kept open.

        For :mod:`kernel.prepared` only; everything else uses :meth:`read`.
        """
        lease: _Lease | None = getattr(self._local, "lease", None)
        if lease is None:
            lease = self._local.lease = _Lease(self._spare_reader() or self._new_reader(), self._spare)
        elif lease.reader.raw is None:
            lease.reader = self._new_reader()
        raw: Any = lease.reader.raw
        return raw

    def reader_is_lost(self, error: Exception) -> DatabaseAwayError | None:
        """Return what to raise if ``error`` tells that a reading connection broke, or None."""
        state = getattr(error, "sqlstate", "")
        return _away(error) if state is None or state.startswith(_ENDED) else None

    def drop_reader(self) -> None:
        """Close the calling thread's reading connection; the next read opens another."""
        lease: _Lease | None = getattr(self._local, "lease", None)
        if lease is not None:
            lease.reader.close()

    def dispose(self) -> None:
        """Close every connection."""
        with self._readers_lock:
            readers = list(self._readers)
        for reader in readers:
            reader.close()
        self.writer.close()
        self.engine.dispose()

    def _connected(self, engine: Engine) -> Connection:
        self.writer.make_room()
        try:
            return engine.connect()
        except OperationalError as error:
            _tell_away(error.orig, error)
            raise

    def _spare_reader(self) -> _Reader | None:
        while self._spare:
            try:
                found = self._spare.popleft()
            except IndexError:  # another thread took the last one
                return None
            if found.raw is not None:
                return found
        return None

    def _new_reader(self) -> _Reader:
        self.writer.make_room()
        try:
            lent = self.engine.raw_connection()
        except self.engine.dialect.loaded_dbapi.Error as error:
            _tell_away(error, error)
            raise
        lent.detach()
        raw: Any = lent.dbapi_connection
        if self.dialect == "postgresql":
            raw.autocommit = True
        reader = _Reader(raw)
        with self._readers_lock:
            self._readers.add(reader)
        return reader
