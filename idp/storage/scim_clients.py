"""SCIM clients and their static tokens: who provisions, how its requests are read, and what it may."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, or_, select, update

from idp.domain.scim_client import StoredScimClient, StoredToken
from idp.domain.security_events import Payload
from idp.storage.tables import client, event_stream, scim_client, scim_token
from kernel.database import Database, UtcDateTime, insert
from kernel.prepared import Prepared

_NOW = bindparam("now", type_=UtcDateTime)


@dataclass(frozen=True, slots=True)
class TokenUse:
    """A live static token, and when it was used last."""

    client: StoredScimClient
    last_used_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class NewScimToken:
    """A static token, before it is stored; without ``expires_at`` it lives until it is replaced."""

    digest: bytes = field(repr=False)
    client_id: str
    expires_at: dt.datetime | None
    label: str = ""


COLUMNS = (
    scim_client.c.id,
    scim_client.c.name,
    scim_client.c.profile,
    scim_client.c.scopes,
    scim_client.c.disabled_at,
    scim_client.c.require_match,
    scim_client.c.requests_per_second,
    scim_client.c.allowed_addresses,
    scim_client.c.extension,
    scim_client.c.leave_out_unknown_members,
    select(event_stream.c.provisioning)
    .where(event_stream.c.client_id == scim_client.c.id, event_stream.c.status != "disabled")
    .scalar_subquery()
    .label("events"),
)
_BY_TOKEN = Prepared(
    select(*COLUMNS, scim_token.c.last_used_at)
    .join(scim_token, scim_token.c.client_id == scim_client.c.id)
    .where(
        scim_token.c.digest == bindparam("d"),
        or_(scim_token.c.expires_at.is_(None), scim_token.c.expires_at > _NOW),
        scim_client.c.disabled_at.is_(None),
        ~exists().where(client.c.id == scim_client.c.id, client.c.disabled_at.is_not(None)),
    )
)


def to_scim_client(row: Sequence[Any]) -> StoredScimClient:
    """Return the SCIM client of a row that begins with :data:`COLUMNS`."""
    (
        identifier,
        name,
        profile,
        scopes,
        disabled_at,
        require_match,
        rate,
        addresses,
        extension,
        leave_out,
        events,
    ) = row[: len(COLUMNS)]
    return StoredScimClient(
        id=identifier,
        name=name,
        profile=profile,
        scopes=frozenset(scopes.split()),
        disabled=disabled_at is not None,
        require_match=bool(require_match),
        requests_per_second=rate,
        events=events or Payload.NONE,
        allowed_addresses=tuple(addresses.split()),
        extension=bool(extension),
        leave_out_unknown_members=bool(leave_out),
    )


def find_by_token(database: Database, digest: bytes, *, now: dt.datetime) -> TokenUse | None:
    """Return whose static token this is: one that lives, of a client that is disabled in neither sense."""
    row = _BY_TOKEN.first(database, d=digest, now=now)
    return TokenUse(to_scim_client(row), row[-1]) if row is not None else None


def list_scim_clients(connection: Connection) -> tuple[StoredScimClient, ...]:
    """Return every SCIM client, by id."""
    rows = connection.execute(select(*COLUMNS).order_by(scim_client.c.id))
    return tuple(to_scim_client(row) for row in rows)


def values_of(client: StoredScimClient) -> dict[str, Any]:
    """Return what the row of a SCIM client holds of what an operator states."""
    return {
        "name": client.name,
        "profile": client.profile,
        "scopes": " ".join(sorted(client.scopes)),
        "require_match": client.require_match,
        "requests_per_second": client.requests_per_second,
        "allowed_addresses": " ".join(client.allowed_addresses),
        "extension": client.extension,
        "leave_out_unknown_members": client.leave_out_unknown_members,
    }


def save_scim_client(connection: Connection, client: StoredScimClient, *, now: dt.datetime) -> None:
    """Store a SCIM client, or change the one that has its id."""
    values = {
        **values_of(client),
        "disabled_at": now if client.disabled else None,
        "updated_at": now,
    }
    connection.execute(
        insert(connection, scim_client)
        .values(id=client.id, created_at=now, version=1, **values)
        .on_conflict_do_update(
            index_elements=[scim_client.c.id], set_={**values, "version": scim_client.c.version + 1}
        )
    )


def lock_scim_client(connection: Connection, client_id: str) -> bool:
    """Hold the client against other writers until the unit ends; False if there is none."""
    statement = select(scim_client.c.id).where(scim_client.c.id == client_id).with_for_update()
    return connection.scalar(statement) is not None


def add_scim_token(connection: Connection, new: NewScimToken, *, now: dt.datetime) -> None:
    """Store a static token, or give the one that stands to this client, with the end that is stated now."""
    connection.execute(
        insert(connection, scim_token)
        .values(
            digest=new.digest,
            client_id=new.client_id,
            label=new.label,
            created_at=now,
            expires_at=new.expires_at,
        )
        .on_conflict_do_update(
            index_elements=[scim_token.c.digest],
            set_={"client_id": new.client_id, "expires_at": new.expires_at},
        )
    )


def static_tokens(connection: Connection, client_id: str, *, now: dt.datetime) -> tuple[StoredToken, ...]:
    """Return the live static tokens of the client, the oldest first."""
    return static_tokens_of(connection, [client_id], now=now).get(client_id, ())


def static_tokens_of(
    connection: Connection, client_ids: Sequence[str], *, now: dt.datetime
) -> dict[str, tuple[StoredToken, ...]]:
    """Return the live static tokens of several clients by the client's id, the oldest first."""
    live = or_(scim_token.c.expires_at.is_(None), scim_token.c.expires_at > now)
    statement = (
        select(
            scim_token.c.client_id,
            scim_token.c.digest,
            scim_token.c.label,
            scim_token.c.created_at,
            scim_token.c.expires_at,
            scim_token.c.last_used_at,
        )
        .where(scim_token.c.client_id.in_(client_ids), live)
        .order_by(scim_token.c.created_at, scim_token.c.digest)
    )
    found: dict[str, tuple[StoredToken, ...]] = {}
    for client_id, *rest in connection.execute(statement):
        found[client_id] = (*found.get(client_id, ()), StoredToken(*rest))
    return found


def remove_token(connection: Connection, client_id: str, digest: bytes) -> bool:
    """Remove one static token of the client; False if it has none such."""
    statement = delete(scim_token).where(scim_token.c.client_id == client_id, scim_token.c.digest == digest)
    return connection.execute(statement).rowcount == 1


def remove_expired_tokens(connection: Connection, client_id: str, *, now: dt.datetime) -> None:
    """Remove the static tokens of the client that outlived themselves."""
    connection.execute(
        delete(scim_token).where(scim_token.c.client_id == client_id, scim_token.c.expires_at <= now)
    )


def remove_other_tokens(connection: Connection, client_id: str, digest: bytes) -> None:
    """Remove every static token of the client but this one."""
    connection.execute(
        delete(scim_token).where(scim_token.c.client_id == client_id, scim_token.c.digest != digest)
    )


def note_use(connection: Connection, digest: bytes, *, now: dt.datetime, before: dt.datetime) -> None:
    """Note that a static token was used, unless that was noted since ``before``."""
    connection.execute(
        update(scim_token)
        .where(
            scim_token.c.digest == digest,
            or_(scim_token.c.last_used_at.is_(None), scim_token.c.last_used_at < before),
        )
        .values(last_used_at=now)
    )
