"""How long the database may work for whoever asks: what takes longer is stopped there, and refused.

Ambient, so that not each signature of a question has to carry it; obeyed by
:meth:`kernel.database.Database.snapshot`. The bound is the transaction's on PostgreSQL and taken back on
SQLite: nobody who is lent the connection afterwards meets it.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from kernel.engines import TellingAsCore
from kernel.errors import TooCostlyError

_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the time: less than a millisecond."""
_LONGEST = 2**31 - 1
"""Milliseconds that PostgreSQL takes for a limit; 0 would be none."""
_STILL_TRUE = 0.9
"""PostgreSQL is told anew where less than this part is left of what it was told: each time is a way to it."""
_STOPPED = frozenset({"57014", "SQLITE_INTERRUPT"})


class _Allowance:
    """What is left of a time, in seconds; for one thread."""

    __slots__ = ("left",)

    def __init__(self, left: float) -> None:
        self.left = left


_current: ContextVar[_Allowance | None] = ContextVar("allowance", default=None)


@contextmanager
def allowed(span: dt.timedelta) -> Iterator[None]:
    """Let the snapshots in the body of the ``with`` last so long, all of them together."""
    token = _current.set(_Allowance(span.total_seconds()))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def within_allowance(connection: Connection) -> Iterator[None]:
    """Stop what is asked on ``connection`` when the time that is allowed is over; for the database.

    Raises:
        TooCostlyError: if it is.
    """
    allowance = _current.get()
    if allowance is None:
        yield
        return
    if allowance.left <= 0:
        raise TooCostlyError
    begun = time.monotonic()
    try:
        with _BOUNDS[connection.dialect.name](connection, begun + allowance.left):
            yield
    except DBAPIError as error:
        if not _was_stopped(error.orig):
            raise
        raise TooCostlyError from error
    finally:
        allowance.left -= time.monotonic() - begun


def _was_stopped(told: Any) -> bool:  # noqa: ANN401 - the driver's own error
    return bool({getattr(told, "sqlstate", None), getattr(told, "sqlite_errorname", None)} & _STOPPED)


@contextmanager
def _on_sqlite(connection: Connection, until: float) -> Iterator[None]:
    raw: Any = connection.connection.dbapi_connection
    raw.set_progress_handler(lambda: time.monotonic() >= until, _STEPS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


@contextmanager
def _on_postgresql(connection: Connection, until: float) -> Iterator[None]:
    told = 0.0

    def tell(*_statement: object) -> None:
        nonlocal told
        left = until - time.monotonic()
        if told and left >= told * _STILL_TRUE:
            return
        told = left
        limit = min(max(math.ceil(left * 1000), 1), _LONGEST)
        with TellingAsCore(connection, "SET LOCAL") as raw:
            raw.execute(f"SET LOCAL statement_timeout = {limit}")

    event.listen(connection, "before_cursor_execute", tell)
    yield


_Bound = Callable[[Connection, float], AbstractContextManager[None]]
_BOUNDS: dict[str, _Bound] = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}
