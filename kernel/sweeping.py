"""Removing what is over in small bites, so that nobody who writes waits for the broom.

Any number of nodes may sweep: on PostgreSQL each passes by the rows that another one is removing, and SQLite
has one writer at a time. Every sweep goes by an index, from the oldest row on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from sqlalchemy import ColumnElement, Connection, Table, delete, select, tuple_

from kernel.database import Database

BATCH = 64
"""Rows of one bite: two or three milliseconds of the one writer that SQLite has."""

_REST = 1.0

Rest = Callable[[float], None]
"""What is done after a bite that took so many seconds."""


def remove_some(
    connection: Connection,
    table: Table,
    over: ColumnElement[bool],
    *,
    oldest_first: ColumnElement[object],
    limit: int = BATCH,
) -> int:
    """Remove at most ``limit`` rows of ``table`` that are ``over``; return how many.

    Call it again while it returns something.

    ``oldest_first`` is the indexed column that ``over`` bounds: rows are found in its order, never by reading
    the table.
    """
    key = tuple(table.primary_key.columns)
    found = (
        select(*key)
        .where(over)
        .order_by(oldest_first)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte(nesting=True)
    )
    mine = select(*found.columns)
    which = key[0].in_(mine) if len(key) == 1 else tuple_(*key).in_(mine)
    return connection.execute(delete(table).where(which)).rowcount


def sweep_each(database: Database, sweeps: Iterable[Callable[[Connection], int]], *, rest: Rest) -> int:
    """Let each of ``sweeps`` take one bite in a unit of work of its own, then ``rest``; return the sum."""
    removed = 0
    for sweep in sweeps:
        with database.write() as connection:
            begun = time.monotonic()  # waiting for the others is no work, and needs no rest
            removed += sweep(connection)
        rest(time.monotonic() - begun)
    return removed


class Breather:
    """Rests between two bites for as long as one took, so that half of the time is everybody else's."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def __call__(self, worked: float) -> None:
        """Rest after ``worked`` seconds, unless it is time to stop."""
        self._stop.wait(worked * _REST)


def no_rest(_worked: float) -> None:
    """Go on at once."""
