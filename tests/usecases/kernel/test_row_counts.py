"""The database tells who won: row counts of guarded statements, on both dialects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.database import insert
from kernel.tables import rate_limit
from tests.support.clock import NOON

if TYPE_CHECKING:
    from kernel.database import Database


def test_an_insert_that_meets_a_taken_key_reports_no_row(kernel_database: Database) -> None:
    """ADR 3: INSERT ... ON CONFLICT DO NOTHING decides by its row count, never by reading first."""
    values = {"name": "n", "key": b"k", "started_at": NOON, "used": 1, "expires_at": NOON}
    counts = []
    for _ in range(2):
        with kernel_database.write() as connection:
            statement = insert(connection, rate_limit).values(**values).on_conflict_do_nothing()
            counts.append(connection.execute(statement).rowcount)
    assert counts == [1, 0]
