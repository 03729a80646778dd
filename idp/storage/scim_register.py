"""The register of SCIM clients as an operator works with it: searched, looked at, changed one at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from idp.domain.scim_client import StoredScimClient
from idp.storage.client_register import narrowed
from idp.storage.scim_clients import COLUMNS, to_scim_client, values_of
from idp.storage.tables import provisioning_request, scim_client
from kernel.database import insert

DEEDS = (
    "gateway:scim-client:registered",
    "gateway:scim-client:changed",
    "gateway:scim-client:stored",
    "gateway:scim-client:disabled",
    "gateway:scim-client:enabled",
    "gateway:scim-token:issued",
    "gateway:scim-token:fixed",
    "gateway:scim-token:revoked",
    "gateway:event-stream:stored",
    "gateway:event-stream:enabled",
    "gateway:event-stream:paused",
    "gateway:event-stream:disabled",
    "gateway:event-stream:removed",
)
"""What is done to a SCIM client, as the audit calls it."""


@dataclass(frozen=True, slots=True)
class ScimRegistration:
    """A SCIM client with what its row tells beside.

    ``version`` rises with every change. ``last_request_at`` is when the newest of its requests came that is
    still in the record of requests.
    """

    client: StoredScimClient
    version: int
    created_at: dt.datetime
    disabled_at: dt.datetime | None
    last_request_at: dt.datetime | None


_REGISTRATIONS = select(
    *COLUMNS,
    scim_client.c.version,
    scim_client.c.created_at,
    select(provisioning_request.c.at)
    .where(provisioning_request.c.client_id == scim_client.c.id)
    .order_by(provisioning_request.c.id.desc())
    .limit(1)
    .scalar_subquery()
    .label("last_request_at"),
)


def _registration(row: Any) -> ScimRegistration:  # noqa: ANN401 - a row of all columns
    found = row._mapping  # noqa: SLF001 - its public name
    return ScimRegistration(
        to_scim_client(row),
        found["version"],
        found["created_at"],
        found["disabled_at"],
        found["last_request_at"],
    )


def find_scim_registration(connection: Connection, client_id: str) -> ScimRegistration | None:
    """Return a SCIM client as an operator sees it, disabled or not, or None."""
    row = connection.execute(_REGISTRATIONS.where(scim_client.c.id == client_id)).first()
    return None if row is None else _registration(row)


def search_scim_registrations(
    connection: Connection,
    *,
    words: Sequence[str] = (),
    disabled: bool | None = None,
    after: str = "",
    before: str = "",
    limit: int,
) -> list[ScimRegistration]:
    """Return SCIM clients by id whose id or name holds every one of ``words``, after or before an id.

    ``before`` gives the last ``limit`` of those that come before, in the same order.
    """
    statement = narrowed(
        _REGISTRATIONS, scim_client, words=words, disabled=disabled, after=after, before=before
    )
    found = [_registration(row) for row in connection.execute(statement.limit(limit))]
    return found[::-1] if before else found


def add_scim_client(connection: Connection, client: StoredScimClient, *, now: dt.datetime) -> bool:
    """Store a new SCIM client, enabled; False if there is one by its id."""
    added = connection.execute(
        insert(connection, scim_client)
        .values(id=client.id, version=1, created_at=now, updated_at=now, **values_of(client))
        .on_conflict_do_nothing()
    )
    return added.rowcount == 1


def change_scim_registration(
    connection: Connection, client_id: str, values: Mapping[str, Any], *, now: dt.datetime
) -> None:
    """Change a SCIM client that is held, and raise its version."""
    connection.execute(
        update(scim_client)
        .where(scim_client.c.id == client_id)
        .values(version=scim_client.c.version + 1, updated_at=now, **values)
    )


def switch_scim_client(connection: Connection, client_id: str, *, enabled: bool, now: dt.datetime) -> bool:
    """Enable a SCIM client, or disable it; False if it is so already, or there is none."""
    known = scim_client.c.disabled_at
    done = connection.execute(
        update(scim_client)
        .where(scim_client.c.id == client_id, known.is_not(None) if enabled else known.is_(None))
        .values(disabled_at=None if enabled else now, updated_at=now, version=scim_client.c.version + 1)
    )
    return done.rowcount == 1
