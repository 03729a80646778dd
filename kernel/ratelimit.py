"""Limits that hold on every node, because the counters live in the database.

A limit is a count per span and key. The counter is raised before any proof is looked at, by one
statement, so that parallel tries cannot slip past it (LK-*, security.md section 4).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, case, delete, update

from kernel.crypto import digest
from kernel.database import UtcDateTime, insert
from kernel.prepared import Prepared
from kernel.sweeping import remove_some
from kernel.tables import rate_limit
from kernel.transaction import Transaction

_GIVE_BACK = Prepared(
    update(rate_limit)
    .where(rate_limit.c.name == bindparam("of_limit"), rate_limit.c.key == bindparam("of_key"))
    .where(rate_limit.c.expires_at > bindparam("now", type_=UtcDateTime()), rate_limit.c.used > 0)
    .values(used=rate_limit.c.used - 1)
)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` in any window of ``per`` that starts with the first use."""

    name: str
    count: int
    per: dt.timedelta


@dataclass(frozen=True, slots=True)
class Taken:
    """What :func:`take` found. ``retry_after`` is zero while the limit allows."""

    allowed: bool
    retry_after: dt.timedelta
    used: int


def take(connection: Connection, limit: Limit, key: str, *, now: dt.datetime, cost: int = 1) -> Taken:
    """Count one use of ``limit`` for ``key`` and tell whether it is still allowed."""
    statement = insert(connection, rate_limit).values(
        name=limit.name, key=digest(key), started_at=now, used=cost, expires_at=now + limit.per
    )
    over = rate_limit.c.expires_at <= now
    statement = statement.on_conflict_do_update(
        index_elements=[rate_limit.c.name, rate_limit.c.key],
        set_={
            "used": case((over, cost), else_=rate_limit.c.used + cost),
            "started_at": case((over, statement.excluded.started_at), else_=rate_limit.c.started_at),
            "expires_at": case((over, statement.excluded.expires_at), else_=rate_limit.c.expires_at),
        },
    )
    row = connection.execute(statement.returning(rate_limit.c.used, rate_limit.c.expires_at)).one()
    allowed = row.used <= limit.count
    return Taken(allowed, dt.timedelta(0) if allowed else row.expires_at - now, row.used)


def give_back_at_last(transaction: Transaction, limit: Limit, key: str, *, now: dt.datetime) -> None:
    """Take one use back at the end of the transaction, if its window still runs.

    A counter that everybody shares is not held any longer than that.
    """
    _GIVE_BACK.at_last(transaction, of_limit=limit.name, of_key=digest(key), now=now)


def hold(connection: Connection, limit: Limit, key: str, *, until: dt.datetime) -> None:
    """Have what was used of ``limit`` count until a moment, if that is later than its window's end."""
    connection.execute(
        update(rate_limit)
        .where(
            rate_limit.c.name == limit.name, rate_limit.c.key == digest(key), rate_limit.c.expires_at < until
        )
        .values(expires_at=until)
    )


def forget(connection: Connection, limit: Limit, key: str) -> None:
    """Clear the counter of ``limit`` for ``key``."""
    connection.execute(
        delete(rate_limit).where(rate_limit.c.name == limit.name, rate_limit.c.key == digest(key))
    )


def sweep(connection: Connection, *, now: dt.datetime) -> int:
    """Remove some counters whose window is over; return how many."""
    over = rate_limit.c.expires_at <= now
    return remove_some(connection, rate_limit, over, oldest_first=rate_limit.c.expires_at)
