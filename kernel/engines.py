"""An engine for each dialect, with everything that is set on its connections.

SQLite runs in WAL with ``synchronous=FULL`` and foreign keys on; every writing unit begins IMMEDIATE.
PostgreSQL runs READ COMMITTED.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.pool import QueuePool

# The log is moved into the file every 16 MB, not every 4: a page that changes often is then written once.
# Every thread reads on a connection of its own, so each keeps few pages: the system has the others in memory.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-250",
    "wal_autocheckpoint=4000",
)

_BEGIN = "begin"
ONLY_LOOKS = {_BEGIN: "BEGIN"}
"""The option of a connection to SQLite that writes nothing: its snapshot is taken with the first look."""
BEGINS_ITSELF = {_BEGIN: ""}
"""The option of a connection to SQLite whose user begins and ends the transactions."""
UNDONE_BY_ITSELF = "undone by itself"
"""Where the ``info`` of such a connection keeps the error with which SQLite undid the whole transaction."""

_KEEP_ALIVE: dict[str, Any] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Seconds, and tries, after which the network is asked whether a silent PostgreSQL is still there."""
_PATIENCE: dict[str, Any] = {"connect_timeout": 5, "tcp_user_timeout": 60_000}
"""Seconds that a PostgreSQL has to let us in, and milliseconds after which one is given up that does not even
acknowledge what it was sent. Whoever waits may hold a line that others stand in."""
_PREPARED_BY_US: dict[str, Any] = {"prepare_threshold": None}
"""The driver prepares nothing itself: at a ROLLBACK it would have the server forget what we prepared, too."""


_LIKE_OURS = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED"
"""A transaction that goes out without a BEGIN is as its connection has them, whatever the server has. Whether
it may write is left to the server: who froze a database, or whose disk is full, is not to be overruled."""


def sqlite_engine(url: URL, *, pool_size: int, busy_timeout: float) -> Engine:
    """Return an engine for a file of SQLite; it waits so many seconds for other processes that write."""
    _make_private(url.database)
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=64,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": busy_timeout},
    )

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
        raw.isolation_level = None  # transactions are ours, not the driver's
        cursor = raw.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            statement = options.get(_BEGIN, "BEGIN IMMEDIATE")
            if statement:
                connection.exec_driver_sql(statement)

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> None:
        if context.connection is not None and isinstance(context.original_exception, Exception):
            stay_undone(context.connection, context.original_exception)

    return engine


def stay_undone(connection: Connection, error: Exception) -> None:
    """Keep what a unit of SQLite still does after ``error`` from being committed statement by statement.

    Where the disk is full, for one, SQLite undoes the whole transaction by itself, and there is none any
    more. A unit that goes on gets another one, which the writer undoes.
    """
    if connection.get_execution_options().get(_BEGIN) != "" or connection.invalidated or connection.closed:
        return
    raw: Any = connection.connection.dbapi_connection
    if not raw.in_transaction:
        connection.info.setdefault(UNDONE_BY_ITSELF, error)
        raw.execute("BEGIN")


class TellingAsCore:
    """Lends the driver's connection, whose errors are told as Core tells them, without a statement's values.

    No generator, because every prepared statement enters one.
    """

    __slots__ = ("_connection", "_sql")

    def __init__(self, connection: Connection, sql: str) -> None:
        self._connection = connection
        self._sql = sql

    def __enter__(self) -> Any:  # noqa: ANN401 - the driver's own connection
        """Return the driver's connection."""
        return self._connection.connection.dbapi_connection

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Tell an error of the driver as Core would."""
        if error is None:
            return
        dialect = self._connection.engine.dialect
        if isinstance(error, dialect.loaded_dbapi.Error):
            stay_undone(self._connection, error)
            raise DBAPIError.instance(
                self._sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
            ) from error


def postgresql_engine(url: URL, *, pool_size: int) -> Engine:
    """Return an engine for a PostgreSQL server that may go away and come back."""
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=32,
        connect_args=_unless_said(url, _KEEP_ALIVE | _PATIENCE) | _PREPARED_BY_US,
        # Without this INSERT ... ON CONFLICT DO NOTHING reports -1 rows, and nobody could tell who won.
        execution_options={"preserve_rowcount": True},
        hide_parameters=True,
        isolation_level="READ COMMITTED",
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> Any:  # noqa: ANN401 - the driver's own
        from kernel.postgresql_connection import PostgresqlConnection  # noqa: PLC0415 - not without PostgreSQL

        connection = PostgresqlConnection.connect(*arguments, **options, autocommit=True)
        try:
            connection.execute(_LIKE_OURS)
            connection.autocommit = False
        except BaseException:
            connection.close()
            raise
        return connection

    @event.listens_for(engine, "checkout")
    def look(raw: Any, _record: object, _lent: object) -> None:  # noqa: ANN401 - the driver's own connection
        # A server that went away has closed the connection, and there is the end to be read. To ask it each
        # time would cost every unit of work a way to the server and back.
        if has_news(raw) and not _answers(engine, raw):
            raise InvalidatePoolError

    return engine


def _unless_said(url: URL, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return those of ``arguments`` that the address of the database says nothing about."""
    return {name: value for name, value in arguments.items() if name not in url.query}


def _make_private(path: str | None) -> None:
    """Make a new SQLite file readable by its owner alone; SQLite gives its other files the same mode."""
    if not path or path == ":memory:" or path.startswith("file:"):
        return
    with suppress(OSError):  # SQLite itself says what is wrong with a path
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def has_news(raw: Any) -> bool:  # noqa: ANN401 - the driver's own connection
    """Tell whether there is something to be read though nothing was asked, or the connection is closed."""
    if raw.closed:
        return True
    news = select.poll()
    news.register(raw.fileno(), select.POLLIN)
    return bool(news.poll(0))


def _answers(engine: Engine, raw: Any) -> bool:  # noqa: ANN401 - the driver's own connection
    try:
        return engine.dialect.do_ping(raw)
    except engine.dialect.loaded_dbapi.Error:
        return False
