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

BATCH = 200
"""Rows of one bite: a few milliseconds of the one writer that SQLite has."""

_REST = 3.0


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


def sweep_each(
    database: Database, sweeps: Iterable[Callable[[Connection], int]], *, rest: Callable[[], None]
) -> int:
    """Let each of ``sweeps`` take one bite in a unit of work of its own, then ``rest``; return the sum."""
    removed = 0
    for sweep in sweeps:
        with database.write() as connection:
            removed += sweep(connection)
        rest()
    return removed


class Breather:
    """Rests between two bites for longer than one takes, so that most of the time is everybody else's."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._since = time.monotonic()

    def __call__(self) -> None:
        """Rest, unless it is time to stop."""
        self._stop.wait((time.monotonic() - self._since) * _REST)
        self._since = time.monotonic()


def no_rest() -> None:
    """Go on at once."""
