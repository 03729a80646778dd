"""What a writer meets whom others keep from writing: a busy answer, never an error of ours."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from kernel.database import Database
from kernel.errors import BusyError

if TYPE_CHECKING:
    from tests.support.databases import Databases


def test_a_writer_who_waits_too_long_is_told_to_come_again(sqlite_databases: Databases) -> None:
    """Two processes on one SQLite file: the second gives up after its time and changed nothing."""
    url = sqlite_databases.url("kernel")
    first = sqlite_databases.open(url)
    second = Database(url, busy_timeout=dt.timedelta(milliseconds=50))
    try:
        with first.write(), pytest.raises(BusyError) as refused, second.write():
            pass
        assert refused.value.retry_after >= 1
        with second.write() as connection:
            connection.execute(text("SELECT 1"))
    finally:
        second.dispose()


@pytest.mark.postgresql
def test_of_two_who_wait_for_one_another_one_is_told_to_come_again(postgresql_databases: Databases) -> None:
    """A deadlock is broken by PostgreSQL: one commits, the other comes again."""
    database = postgresql_databases.new("kernel")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE pair (id integer PRIMARY KEY, n integer)"))
        connection.execute(text("INSERT INTO pair VALUES (1, 0), (2, 0)"))
    both = threading.Barrier(2)
    met: list[str] = []

    def swap(first: int, second: int) -> None:
        touch = text("UPDATE pair SET n = n + 1 WHERE id = :id")
        try:
            with database.write() as connection:
                connection.execute(touch, {"id": first})
                both.wait(timeout=30)
                connection.execute(touch, {"id": second})
            met.append("done")
        except BusyError:
            met.append("busy")

    threads = [threading.Thread(target=swap, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(met) == ["busy", "done"]
