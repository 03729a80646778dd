"""Authorization codes: kept as digests, and spent by one conditional statement, whoever presents them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, insert, select, update

from idp.domain.grant import SpentCode
from idp.storage.grants import NewGrant
from idp.storage.tables import authorization_code
from kernel.database import UtcDateTime
from kernel.prepared import Prepared
from kernel.transaction import Transaction

_NOW = bindparam("now", type_=UtcDateTime)


_INSERT_CODE = Prepared(
    insert(authorization_code),
    columns=("digest", "grant_id", "client_id", "redirect_uri", "request", "expires_at"),
)


def insert_code(
    transaction: Transaction,
    digest: bytes,
    *,
    new: NewGrant,
    redirect_uri: str,
    request: Mapping[str, object],
    expires_at: dt.datetime,
) -> None:
    """Store the digest of a code of ``new``, bound to client, redirection URI and request.

    It goes with the last statements of the transaction.
    """
    _INSERT_CODE.at_last(
        transaction,
        digest=digest,
        grant_id=new.id,
        client_id=new.client_id,
        redirect_uri=redirect_uri,
        request=dict(request),
        expires_at=expires_at,
    )


_SPEND_CODE = Prepared(
    update(authorization_code)
    .where(authorization_code.c.digest == bindparam("d"), authorization_code.c.used_at.is_(None))
    .values(used_at=_NOW)
    .returning(
        authorization_code.c.grant_id,
        authorization_code.c.client_id,
        authorization_code.c.redirect_uri,
        authorization_code.c.request,
        authorization_code.c.expires_at,
    )
)


_SPENT_CODE = Prepared(
    select(authorization_code.c.grant_id, authorization_code.c.client_id).where(
        authorization_code.c.digest == bindparam("d")
    )
)


def spend_code(connection: Connection, digest: bytes, *, now: dt.datetime) -> SpentCode | None:
    """Spend a code, whoever presents it; None if it is unknown or was spent before.

    One guarded UPDATE decides. A code that a stranger presents is burned too (TK-03).
    """
    rows = _SPEND_CODE.within(connection, d=digest, now=now)
    return SpentCode(*rows[0]) if rows else None


def find_spent_code(connection: Connection, digest: bytes) -> tuple[str, str] | None:
    """Return the grant and the client of a code that was spent before, or None if there is none."""
    rows = _SPENT_CODE.within(connection, d=digest)
    return (rows[0][0], rows[0][1]) if rows else None
