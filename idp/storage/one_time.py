"""One-time secrets: issued, found without touching, and spent by one conditional statement.

Only digests are stored (RC-04). Of many nodes that present one secret at once, the database lets exactly
one through (RC-05).
"""

from __future__ import annotations

import datetime as dt
from functools import cache

from sqlalchemy import Connection, bindparam, func, select, update

from idp.domain.one_time import Purpose
from idp.storage.tables import account, one_time_secret
from kernel.database import insert
from kernel.prepared import Prepared
from kernel.sweeping import remove_some
from kernel.transaction import Transaction

_table = one_time_secret


@cache
def _issue(dialect: str) -> Prepared:
    statement = insert(dialect, _table)
    new = statement.excluded
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=[_table.c.account_id, _table.c.purpose],
            index_where=_table.c.used_at.is_(None),
            set_={"digest": new.digest, "issued_at": new.issued_at, "expires_at": new.expires_at},
        ),
        columns=("digest", "purpose", "account_id", "issued_at", "expires_at"),
    )


def issue(
    connection: Connection,
    digest: bytes,
    *,
    purpose: Purpose,
    account_id: str,
    now: dt.datetime,
    life: dt.timedelta,
) -> dt.datetime:
    """Store a new secret in the place of the live one of its purpose, if any, and return when it dies.

    A unique index holds one live secret per account and purpose, so that two issued at once are one.
    """
    _issue(connection.dialect.name).within(
        connection,
        digest=digest,
        purpose=purpose.value,
        account_id=account_id,
        issued_at=now,
        expires_at=now + life,
    )
    return now + life


_PUT_OUT = Prepared(
    update(_table)
    .where(_table.c.account_id == bindparam("of"), _table.c.used_at.is_(None))
    .values(used_at=bindparam("now", type_=_table.c.used_at.type))
)


def put_out_of_force(connection: Connection, account_id: str, *, now: dt.datetime) -> None:
    """Kill the live secrets of an account (SP-10)."""
    _PUT_OUT.within(connection, of=account_id, now=now)


def put_out_of_force_at_last(transaction: Transaction, account_id: str, *, now: dt.datetime) -> None:
    """Kill the live secrets of an account as its transaction ends, those that it issued itself, too."""
    _PUT_OUT.at_last(transaction, of=account_id, now=now)


def find_live(connection: Connection, digest: bytes, *, purpose: Purpose, now: dt.datetime) -> str | None:
    """Return the account of a live secret, or None; nothing changes, however often one looks (RC-08)."""
    found: str | None = connection.scalar(
        select(_table.c.account_id)
        .join(account, account.c.id == _table.c.account_id)
        .where(
            _table.c.digest == digest,
            _table.c.purpose == purpose.value,
            _table.c.used_at.is_(None),
            _table.c.expires_at > now,
            account.c.active,
        )
    )
    return found


def spend(connection: Connection, digest: bytes, *, purpose: Purpose, now: dt.datetime) -> str | None:
    """Spend a secret and return its account, or None if it was not live or its account is not active.

    One guarded UPDATE decides: of many that present the same secret at once, exactly one gets the account.
    """
    found: str | None = connection.scalar(
        update(_table)
        .where(
            _table.c.digest == digest,
            _table.c.purpose == purpose.value,
            _table.c.used_at.is_(None),
            _table.c.expires_at > now,
            _table.c.account_id.in_(select(account.c.id).where(account.c.active)),
        )
        .values(used_at=now)
        .returning(_table.c.account_id)
    )
    return found


def last_issued_at(connection: Connection, account_id: str, *, purpose: Purpose) -> dt.datetime | None:
    """Return when the newest secret of this purpose was issued, or None if none ever was."""
    statement = select(func.max(_table.c.issued_at).label("at")).where(
        _table.c.account_id == account_id, _table.c.purpose == purpose.value
    )
    found: dt.datetime | None = connection.scalar(statement)
    return found


def live_until(
    connection: Connection, account_id: str, *, purpose: Purpose, now: dt.datetime
) -> dt.datetime | None:
    """Return until when a secret of this purpose works, or None if none does."""
    found: dt.datetime | None = connection.scalar(
        select(func.max(_table.c.expires_at)).where(
            _table.c.account_id == account_id,
            _table.c.purpose == purpose.value,
            _table.c.used_at.is_(None),
            _table.c.expires_at > now,
        )
    )
    return found


def sweep(connection: Connection, *, before: dt.datetime) -> int:
    """Remove some secrets that died before ``before``; return how many."""
    ended = _table.c.expires_at
    return remove_some(connection, _table, ended < before, oldest_first=ended)
