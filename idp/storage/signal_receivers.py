"""Which streams of relying parties hear of a session or an account: those it signed in to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select
from sqlalchemy.sql.selectable import FromClause

from idp.domain.client import Client, client_from
from idp.domain.security_events import Stream, StreamStatus
from idp.storage.event_streams import COLUMNS, to_stream
from idp.storage.tables import client, event_stream, grant, session, session_client


@dataclass(frozen=True, slots=True)
class SignalReceiver:
    """A stream that hears of it, and its client; ``session_id`` is empty where it is about an account."""

    stream: Stream
    client: Client
    session_id: str = ""


def receivers_of_sessions(connection: Connection, session_ids: Collection[str]) -> tuple[SignalReceiver, ...]:
    """Return the streams of the clients that these sessions signed in to."""
    if not session_ids:
        return ()
    source = event_stream.join(client, client.c.id == event_stream.c.client_id).join(
        session_client, session_client.c.client_id == client.c.id
    )
    which = session_client.c.session_id.in_(list(session_ids))
    return _found(connection, source, which, session_client.c.session_id)


def receivers_of_account(connection: Connection, account_id: str) -> tuple[SignalReceiver, ...]:
    """Return the streams of the clients that know the account: by a grant or a session that is still kept."""
    source = event_stream.join(client, client.c.id == event_stream.c.client_id)
    granted = exists().where(grant.c.account_id == account_id, grant.c.client_id == client.c.id)
    signed_in = exists().where(
        session.c.account_id == account_id,
        session_client.c.session_id == session.c.id,
        session_client.c.client_id == client.c.id,
    )
    return _found(connection, source, or_(granted, signed_in), None)


def _found(
    connection: Connection,
    source: FromClause,
    which: ColumnElement[bool],
    session_id: ColumnElement[str] | None,
) -> tuple[SignalReceiver, ...]:
    told = () if session_id is None else (session_id,)
    open_streams = and_(
        which, event_stream.c.status != StreamStatus.DISABLED.value, client.c.disabled_at.is_(None)
    )
    statement = select(*COLUMNS, *client.c, *told).select_from(source).where(open_streams)
    return tuple(_receiver(row) for row in connection.execute(statement.order_by(event_stream.c.id)))


def _receiver(row: Any) -> SignalReceiver:  # noqa: ANN401 - a row of a stream, a client and perhaps a session
    first, last = len(COLUMNS), len(COLUMNS) + len(client.c)
    fields = dict(zip((column.name for column in client.c), row[first:last], strict=True))
    return SignalReceiver(to_stream(row[:first]), client_from(fields, fields["metadata"]), *row[last:])
