"""The time of the database server: one clock for every node that works on it.

Locks, lives of tokens and limits are compared with times that other nodes wrote. A node whose own clock is
wrong, or is set while it runs, would end them early (LK-09), so no node goes by its own: it asks the database
now and then, and counts on from there by a clock that nobody can set.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from kernel.clock import Clock, SystemClock
from kernel.database import Database
from kernel.errors import DatabaseAwayError
from kernel.prepared import Prepared

ASKED_AFTER = 30.0
"""Seconds after which the database is asked again."""
_ASKED_AGAIN_AFTER_FAILURE = 1.0
_SERVER_TIME = Prepared(select(func.clock_timestamp()))
_log = structlog.get_logger(__name__)


class DatabaseClock:
    """A :class:`~kernel.clock.Clock` that shows the PostgreSQL server's time.

    ``elapsed`` counts seconds and never goes back. While the server cannot be reached the clock goes on from
    its last answer; before the first one it shows ``meanwhile``, and nothing can be decided by it yet.
    """

    def __init__(
        self,
        database: Database,
        *,
        elapsed: Callable[[], float] = time.monotonic,
        meanwhile: Clock | None = None,
    ) -> None:
        self._database = database
        self._elapsed = elapsed
        self._meanwhile = meanwhile or SystemClock()
        self._asking = threading.Lock()
        self._anchor: tuple[float, dt.datetime] | None = None
        self._ask_at = elapsed()

    def now(self) -> dt.datetime:
        """Return the server's time, aware, in UTC: never ahead of it, behind by an answer's way at most."""
        elapsed = self._elapsed()
        if elapsed >= self._ask_at:
            self._ask()
            elapsed = self._elapsed()
        anchor = self._anchor
        if anchor is None:
            return self._meanwhile.now()
        return anchor[1] + dt.timedelta(seconds=elapsed - anchor[0])

    def _ask(self) -> None:
        """Ask the server, unless another thread is about to and there is an answer to go on from."""
        if not self._asking.acquire(blocking=self._anchor is None):
            return
        try:
            if self._elapsed() >= self._ask_at:
                self._anchor = self._server_time()
                self._ask_at = self._anchor[0] + ASKED_AFTER
        except (
            DatabaseAwayError,
            SQLAlchemyError,
            self._database.engine.dialect.loaded_dbapi.Error,
        ) as error:
            self._ask_at = self._elapsed() + _ASKED_AGAIN_AFTER_FAILURE
            _log.warning("clock.database_not_asked", error=type(error).__name__)
        finally:
            self._asking.release()

    def _server_time(self) -> tuple[float, dt.datetime]:
        """Return what ``elapsed`` showed when the server answered, and its time."""
        row = _SERVER_TIME.first(self._database)
        answered = self._elapsed()  # so the clock is behind by the way back at most, and never ahead
        if row is None:
            raise LookupError("a SELECT without a table gives a row")
        moment: dt.datetime = row[0]
        return answered, moment.astimezone(dt.UTC)


def clock_of(database: Database, machine: Clock) -> Clock:
    """Return the clock that everybody who works on a database goes by.

    The nodes on one PostgreSQL go by its time. A SQLite file has one machine, whose time it is.
    """
    return DatabaseClock(database, meanwhile=machine) if database.dialect == "postgresql" else machine
