"""Clients that registered themselves, as they are found by their registration access tokens (RFC 7592)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, literal_column, select

from idp.domain.client import Client, client_from
from idp.storage.tables import (
    client,
    client_assertion,
    client_secret,
    consent,
    device_authorization,
    event_stream,
    grant,
    pushed_request,
    session_client,
)


@dataclass(frozen=True, slots=True)
class SelfRegistered:
    """A client with its metadata as it was kept."""

    client: Client
    metadata: Mapping[str, Any]
    created_at: dt.datetime


def find_self_registered(
    connection: Connection, client_id: str, digest: bytes, *, hold: bool = False
) -> SelfRegistered | None:
    """Return the client that has this id and this registration access token, disabled or not, or None.

    ``hold`` keeps everybody else from changing it until the unit of work ends.
    """
    statement = select(client).where(client.c.id == client_id, client.c.registration_digest == digest)
    row = connection.execute(statement.with_for_update() if hold else statement).first()
    if row is None:
        return None
    fields = {column.name: row._mapping[column] for column in client.c}  # noqa: SLF001 - its public name
    return SelfRegistered(client_from(fields, fields["metadata"]), fields["metadata"], fields["created_at"])


def live_secrets(
    connection: Connection, client_id: str, *, now: dt.datetime
) -> dict[bytes, dt.datetime | None]:
    """Return the digests of the client's secrets that work, each with its end."""
    rows = connection.execute(
        select(client_secret.c.digest, client_secret.c.expires_at).where(
            client_secret.c.client_id == client_id
        )
    )
    return {row.digest: row.expires_at for row in rows if row.expires_at is None or row.expires_at > now}


def remove_secrets(connection: Connection, client_id: str) -> None:
    """Remove every secret of a client that proves itself in another way now."""
    connection.execute(delete(client_secret).where(client_secret.c.client_id == client_id))


def _unused(before: dt.datetime) -> ColumnElement[bool]:
    """Nobody allowed it anything, and it holds nothing: no consent, no grant, and no stream of events."""
    return and_(
        client.c.registered_by != literal_column("''"),  # word for word as the index says it
        client.c.updated_at < before,
        client.c.disabled_at.is_(None),
        ~exists().where(consent.c.client_id == client.c.id),
        ~exists().where(grant.c.client_id == client.c.id, grant.c.revoked_at.is_(None)),
        ~exists().where(event_stream.c.client_id == client.c.id),
    )


def find_unused(connection: Connection, *, before: dt.datetime, limit: int) -> list[str]:
    """Return some clients that registered or changed themselves before ``before`` and are not used."""
    statement = select(client.c.id).where(_unused(before)).order_by(client.c.updated_at).limit(limit)
    return list(connection.scalars(statement))


def remove_unused(connection: Connection, client_id: str, *, before: dt.datetime) -> int | None:
    """Remove such a client with its secrets and what waits of it; None if somebody uses it by now.

    It is held first: whoever allows it something at this moment comes before, and is seen, or finds it gone.
    What is returned is the version it was at.
    """
    connection.execute(select(client.c.id).where(client.c.id == client_id).with_for_update())
    version: int | None = connection.scalar(
        delete(client).where(client.c.id == client_id, _unused(before)).returning(client.c.version)
    )
    if version is None:
        return None
    for table in (pushed_request, device_authorization, session_client, client_assertion):
        connection.execute(delete(table).where(table.c.client_id == client_id))
    return version
