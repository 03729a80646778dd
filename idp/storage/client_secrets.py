"""Secrets of clients as an operator sees them: their ages; and the one showing of a new one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Column, Connection, Table, delete, literal, select

from idp.domain.client_record import SecretAge
from idp.storage.tables import (
    client_secret,
    scim_token_to_show,
    secret_to_show,
    session,
    temporary_password_to_show,
)
from kernel.database import insert


class SecretOf(StrEnum):
    """Whose new secret it is that waits to be shown; each kind waits in the table of that name."""

    CLIENT = "secret_to_show"
    SCIM_CLIENT = "scim_token_to_show"
    ACCOUNT = "temporary_password_to_show"


_WAITING: Mapping[SecretOf, tuple[Table, Column[str]]] = MappingProxyType(
    {
        SecretOf.CLIENT: (secret_to_show, secret_to_show.c.client_id),
        SecretOf.SCIM_CLIENT: (scim_token_to_show, scim_token_to_show.c.client_id),
        SecretOf.ACCOUNT: (temporary_password_to_show, temporary_password_to_show.c.account_id),
    }
)


def secret_ages(connection: Connection, client_id: str, *, now: dt.datetime) -> tuple[SecretAge, ...]:
    """Return the ages of the secrets that work, the current one first."""
    rows = connection.execute(
        select(client_secret.c.created_at, client_secret.c.expires_at).where(
            client_secret.c.client_id == client_id
        )
    )
    ages = [SecretAge(row.created_at, row.expires_at) for row in rows]
    alive = [age for age in ages if age.expires_at is None or age.expires_at > now]
    return tuple(sorted(alive, key=lambda age: (age.expires_at is not None, age.created_at)))


def remove_former_secrets(connection: Connection, client_id: str) -> int:
    """Remove the secrets that a newer one replaced; return how many."""
    done = connection.execute(
        delete(client_secret).where(
            client_secret.c.client_id == client_id, client_secret.c.expires_at.is_not(None)
        )
    )
    return done.rowcount


def remove_secrets(connection: Connection, client_id: str) -> None:
    """Remove every secret of a client."""
    connection.execute(delete(client_secret).where(client_secret.c.client_id == client_id))


def keep_to_show(
    connection: Connection,
    of: SecretOf,
    session_id: str,
    owner_id: str,
    sealed: bytes,
    *,
    until: dt.datetime,
) -> None:
    """Keep a sealed secret for the page of this session; it takes the place of an earlier one.

    Where the session has ended nothing is kept: what its maker did stands all the same.
    """
    waiting, owner = _WAITING[of]
    new = {"sealed": sealed, "expires_at": until}
    values = {owner: owner_id, waiting.c.sealed: sealed, waiting.c.expires_at: until}
    live = (
        select(session.c.id, *(literal(value, column.type) for column, value in values.items()))
        .where(session.c.id == session_id)
        .with_for_update(read=True, key_share=True)
    )
    connection.execute(
        insert(connection, waiting)
        .from_select([waiting.c.session_id, *values], live)
        .on_conflict_do_update(index_elements=[waiting.c.session_id, owner], set_=new)
    )


def take_to_show(
    connection: Connection, of: SecretOf, session_id: str, owner_id: str, *, now: dt.datetime
) -> bytes | None:
    """Take the sealed secret that waits for this session: of many who ask, one gets it, once."""
    waiting, owner = _WAITING[of]
    row = connection.execute(
        delete(waiting)
        .where(waiting.c.session_id == session_id, owner == owner_id)
        .returning(waiting.c.sealed, waiting.c.expires_at)
    ).first()
    return row.sealed if row is not None and row.expires_at > now else None


def waits_to_show(
    connection: Connection, of: SecretOf, session_id: str, owner_id: str, *, now: dt.datetime
) -> bool:
    """Tell whether a secret waits for this session, and leave it where it is."""
    waiting, owner = _WAITING[of]
    found = select(owner).where(
        waiting.c.session_id == session_id, owner == owner_id, waiting.c.expires_at > now
    )
    return connection.scalar(found) is not None


def sweep_to_show(connection: Connection, *, now: dt.datetime) -> int:
    """Remove secrets that nobody came to see; return how many."""
    return sum(
        connection.execute(delete(waiting).where(waiting.c.expires_at <= now)).rowcount
        for waiting, _owner in _WAITING.values()
    )
