"""Browsers in which an account completed a sign-in: they count tries for themselves and raise no alarm."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import cache

from sqlalchemy import Connection, bindparam, delete, select, update

from idp.storage.tables import known_device
from kernel.database import insert
from kernel.listed import listed
from kernel.prepared import Prepared
from kernel.sweeping import remove_some

_table = known_device
_KNOWN = Prepared(
    select(_table.c.account_id).where(
        _table.c.account_id.in_(listed("accounts")), _table.c.digest == bindparam("by")
    )
)
_SEEN_AGAIN = Prepared(
    update(_table)
    .where(_table.c.account_id == bindparam("owner"), _table.c.digest == bindparam("by"))
    .values(last_seen_at=bindparam("now", type_=_table.c.last_seen_at.type), user_agent=bindparam("agent"))
)


def accounts_known_to(connection: Connection, account_ids: Iterable[str], browser: bytes) -> frozenset[str]:
    """Return those of the accounts that were signed in to from this browser before."""
    return frozenset(id_ for (id_,) in _KNOWN.within(connection, accounts=list(account_ids), by=browser))


def remember_device(
    connection: Connection, account_id: str, browser: bytes, *, user_agent: str, now: dt.datetime
) -> bool:
    """Note that the account was signed in to from this browser; tell whether that is the first time."""
    first = _remember(connection.dialect.name).within(
        connection,
        account_id=account_id,
        digest=browser,
        first_seen_at=now,
        last_seen_at=now,
        user_agent=user_agent,
    )
    if not first:
        _SEEN_AGAIN.within(connection, owner=account_id, by=browser, now=now, agent=user_agent)
    return bool(first)


def devices_of(connection: Connection, account_id: str) -> tuple[bytes, ...]:
    """Return the digests of the browsers that the account was signed in to from."""
    return tuple(connection.scalars(select(_table.c.digest).where(_table.c.account_id == account_id)))


def forget_devices(connection: Connection, account_id: str) -> None:
    """Forget every browser that the account was signed in to from: each is a stranger's from now on."""
    connection.execute(delete(_table).where(_table.c.account_id == account_id))


@cache
def _remember(dialect: str) -> Prepared:
    return Prepared(
        insert(dialect, _table).on_conflict_do_nothing().returning(_table.c.account_id),
        columns=("account_id", "digest", "first_seen_at", "last_seen_at", "user_agent"),
    )


def sweep(connection: Connection, *, before: dt.datetime) -> int:
    """Forget some browsers that were last seen before ``before``; return how many."""
    seen = _table.c.last_seen_at
    return remove_some(connection, _table, seen < before, oldest_first=seen)
