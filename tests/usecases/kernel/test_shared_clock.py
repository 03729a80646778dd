"""One clock for every node: the database server's."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select

from kernel.clock import FrozenClock
from kernel.database import Database
from kernel.shared_clock import ASKED_AFTER, DatabaseClock
from tests.support.ports import free_port
from tests.support.postgresql import drop_database

A_MINUTE = dt.timedelta(minutes=1)
WRONG = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)


class Stopwatch:
    """Counts what a test lets pass."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def server_time(database: Database) -> dt.datetime:
    with database.read() as connection:
        moment: dt.datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return moment.astimezone(dt.UTC)


def test_a_node_whose_clock_is_wrong_shows_the_servers_time(
    postgresql_gateway_database: Database,
) -> None:
    """LK-09: between the server's time before and after, whatever the node's own clock shows."""
    before = server_time(postgresql_gateway_database)
    clock = DatabaseClock(postgresql_gateway_database, meanwhile=FrozenClock(WRONG))
    shown = clock.now()
    assert before <= shown <= server_time(postgresql_gateway_database)
    assert shown.tzinfo is dt.UTC


def test_between_two_questions_it_counts_on_by_itself(postgresql_gateway_database: Database) -> None:
    """No statement is spent on it, and a clock that somebody sets moves nothing."""
    stopwatch = Stopwatch()
    clock = DatabaseClock(postgresql_gateway_database, elapsed=stopwatch, meanwhile=FrozenClock(WRONG))
    first = clock.now()
    stopwatch.seconds += ASKED_AFTER - 1
    assert clock.now() - first == dt.timedelta(seconds=ASKED_AFTER - 1)
    stopwatch.seconds += 1
    assert clock.now() - first < A_MINUTE / 2


def test_without_the_server_it_goes_on_from_the_last_answer(
    postgresql_gateway_database: Database, postgresql_admin: tuple[str, object]
) -> None:
    """A database that is away for a while stops no clock."""
    stopwatch = Stopwatch()
    clock = DatabaseClock(postgresql_gateway_database, elapsed=stopwatch)
    first = clock.now()
    drop_database(postgresql_admin[0], str(postgresql_gateway_database.engine.url.database))
    stopwatch.seconds += ASKED_AFTER * 10
    assert clock.now() - first == dt.timedelta(seconds=ASKED_AFTER * 10)


def test_before_the_first_answer_it_shows_the_machines_own() -> None:
    """Nothing can be decided without the database, so nothing is decided by that time."""
    nowhere = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    assert DatabaseClock(nowhere, meanwhile=FrozenClock(WRONG)).now() == WRONG
    nowhere.dispose()
