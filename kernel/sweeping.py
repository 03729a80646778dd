"""Removing what is over in small bites, so that nobody who writes waits for the broom.

Any number of nodes may sweep: on PostgreSQL each passes by the rows that another one is removing, and SQLite
has one writer at a time. Every sweep goes by an index, from the oldest row on.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, event, select, tuple_

from kernel.database import Database

BATCH = 32
"""Rows of one bite: one or two milliseconds of the one writer that SQLite has, twice that beside others.

Half as many cost nearly as much; of twice as many whoever writes beside them feels each.
"""

_REST = 4.0

Sweep = Callable[[Connection], int]
"""Takes one bite and returns how many rows it was."""

Rest = Callable[[float], None]
"""What is done after a bite that took so many seconds."""


def for_sweeping(database: Database) -> Database:
    """Return the same database for what need not last: SQLite's log is not waited for at the end of a unit.

    So whoever writes next waits for a bite no longer than it takes. After a power cut some of what was swept
    may be back, and is swept again; nothing that others wrote is less safe.
    """
    if database.dialect != "sqlite":
        return database
    found = Database(database.engine.url.render_as_string(hide_password=False))
    event.listen(found.engine, "connect", _wait_for_no_disk)
    return found


def _wait_for_no_disk(raw: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    raw.execute("PRAGMA synchronous=NORMAL")


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
    database: Database, sweeps: Mapping[str, Sweep], *, rest: Rest, done: set[str] | None = None
) -> int:
    """Let each of ``sweeps`` take one bite in a unit of work of its own, then ``rest``; return the sum.

    ``done`` holds the names of those that have found nothing, which are passed by: to look for what is not
    there holds up who writes, too.
    """
    removed = 0
    for name, sweep in sweeps.items():
        if done is not None and name in done:
            continue
        with database.write() as connection:
            begun = time.monotonic()  # waiting for the others is no work, and needs no rest
            found = sweep(connection)
        rest(time.monotonic() - begun)
        removed += found
        if done is not None and not found:
            done.add(name)
    return removed


@dataclass(frozen=True, slots=True)
class Crowd:
    """Rows of which only so many are kept, whatever their age.

    ``last`` looks for the moment before which all have to go, or finds None; ``sweep`` takes a bite of those.
    """

    last: Callable[[Connection], dt.datetime | None]
    sweep: Callable[[Connection, dt.datetime], int]


def last_to_go(
    connection: Connection,
    moment: ColumnElement[dt.datetime],
    *,
    most: int,
    before: dt.datetime | None = None,
) -> dt.datetime | None:
    """Return the ``moment`` of the row that comes after the newest ``most``, of those ``before``, or None.

    ``moment`` is an indexed column. So many entries of the index are read: not a thing to do while writing.
    """
    statement = select(moment).order_by(moment.desc()).offset(most).limit(1)
    return connection.scalar(statement if before is None else statement.where(moment < before))


def sweep_crowds(
    database: Database, crowds: Mapping[str, Crowd], *, rest: Rest, done: set[str] | None = None
) -> int:
    """Let each of ``crowds`` take one bite of what is too much, as :func:`sweep_each` does."""
    removed = 0
    for name, crowd in crowds.items():
        if done is not None and name in done:
            continue
        with database.read() as connection:
            last = crowd.last(connection)
        if last is not None:
            removed += sweep_each(database, {name: partial(_sweep_crowd, crowd, last)}, rest=rest, done=done)
        elif done is not None:
            done.add(name)
    return removed


def _sweep_crowd(crowd: Crowd, last: dt.datetime, connection: Connection) -> int:
    return crowd.sweep(connection, last)


class Breather:
    """Rests between two bites four times as long as one took: most of the time is everybody else's."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def __call__(self, worked: float) -> None:
        """Rest after ``worked`` seconds, unless it is time to stop."""
        self._stop.wait(worked * _REST)


def no_rest(_worked: float) -> None:
    """Go on at once."""
