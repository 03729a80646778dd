"""Refresh tokens: kept as digests; each is spent once, and has one heir."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, insert, select, update

from idp.domain.grant import Inspected, StoredRefreshToken
from idp.domain.tokens import TokenFacts
from idp.storage.tables import account, client, grant, refresh_token
from kernel.database import Database, UtcDateTime
from kernel.prepared import Prepared
from kernel.transaction import Transaction

_NOW = bindparam("now", type_=UtcDateTime)


@dataclass(frozen=True, slots=True)
class NewRefreshToken:
    """A refresh token, before it is stored. ``parent`` is the digest of the one it replaces."""

    digest: bytes = field(repr=False)
    grant_id: str
    client_id: str
    request: Mapping[str, object]
    expires_at: dt.datetime
    parent: bytes | None = field(default=None, repr=False)
    answer: bytes | None = field(default=None, repr=False)


_INSERT_REFRESH = Prepared(
    insert(refresh_token),
    columns=("digest", "grant_id", "client_id", "request", "issued_at", "expires_at", "parent", "answer"),
)


_REFRESH_COLUMNS = (
    refresh_token.c.grant_id,
    refresh_token.c.client_id,
    refresh_token.c.request,
    refresh_token.c.expires_at,
    refresh_token.c.used_at,
)

# One statement finds and writes, so that of many who bring a token one alone is served.
_UNSPENT = (
    refresh_token.c.digest == bindparam("d"),
    refresh_token.c.client_id == bindparam("c"),
    refresh_token.c.used_at.is_(None),
    refresh_token.c.expires_at > _NOW,
)


_SPEND_REFRESH = Prepared(
    update(refresh_token).where(*_UNSPENT).values(used_at=_NOW).returning(*_REFRESH_COLUMNS)
)


_PROLONG = Prepared(
    update(refresh_token)
    .where(*_UNSPENT)
    .values(expires_at=bindparam("until", type_=UtcDateTime))
    .returning(refresh_token.c.digest)
)


_FIND_REFRESH = Prepared(select(*_REFRESH_COLUMNS).where(refresh_token.c.digest == bindparam("d")))


_ANSWER = Prepared(
    select(refresh_token.c.answer).where(
        refresh_token.c.parent == bindparam("d"), refresh_token.c.used_at.is_(None)
    )
)


def spend_refresh_token(
    connection: Connection, digest: bytes, client_id: str, *, now: dt.datetime
) -> StoredRefreshToken | None:
    """Spend a live refresh token of ``client_id``; None if it is not live or not this client's.

    One guarded UPDATE decides among all who present it at once.
    """
    rows = _SPEND_REFRESH.within(connection, d=digest, c=client_id, now=now)
    return StoredRefreshToken(*rows[0]) if rows else None


def prolong_refresh_token(
    connection: Connection, digest: bytes, client_id: str, *, until: dt.datetime, now: dt.datetime
) -> bool:
    """Let a live refresh token of ``client_id`` live until then; False if it is not live any more."""
    return bool(_PROLONG.within(connection, d=digest, c=client_id, until=until, now=now))


def find_refresh_token(connection: Connection, digest: bytes) -> StoredRefreshToken | None:
    """Return the refresh token, spent or not, or None."""
    rows = _FIND_REFRESH.within(connection, d=digest)
    return StoredRefreshToken(*rows[0]) if rows else None


def sealed_answer_to(connection: Connection, digest: bytes) -> bytes | None:
    """Return the sealed answer that the spending of a refresh token gave, while its heir is unused."""
    rows = _ANSWER.within(connection, d=digest)
    return rows[0][0] if rows else None


def insert_refresh_token(transaction: Transaction, new: NewRefreshToken, *, now: dt.datetime) -> None:
    """Store a refresh token, with the last statements of the transaction.

    A second heir of one parent violates the unique column.
    """
    _INSERT_REFRESH.at_last(
        transaction,
        digest=new.digest,
        grant_id=new.grant_id,
        client_id=new.client_id,
        request=dict(new.request),
        issued_at=now,
        expires_at=new.expires_at,
        parent=new.parent,
        answer=new.answer,
    )


_REFRESH_NAMED = Prepared(
    select(
        refresh_token.c.client_id,
        grant.c.account_id,
        grant.c.subject,
        refresh_token.c.grant_id,
        grant.c.scope,
        refresh_token.c.issued_at,
        refresh_token.c.expires_at,
        account.c.user_name,
    )
    .join(grant, grant.c.id == refresh_token.c.grant_id)
    .join(account, account.c.id == grant.c.account_id)
    .join(client, client.c.id == refresh_token.c.client_id)
    .where(
        refresh_token.c.digest == bindparam("d"),
        refresh_token.c.used_at.is_(None),
        refresh_token.c.expires_at > _NOW,
        grant.c.revoked_at.is_(None),
        account.c.active,
        client.c.disabled_at.is_(None),
    )
)


def inspect_refresh_token(database: Database, digest: bytes, *, now: dt.datetime) -> Inspected | None:
    """Return a live refresh token as introspection sees it, or None."""
    row = _REFRESH_NAMED.first(database, d=digest, now=now)
    if row is None:
        return None
    client_id, account_id, subject, grant_id, scope, issued_at, expires_at, user_name = row
    facts = TokenFacts(
        client_id,
        subject,
        account_id,
        grant_id,
        frozenset(scope.split()),
        frozenset(),
        issued_at,
        expires_at,
    )
    return Inspected("refresh_token", facts, user_name)
