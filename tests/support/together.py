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
    from tests.support.scim import Answer

T = TypeVar("T")


def together(count: int, act: Callable[[int], T]) -> list[T]:
    """Run ``act`` in ``count`` threads that start at the same moment; return what each got, in order.

    What one of them raised is raised here, when all have ended.
    """
    barrier = threading.Barrier(count)

    def run(number: int) -> T:
        barrier.wait(timeout=60)
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def statuses(answers: list[Answer]) -> list[int]:
    """Return the statuses in order of size."""
    return sorted(answer.status for answer in answers)


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
