"""SCIM clients and their static tokens: who provisions, how its requests are read, and what it may."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from idp.storage.tables import scim_client, scim_token
from kernel.database import Database, UtcDateTime, insert
from kernel.prepared import Prepared

_NOW = bindparam("now", type_=UtcDateTime)


@dataclass(frozen=True, slots=True)
class StoredScimClient:
    """A SCIM client: ``id`` is the source of what it makes, and its OAuth client's id if it has one."""

    id: str
    name: str
    profile: str
    scopes: frozenset[str]
    disabled: bool


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


_CLIENT = (
    scim_client.c.id,
    scim_client.c.name,
    scim_client.c.profile,
    scim_client.c.scopes,
    scim_client.c.disabled_at,
)
_FIND = Prepared(select(*_CLIENT).where(scim_client.c.id == bindparam("id")))
_BY_TOKEN = Prepared(
    select(*_CLIENT, scim_token.c.last_used_at)
    .join(scim_token, scim_token.c.client_id == scim_client.c.id)
    .where(
        scim_token.c.digest == bindparam("d"),
        or_(scim_token.c.expires_at.is_(None), scim_token.c.expires_at > _NOW),
        scim_client.c.disabled_at.is_(None),
    )
)


def _client(row: tuple[object, ...]) -> StoredScimClient:
    identifier, name, profile, scopes, disabled_at = row[:5]
    return StoredScimClient(
        str(identifier), str(name), str(profile), frozenset(str(scopes).split()), disabled_at is not None
    )


def find_scim_client(database: Database, client_id: str) -> StoredScimClient | None:
    """Return the SCIM client with this id, or None."""
    row = _FIND.first(database, id=client_id)
    return _client(tuple(row)) if row is not None else None


def find_by_token(database: Database, digest: bytes, *, now: dt.datetime) -> TokenUse | None:
    """Return whose static token this is: one that lives, of a client that is not disabled."""
    row = _BY_TOKEN.first(database, d=digest, now=now)
    return TokenUse(_client(tuple(row)), row[5]) if row is not None else None


def list_scim_clients(connection: Connection) -> tuple[StoredScimClient, ...]:
    """Return every SCIM client, by id."""
    rows = connection.execute(select(*_CLIENT).order_by(scim_client.c.id))
    return tuple(_client(tuple(row)) for row in rows)


def save_scim_client(connection: Connection, client: StoredScimClient, *, now: dt.datetime) -> None:
    """Store a SCIM client, or change the one that has its id."""
    values = {
        "name": client.name,
        "profile": client.profile,
        "scopes": " ".join(sorted(client.scopes)),
        "disabled_at": now if client.disabled else None,
        "updated_at": now,
    }
    connection.execute(
        insert(connection, scim_client)
        .values(id=client.id, created_at=now, **values)
        .on_conflict_do_update(index_elements=[scim_client.c.id], set_=values)
    )


def lock_scim_client(connection: Connection, client_id: str) -> bool:
    """Hold the client against other writers until the unit ends; False if there is none."""
    statement = select(scim_client.c.id).where(scim_client.c.id == client_id).with_for_update()
    return connection.scalar(statement) is not None


def add_scim_token(connection: Connection, new: NewScimToken, *, now: dt.datetime) -> bool:
    """Store a static token; False if another client has it already. The same client may state it again."""
    done = connection.execute(
        insert(connection, scim_token)
        .values(digest=new.digest, client_id=new.client_id, created_at=now, expires_at=new.expires_at)
        .on_conflict_do_update(
            index_elements=[scim_token.c.digest],
            set_={"expires_at": new.expires_at},
            where=scim_token.c.client_id == new.client_id,
        )
    )
    return done.rowcount == 1


def count_live_tokens(connection: Connection, client_id: str, *, now: dt.datetime) -> int:
    """Return how many static tokens of the client live."""
    live = or_(scim_token.c.expires_at.is_(None), scim_token.c.expires_at > now)
    statement = select(func.count()).where(scim_token.c.client_id == client_id, live)
    return connection.execute(statement).scalar_one()


def keep_newest_token(connection: Connection, client_id: str) -> None:
    """Remove every static token of the client but the newest."""
    newest = (
        select(scim_token.c.digest)
        .where(scim_token.c.client_id == client_id)
        .order_by(scim_token.c.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(
        delete(scim_token).where(scim_token.c.client_id == client_id, scim_token.c.digest != newest)
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
