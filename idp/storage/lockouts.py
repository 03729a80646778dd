"""Counters of tries, raised before a proof is looked at; the statement that counts also locks (LK-*).

However many tries arrive at once, on however many nodes, the row hands out each number once: no more than
``rule.after`` proofs are looked at before the lock holds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    null,
    or_,
    select,
    update,
)

from idp.domain.lockout import FORGET_AFTER, LONGEST_LOCK, Counted, LockRule
from idp.storage.tables import failure_count
from kernel.crypto import digest
from kernel.database import UtcDateTime, insert
from kernel.prepared import Prepared
from kernel.sweeping import remove_some
from kernel.transaction import Transaction

_AT_ONCE = 500
_table = failure_count
_MOMENT = UtcDateTime()
_LOCKED_SINCE = Prepared(
    select(_table.c.key)
    .where(or_(*(_table.c.kind == each.value for each in Counted)))
    .where(or_(_table.c.key == bindparam("strangers"), _table.c.key == bindparam("own")))
    .where(_table.c.locked_until > bindparam("now", type_=_MOMENT))
    .where(_table.c.last_at >= bindparam("since", type_=_MOMENT))
    .limit(1)
)
_THE_ONE = and_(_table.c.kind == bindparam("kind"), _table.c.key == bindparam("key"))
_UNTIL = Prepared(select(_table.c.locked_until).where(_THE_ONE))
_CLEAR = Prepared(delete(_table).where(_THE_ONE))
_GIVE_BACK = Prepared(
    update(_table)
    .where(_THE_ONE, _table.c.failures > 0)
    .values(failures=_table.c.failures - 1, locked_until=None)
)


def account_key(account_id: str, device: bytes | None) -> bytes:
    """Return the counter of an account; a browser that it knows counts for itself (LK-05)."""
    return digest(b"account\0" + account_id.encode() + (b"\0" + device if device else b""))


def name_key(name: str) -> bytes:
    """Return the counter of a name that belongs to nobody (EN-01); the name itself is not kept."""
    return digest(b"name\0" + name.encode(errors="replace"))


@dataclass(frozen=True, slots=True)
class Try:
    """An admitted try: the proof may be looked at. ``failures`` counts it already."""

    failures: int
    locked_until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Locked:
    """No proof is looked at before ``until``."""

    until: dt.datetime


def count_try(
    connection: Connection, kind: Counted, key: bytes, *, rule: LockRule, now: dt.datetime
) -> Try | Locked:
    """Count one try and tell whether its proof may be looked at; the last one allowed sets the lock."""
    first = rule.lock_for(1)
    rows = _count(connection.dialect.name, rule).within(
        connection,
        kind=kind.value,
        key=key,
        failures=1,
        last_at=now,
        locked_until=None if first is None else now + first,
        now=now,
        long_ago=now - FORGET_AFTER,
        **{f"lock_{failures}": now + lock for failures, lock in _ladder(rule)},
    )
    if rows:
        return Try(*rows[0])
    found = _UNTIL.within(connection, kind=kind.value, key=key)
    return Locked(found[0][0] if found and found[0][0] else now)


@cache
def _count(dialect: str, rule: LockRule) -> Prepared:
    now, long_ago = bindparam("now", type_=_MOMENT), bindparam("long_ago", type_=_MOMENT)
    free = or_(_table.c.locked_until.is_(None), _table.c.locked_until <= now)
    stale = and_(_table.c.last_at <= long_ago, free)
    locks = [
        (_table.c.failures + 1 >= failures, bindparam(f"lock_{failures}", type_=_MOMENT))
        for failures, _ in _ladder(rule)
    ]
    statement = insert(dialect, _table)
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=[_table.c.kind, _table.c.key],
            set_={
                "failures": case((stale, 1), else_=_table.c.failures + 1),
                "last_at": statement.excluded.last_at,
                "locked_until": case((stale, statement.excluded.locked_until), *locks, else_=null()),
            },
            where=free,
        ).returning(_table.c.failures, _table.c.locked_until),
        columns=("kind", "key", "failures", "last_at", "locked_until"),
    )


@cache
def _ladder(rule: LockRule) -> tuple[tuple[int, dt.timedelta], ...]:
    """Return the lock that each further failure sets, the longest first."""
    rungs: list[tuple[int, dt.timedelta]] = []
    failures = rule.after
    while True:
        lock = rule.lock_for(failures) or LONGEST_LOCK
        rungs.append((failures, lock))
        if lock >= LONGEST_LOCK:
            return tuple(rungs[::-1])
        failures += 1


def locked_since(
    connection: Connection, account_id: str, browser: bytes | None, *, since: dt.datetime, now: dt.datetime
) -> bool:
    """Tell whether a lock of the account was set at ``since`` or later and is in force (TK-12).

    Both counters of a sign-in from ``browser`` are looked at: that of strangers, and its own. A lock that
    stood before says nothing: who signed in beside it had proved who he is (LK-05).
    """
    strangers, own = account_key(account_id, None), account_key(account_id, browser)
    return bool(_LOCKED_SINCE.within(connection, strangers=strangers, own=own, since=since, now=now))


def give_back(connection: Connection, kind: Counted, key: bytes) -> None:
    """Take one counted try back whose proof was never looked at, and the lock it set."""
    _GIVE_BACK.within(connection, kind=kind.value, key=key)


def clear_at_last(transaction: Transaction, kind: Counted, key: bytes) -> None:
    """Forget the failures of one counter, as the transaction ends.

    A right proof clears its own and no other (LK-06).
    """
    _CLEAR.at_last(transaction, kind=kind.value, key=key)


def latest_lock(
    connection: Connection, account_id: str, devices: Iterable[bytes], *, now: dt.datetime
) -> dt.datetime | None:
    """Return until when wrong guesses lock an account, be it for some browser alone; None if they do not."""
    found = [
        until
        for some in _counters(account_id, devices)
        for until in connection.scalars(
            select(_table.c.locked_until).where(some, _table.c.locked_until > now)
        )
    ]
    return max(found, default=None)


def clear_all(connection: Connection, account_id: str, devices: Iterable[bytes]) -> int:
    """Forget every failure of an account, also those of these browsers; return how many counters went."""
    return sum(
        connection.execute(delete(_table).where(some)).rowcount for some in _counters(account_id, devices)
    )


def _counters(account_id: str, devices: Iterable[bytes]) -> Iterator[ColumnElement[bool]]:
    """Yield what finds the counters of an account: that of strangers, and those of these browsers."""
    keys = [account_key(account_id, None), *(account_key(account_id, each) for each in devices)]
    kinds = _table.c.kind.in_([each.value for each in Counted])
    for start in range(0, len(keys), _AT_ONCE):
        yield and_(kinds, _table.c.key.in_(keys[start : start + _AT_ONCE]))


def sweep(connection: Connection, *, now: dt.datetime) -> int:
    """Remove some counters that nobody added to for so long that they would start anew; return how many."""
    old = and_(
        _table.c.last_at <= now - FORGET_AFTER,
        or_(_table.c.locked_until.is_(None), _table.c.locked_until <= now),
    )
    return remove_some(connection, _table, old, oldest_first=_table.c.last_at)
