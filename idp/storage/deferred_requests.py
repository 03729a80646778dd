"""Requests that are done later, and how they ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from idp.storage.tables import deferred_request
from kernel.sweeping import remove_some


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request that is to be done; ``begun`` tells that somebody tried before and did not end it."""

    id: str
    client_id: str
    accepted_at: dt.datetime
    sealed: bytes = field(repr=False)
    begun: bool = False


def insert_deferred(
    connection: Connection, identifier: str, client_id: str, sealed: bytes, *, now: dt.datetime
) -> None:
    """Keep a request until it is done."""
    connection.execute(
        deferred_request.insert().values(
            id=identifier, client_id=client_id, sealed_request=sealed, created_at=now
        )
    )


def open_requests(connection: Connection, client_id: str) -> int:
    """Return how many requests of the client are still to be done."""
    statement = select(func.count()).where(
        deferred_request.c.client_id == client_id, deferred_request.c.ended_at.is_(None)
    )
    return connection.scalar(statement) or 0


def next_open(connection: Connection, *, now: dt.datetime) -> tuple[str, dt.datetime | None] | None:
    """Return the oldest free request of the client whose turn it is, and until when somebody did it.

    It is the turn of the client for whom the fewest are being done and whose last one ended the longest ago,
    so that nobody waits for all that another asks.
    """
    each = deferred_request.alias("each")
    lease = deferred_request.c.lease_until
    first = (
        select(func.min(deferred_request.c.id).label("id"), deferred_request.c.client_id)
        .where(deferred_request.c.ended_at.is_(None), or_(lease.is_(None), lease <= now))
        .group_by(deferred_request.c.client_id)
        .subquery("first")
    )
    of_client = each.c.client_id == first.c.client_id
    being_done = select(func.count()).where(of_client, each.c.ended_at.is_(None), each.c.lease_until > now)
    last_ended = select(func.max(each.c.ended_at)).where(of_client)
    row = connection.execute(
        select(deferred_request.c.id, lease)
        .join(first, first.c.id == deferred_request.c.id)
        .order_by(
            being_done.scalar_subquery(),
            last_ended.scalar_subquery().nulls_first(),
            deferred_request.c.id,
        )
        .limit(1)
    ).first()
    return None if row is None else (row[0], row[1])


def claim_deferred(
    connection: Connection,
    identifier: str,
    *,
    seen: dt.datetime | None,
    owner: str,
    until: dt.datetime,
) -> OpenRequest | None:
    """Take a request as it was ``seen``, or None if another took it: one statement decides."""
    lease = deferred_request.c.lease_until
    row = connection.execute(
        update(deferred_request)
        .where(
            deferred_request.c.id == identifier,
            deferred_request.c.ended_at.is_(None),
            lease.is_(None) if seen is None else lease == seen,
        )
        .values(lease_owner=owner, lease_until=until)
        .returning(
            deferred_request.c.id,
            deferred_request.c.client_id,
            deferred_request.c.created_at,
            deferred_request.c.sealed_request,
        )
    ).first()
    return None if row is None else OpenRequest(row[0], row[1], row[2], row[3], begun=seen is not None)


def hold_deferred(connection: Connection, identifier: str, *, owner: str, until: dt.datetime) -> bool:
    """Hold a request longer; False if another took it over or ended it."""
    return _change(connection, identifier, owner, {"lease_until": until})


def is_held(connection: Connection, identifier: str, *, owner: str) -> bool:
    """Tell whether a request is being done by ``owner``, and nobody took it over."""
    statement = select(deferred_request.c.id).where(
        deferred_request.c.id == identifier,
        deferred_request.c.lease_owner == owner,
        deferred_request.c.ended_at.is_(None),
    )
    return connection.scalar(statement) is not None


def put_back_deferred(connection: Connection, identifier: str, *, owner: str, until: dt.datetime) -> bool:
    """Let anybody do a request, but not before ``until``; False if another took it over or ended it."""
    return _change(connection, identifier, owner, {"lease_owner": None, "lease_until": until})


def _change(connection: Connection, identifier: str, owner: str, values: Mapping[str, Any]) -> bool:
    done = connection.execute(
        update(deferred_request)
        .where(
            deferred_request.c.id == identifier,
            deferred_request.c.lease_owner == owner,
            deferred_request.c.ended_at.is_(None),
        )
        .values(values)
    )
    return done.rowcount == 1


def end_deferred(
    connection: Connection,
    identifier: str,
    *,
    owner: str,
    completions: Sequence[Mapping[str, Any]],
    now: dt.datetime,
) -> bool:
    """Keep how a request ended and wipe what it asked; False if another ended it."""
    ending = {"sealed_request": None, "completions": list(completions), "ended_at": now}
    return _change(connection, identifier, owner, ending)


def find_deferred(
    connection: Connection, identifier: str, client_id: str
) -> tuple[list[dict[str, Any]] | None, dt.datetime | None] | None:
    """Return how a request of the client ended, and when; None if it has none such."""
    row = connection.execute(
        select(deferred_request.c.completions, deferred_request.c.ended_at).where(
            deferred_request.c.id == identifier, deferred_request.c.client_id == client_id
        )
    ).first()
    return None if row is None else (row[0], row[1])


def sweep_deferred(connection: Connection, *, before: str) -> int:
    """Remove some requests that are older than the id ``before``; return how many."""
    return remove_some(
        connection, deferred_request, deferred_request.c.id < before, oldest_first=deferred_request.c.id
    )
