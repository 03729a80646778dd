"""Threads that do things at the same moment, or one in the middle of another's unit of work."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from kernel.database import Database

T = TypeVar("T")


def at_once(deed: Callable[[int], T], *, threads: int = 16) -> list[T]:
    """Let so many threads do ``deed``, each with its number, and return what each got."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> T:
        barrier.wait()
        return deed(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def done_or_waiting(database: Database, deed: Future[T]) -> None:
    """Return once ``deed`` is done, or somebody on this PostgreSQL database waits for another's lock."""
    until = time.monotonic() + 60
    with database.read() as connection:
        while not deed.done():
            waiting = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if waiting.scalar():
                return
            assert time.monotonic() < until
