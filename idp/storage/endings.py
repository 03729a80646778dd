"""Ending sessions, and who must hear of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from idp.domain.client import Client, client_from
from idp.storage.grants import revoking_grants_of
from idp.storage.tables import account, client, session, session_client
from kernel.prepared import Prepared, run_together

_END_OF_ACCOUNT = Prepared(
    update(session)
    .where(
        session.c.account_id == bindparam("of"),
        session.c.ended_at.is_(None),
        session.c.id != bindparam("keep"),
    )
    .values(ended_at=bindparam("now", type_=session.c.ended_at.type), ended_reason=bindparam("reason"))
    .returning(session.c.id)
)

_held = account.alias("held")
# Held against whoever opens a session, as a change of the account does; what raises its version alone is not.
_END_SIGN_INS = Prepared(
    update(account)
    .where(
        account.c.id
        == select(_held.c.id).where(_held.c.id == bindparam("of")).with_for_update().scalar_subquery()
    )
    .values(sign_ins_ended_at=bindparam("now", type_=account.c.sign_ins_ended_at.type))
)


@dataclass(frozen=True, slots=True)
class Listener:
    """A client that signed a session in and wants to hear of its end."""

    session_id: str
    account_id: str
    client: Client


def end_one_session(connection: Connection, session_id: str, *, reason: str, now: dt.datetime) -> str | None:
    """End a session and return its account; None if it had ended before: one guarded UPDATE decides."""
    found: str | None = connection.execute(
        update(session)
        .where(session.c.id == session_id, session.c.ended_at.is_(None))
        .values(ended_at=now, ended_reason=reason)
        .returning(session.c.account_id)
    ).scalar()
    return found


def end_sessions_of(
    connection: Connection, account_id: str, *, reason: str, now: dt.datetime, keep: str | None
) -> list[str]:
    """End every session of the account but ``keep``, with every other grant; return the sessions' ids."""
    ended, _ = run_together(
        connection,
        _END_OF_ACCOUNT.bound(of=account_id, keep=keep or "", now=now, reason=reason),
        revoking_grants_of(account_id, reason=reason, now=now, keep=keep),
    )
    return sorted(row[0] for row in ended)


def end_sign_ins_of(connection: Connection, account_id: str, *, now: dt.datetime) -> None:
    """End every sign-in of the account that is under way: whatever was proved in it counts no more."""
    _END_SIGN_INS.within(connection, of=account_id, now=now)


def live_sessions_of(connection: Connection, account_id: str, *, now: dt.datetime) -> list[str]:
    """Return the ids of the account's sessions that have not ended."""
    rows = connection.execute(
        select(session.c.id).where(
            session.c.account_id == account_id, session.c.ended_at.is_(None), session.c.expires_at > now
        )
    )
    return sorted(rows.scalars())


def listeners(
    connection: Connection, session_ids: Collection[str], client_ids: Collection[str] | None = None
) -> list[Listener]:
    """Return which clients with a logout address these sessions signed in to, of some clients or of all."""
    if not session_ids:
        return []
    statement = (
        select(session_client.c.session_id, session.c.account_id, client)
        .join(session, session.c.id == session_client.c.session_id)
        .join(client, client.c.id == session_client.c.client_id)
        .where(session_client.c.session_id.in_(list(session_ids)))
        .order_by(session_client.c.session_id, client.c.id)
    )
    if client_ids is not None:
        statement = statement.where(session_client.c.client_id.in_(list(client_ids)))
    found = (Listener(row.session_id, row.account_id, _client(row)) for row in connection.execute(statement))
    return [each for each in found if each.client.backchannel_logout_uri]


def clients_signed_in_to(connection: Connection, session_id: str) -> list[Client]:
    """Return every client that this session signed in to, by id."""
    rows = connection.execute(
        select(client)
        .join(session_client, session_client.c.client_id == client.c.id)
        .where(session_client.c.session_id == session_id)
        .order_by(client.c.id)
    )
    return [_client(row) for row in rows]


def _client(row: Row[Any]) -> Client:
    fields = {column.name: row._mapping[column] for column in client.c}  # noqa: SLF001 - its public name
    return client_from(fields, fields["metadata"])


def forget_clients_of_sessions(
    connection: Connection, session_ids: Collection[str], client_ids: Collection[str]
) -> None:
    """Forget that these sessions signed in to these clients; a new sign-in remembers it again."""
    connection.execute(
        delete(session_client).where(
            session_client.c.session_id.in_(list(session_ids)),
            session_client.c.client_id.in_(list(client_ids)),
        )
    )
