"""Tokens that were exchanged for others (RFC 8693): each dies with the one it came from, however far down.

Both clients and the token it comes from are held while the new one is stored: whoever disables or revokes one
of them at that moment waits, and then finds the new one, or comes first, and then nothing is stored.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from idp.storage.access_tokens import NewAccessToken
from idp.storage.tables import access_token, client
from kernel.database import UtcDateTime
from kernel.prepared import Prepared

_source = access_token.alias("source")
_giver = client.alias("giver")
_taker = client.alias("taker")
_NOW = bindparam("now", type_=UtcDateTime)
_COLUMNS = (
    "digest",
    "exchanged_from",
    "grant_id",
    "client_id",
    "subject",
    "scope",
    "audience",
    "confirmation",
    "issued_at",
    "expires_at",
)
_INSERT = Prepared(
    access_token.insert()
    .from_select(
        _COLUMNS,
        select(
            bindparam("digest", type_=access_token.c.digest.type),
            _source.c.digest,
            _source.c.grant_id,
            _taker.c.id,
            _source.c.subject,
            bindparam("scope", type_=access_token.c.scope.type),
            bindparam("audience", type_=access_token.c.audience.type),
            bindparam("confirmation", type_=access_token.c.confirmation.type),
            _NOW,
            bindparam("expires_at", type_=UtcDateTime),
        )
        .join(_giver, _giver.c.id == _source.c.client_id)
        .join(_taker, _taker.c.id == bindparam("taker", type_=client.c.id.type))
        .where(
            _source.c.digest == bindparam("source", type_=access_token.c.digest.type),
            _source.c.revoked_at.is_(None),
            _source.c.expires_at > _NOW,
            _giver.c.disabled_at.is_(None),
            _taker.c.version == bindparam("version", type_=client.c.version.type),
            _taker.c.disabled_at.is_(None),
        )
        # The clients first, as whoever disables one does: the other way round two could wait for one another.
        .with_for_update(read=True, of=(_giver, _taker, _source)),
        include_defaults=False,
    )
    .returning(access_token.c.issued_at)
)


def insert_exchanged_token(
    connection: Connection, new: NewAccessToken, *, source: bytes, client_version: int, now: dt.datetime
) -> bool:
    """Store a token of the grant and the subject of ``source``; False if that one or a client is gone.

    Gone is a token that was revoked or has expired, a client that was disabled, and a taker that is no longer
    at ``client_version``.
    """
    rows = _INSERT.within(
        connection,
        digest=new.digest,
        source=source,
        taker=new.client_id,
        version=client_version,
        scope=new.scope,
        audience=new.audience,
        confirmation=str(new.confirmation) if new.confirmation is not None else None,
        now=now,
        expires_at=new.expires_at,
    )
    return bool(rows)


def revoke_exchanged(connection: Connection, digest: bytes, *, now: dt.datetime) -> int:
    """Revoke what was exchanged for a token that was revoked in this unit, and what came of that."""
    return _revoke_down(connection, access_token.c.exchanged_from == digest, now=now)


def revoke_exchanged_of_client(connection: Connection, client_id: str, *, now: dt.datetime) -> int:
    """Revoke what anybody got for a token of a client whose tokens were revoked in this unit; how many."""
    of_client = (
        select(access_token.c.digest)
        .join(_source, _source.c.digest == access_token.c.exchanged_from)
        .where(access_token.c.exchanged_from.is_not(None), _source.c.client_id == client_id)
    )
    return _revoke_down(connection, access_token.c.digest.in_(of_client.scalar_subquery()), now=now)


def _revoke_down(connection: Connection, which: ColumnElement[bool], *, now: dt.datetime) -> int:
    """Revoke level by level: who exchanges meanwhile waits for the row above, so none slips in between."""
    ended = 0
    while True:
        found = connection.scalars(
            update(access_token)
            .where(which, access_token.c.exchanged_from.is_not(None), access_token.c.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(access_token.c.digest)
        ).all()
        if not found:
            return ended
        ended += len(found)
        which = access_token.c.exchanged_from.in_(found)
