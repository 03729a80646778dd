"""The register of clients as an operator works with it: searched, looked at, changed by one at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, func, or_, select, update

from idp.domain.client import client_from
from idp.domain.client_record import Registration
from idp.storage.tables import client
from kernel.tables import audit_event

REGISTERED = "gateway:client:registered"
DEEDS = (
    REGISTERED,
    "gateway:client:changed",
    "gateway:client:credential-rotated",
    "gateway:client:credential-retired",
    "gateway:client:disabled",
    "gateway:client:enabled",
)
"""What is done to a client, as the audit calls it."""
DELETED = "gateway:client:deleted"
"""Its end there; the details hold its ``version``."""


def _registration(row: Any) -> Registration:  # noqa: ANN401 - a row of all columns
    fields = {column.name: row._mapping[column] for column in client.c}  # noqa: SLF001 - its public name
    return Registration(
        client_from(fields, fields["metadata"]),
        fields["metadata"],
        fields["created_at"],
        fields["updated_at"],
        fields["disabled_at"],
    )


def find_registration(connection: Connection, client_id: str) -> Registration | None:
    """Return a client with its metadata, disabled or not, or None."""
    row = connection.execute(select(client).where(client.c.id == client_id)).first()
    return None if row is None else _registration(row)


def search_registrations(
    connection: Connection,
    *,
    words: Sequence[str] = (),
    disabled: bool | None = None,
    after: str = "",
    before: str = "",
    limit: int,
) -> list[Registration]:
    """Return clients by id whose id or name holds every one of ``words``, after or before an id.

    ``before`` gives the last ``limit`` of those that come before, in the same order.
    """
    statement = narrowed(select(client), client, words=words, disabled=disabled, after=after, before=before)
    found = [_registration(row) for row in connection.execute(statement.limit(limit))]
    return found[::-1] if before else found


def narrowed(
    statement: Select[Any],
    table: Table,
    *,
    words: Sequence[str],
    disabled: bool | None,
    after: str,
    before: str,
) -> Select[Any]:
    """Narrow a statement on clients of ``table`` to a page by id; ``before`` turns the order round."""
    for word in words:
        held = [
            func.lower(column).contains(word.lower(), autoescape=True)
            for column in (table.c.id, table.c.name)
        ]
        statement = statement.where(or_(*held))
    if disabled is not None:
        known = table.c.disabled_at
        statement = statement.where(known.is_not(None) if disabled else known.is_(None))
    if before:
        return statement.where(table.c.id < before).order_by(table.c.id.desc())
    return statement.where(table.c.id > after).order_by(table.c.id)


def enable_client(connection: Connection, client_id: str, *, now: dt.datetime) -> bool:
    """Enable a client that is disabled; False if there is none."""
    done = connection.execute(
        update(client)
        .where(client.c.id == client_id, client.c.disabled_at.is_not(None))
        .values(disabled_at=None, updated_at=now, version=client.c.version + 1)
    )
    return done.rowcount == 1


def go_on_from_former(connection: Connection, client_id: str) -> None:
    """Raise the version of a client that was just stored above those of all who had its id before.

    What began for one of them compares the version it knows, and finds that it is another's. The audit of
    a deletion tells at which version it was; it is read after the client was stored, when nobody else can be
    deleting one of this id any more.
    """
    told = connection.scalars(
        select(audit_event.c.details).where(audit_event.c.target == client_id, audit_event.c.tag == DELETED)
    )
    former = max((each.get("version", 0) for each in told), default=0)
    if former:
        connection.execute(update(client).where(client.c.id == client_id).values(version=former + 1))
