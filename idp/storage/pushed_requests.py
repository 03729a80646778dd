"""Pushed authorization requests: kept under the digest of what names them, and spent once (RFC 9126)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from idp.storage.tables import pushed_request
from kernel.database import Database
from kernel.sweeping import remove_some

_table = pushed_request


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """A request that its client pushed. ``signed`` tells that it came as a request object."""

    digest: bytes
    client_id: str
    parameters: Mapping[str, list[str]]
    signed: bool
    expires_at: dt.datetime


def add_pushed_request(connection: Connection, new: PushedRequest) -> None:
    """Store a pushed request."""
    connection.execute(
        _table.insert(),
        {
            "digest": new.digest,
            "client_id": new.client_id,
            "parameters": dict(new.parameters),
            "signed": new.signed,
            "expires_at": new.expires_at,
        },
    )


def find_pushed_request(
    database: Database, digest: bytes, client_id: str, *, now: dt.datetime
) -> PushedRequest | None:
    """Return a live request that this client pushed and no sign-in has completed, or None (RFC 9126 §4)."""
    with database.read() as connection:
        row = connection.execute(
            select(
                _table.c.digest, _table.c.client_id, _table.c.parameters, _table.c.signed, _table.c.expires_at
            ).where(
                _table.c.digest == digest,
                _table.c.client_id == client_id,
                _table.c.used_at.is_(None),
                _table.c.expires_at > now,
            )
        ).first()
    return None if row is None else PushedRequest(*row)


def spend_pushed_request(connection: Connection, digest: bytes, *, now: dt.datetime) -> bool:
    """Spend a pushed request as its sign-in completes; False if another did: one conditional UPDATE decides.

    Its life counts to the moment at which the browser brought it; a person may take longer than that.
    """
    done = connection.execute(
        update(_table).where(_table.c.digest == digest, _table.c.used_at.is_(None)).values(used_at=now)
    )
    return done.rowcount == 1


def sweep(connection: Connection, *, before: dt.datetime) -> int:
    """Remove some requests whose life ended before ``before``; return how many."""
    ended = _table.c.expires_at
    return remove_some(connection, _table, ended < before, oldest_first=ended)
