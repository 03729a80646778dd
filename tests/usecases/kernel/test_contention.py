"""What a writer meets whom others keep from writing: a busy answer, never an error of ours."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from kernel.database import Database
from kernel.errors import BusyError, UndoneError
from kernel.joined import joined
from tests.support.clock import a_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from kernel.store import Store
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


@contextmanager
def as_one_of_several(store: Store) -> Iterator[Connection]:
    """Open a unit of work that is a part of another."""
    with joined(store) as parts, parts.database.write() as connection:
        yield connection


@pytest.mark.postgresql
@pytest.mark.parametrize("is_part", [False, True])
def test_of_two_who_wait_for_one_another_one_is_told_to_come_again(
    postgresql_databases: Databases, *, is_part: bool
) -> None:
    """A deadlock is broken by PostgreSQL: one commits, the other comes again, at once if it likes."""
    database = postgresql_databases.new("kernel")
    store = a_store(database)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE pair (id integer PRIMARY KEY, n integer)"))
        connection.execute(text("INSERT INTO pair VALUES (1, 0), (2, 0)"))
    both = threading.Barrier(2)
    met: list[str] = []

    def swap(first: int, second: int) -> None:
        touch = text("UPDATE pair SET n = n + 1 WHERE id = :id")
        try:
            with as_one_of_several(store) if is_part else database.write() as connection:
                connection.execute(touch, {"id": first})
                both.wait(timeout=30)
                connection.execute(touch, {"id": second})
            met.append("done")
        except UndoneError:
            met.append("undone")

    threads = [threading.Thread(target=swap, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(met) == ["done", "undone"]
