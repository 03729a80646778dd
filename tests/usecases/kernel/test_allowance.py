"""How long the database may work for whoever asks."""

import datetime as dt

import pytest
from sqlalchemy import text

from kernel.allowance import allowed
from kernel.database import Database
from kernel.errors import TooCostlyError

COUNT = text(
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :most)"
    " SELECT count(*) FROM numbers"
)
ENDLESS, MUCH = 10**9, 30_000
LITTLE = dt.timedelta(milliseconds=1)


def test_what_would_take_for_ever_is_stopped_where_it_is(kernel_database: Database) -> None:
    """DB-06: so is whatever else would be asked in the time that is over."""
    with allowed(LITTLE):
        for _ in range(2):
            with pytest.raises(TooCostlyError), kernel_database.snapshot() as connection:
                connection.scalar(COUNT, {"most": ENDLESS})


def test_the_next_one_is_not_stopped(kernel_database: Database) -> None:
    """DB-06: the connection goes back as it came, after a failure and after none."""
    for _ in range(3):
        with pytest.raises(TooCostlyError), allowed(LITTLE), kernel_database.snapshot() as connection:
            connection.scalar(COUNT, {"most": ENDLESS})
        with kernel_database.snapshot() as connection:
            assert connection.scalar(COUNT, {"most": MUCH}) == MUCH
        with allowed(dt.timedelta(hours=1)), kernel_database.snapshot() as connection:
            assert connection.scalar(COUNT, {"most": MUCH}) == MUCH
        with kernel_database.snapshot() as connection:
            if kernel_database.dialect == "postgresql":
                assert connection.scalar(text("SHOW statement_timeout")) == "0"
            assert connection.scalar(COUNT, {"most": MUCH}) == MUCH
        with kernel_database.write() as connection:
            assert connection.scalar(COUNT, {"most": MUCH}) == MUCH


def test_other_errors_stay_what_they_are(kernel_database: Database) -> None:
    """A failure of the body is nobody's patience."""
    with (
        pytest.raises(RuntimeError, match="mine"),
        allowed(dt.timedelta(hours=1)),
        kernel_database.snapshot() as connection,
    ):
        connection.scalar(COUNT, {"most": 1})
        raise RuntimeError("mine")


def test_a_longer_time_than_postgresql_counts_is_its_longest(kernel_database: Database) -> None:
    """A setting of a hundred years is no fault of whoever asks."""
    with allowed(dt.timedelta(days=36_500)), kernel_database.snapshot() as connection:
        assert connection.scalar(COUNT, {"most": 1}) == 1
