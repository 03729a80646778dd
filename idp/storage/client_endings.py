"""What a client holds and what ends with it: grants with their families, tokens, half-done requests."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from idp.domain.client_record import Holdings
from idp.storage.exchanged_tokens import revoke_exchanged_of_client
from idp.storage.tables import (
    access_token,
    client,
    client_assertion,
    device_authorization,
    event_stream,
    grant,
    pushed_request,
    session_client,
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How much of a client ended."""

    grants: int
    tokens: int


def holdings(connection: Connection, client_id: str, *, now: dt.datetime) -> Holdings:
    """Return what lives of a client, from what is stored anyway: nothing is noted when a token is issued."""
    alive = (grant.c.client_id == client_id, grant.c.revoked_at.is_(None))
    grants = connection.scalar(select(func.count()).where(*alive, grant.c.expires_at > now)) or 0
    signed_in: dt.datetime | None = connection.scalar(
        select(grant.c.created_at).where(*alive).order_by(grant.c.created_at.desc()).limit(1)
    )
    issued: dt.datetime | None = connection.scalar(
        select(access_token.c.issued_at)
        .where(access_token.c.expires_at > now, access_token.c.client_id == client_id)
        .order_by(access_token.c.expires_at.desc())
        .limit(1)
    )
    moments = [moment for moment in (signed_in, issued) if moment is not None]
    return Holdings(grants, max(moments, default=None))


def end_holdings(connection: Connection, client_id: str, *, reason: str, now: dt.datetime) -> Ended:
    """Revoke every live grant and token of a client, and forget its requests that wait.

    What others got in exchange for its tokens ends with them. Enabling the client again revives nothing.
    """
    forget_requests(connection, client_id)  # before the grants, as whoever redeems one does
    grants = connection.execute(
        update(grant)
        .where(grant.c.client_id == client_id, grant.c.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason=reason)
    ).rowcount
    tokens = connection.execute(
        update(access_token)
        .where(
            access_token.c.expires_at > now,
            access_token.c.client_id == client_id,
            access_token.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    ).rowcount
    revoke_exchanged_of_client(connection, client_id, now=now)
    return Ended(grants, tokens)


def forget_requests(connection: Connection, client_id: str) -> None:
    """Forget the requests of a client that wait for a person."""
    for table in (pushed_request, device_authorization):
        connection.execute(delete(table).where(table.c.client_id == client_id))


def remove_client(connection: Connection, client_id: str) -> int | None:
    """Remove a client with its secrets, consents and event stream; None if there is none.

    What is returned is the version it was at: who has its id next goes on from there
    (:func:`idp.storage.client_register.go_on_from_former`).
    """
    for table in (session_client, client_assertion, event_stream):
        connection.execute(delete(table).where(table.c.client_id == client_id))
    version: int | None = connection.scalar(
        delete(client).where(client.c.id == client_id).returning(client.c.version)
    )
    return version
