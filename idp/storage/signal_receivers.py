"""Which streams of relying parties hear of a session or an account: those it signed in to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, exists, or_, select
from sqlalchemy.sql.selectable import FromClause

from idp.domain.client import Client, client_from
from idp.domain.security_events import Stream, StreamStatus
from idp.storage.event_streams import COLUMNS, to_stream
from idp.storage.tables import client, event_stream, grant, session, session_client
from kernel.prepared import Bound, Prepared

_CLIENT = tuple(column.name for column in client.c)
_STREAMS = event_stream.join(client, client.c.id == event_stream.c.client_id)


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
    source = _STREAMS.join(session_client, session_client.c.client_id == client.c.id)
    which = session_client.c.session_id.in_(list(session_ids))
    found = connection.execute(_open_streams(source, which, session_client.c.session_id))
    return as_receivers(tuple(row) for row in found)


def receivers_of_account(connection: Connection, account_id: str) -> tuple[SignalReceiver, ...]:
    """Return the streams of the clients that know the account: by a grant or a session that is still kept."""
    return as_receivers(_OF_ACCOUNT.within(connection, account_id=account_id))


def ask_receivers_of_account(account_id: str) -> Bound:
    """Return the question of :func:`receivers_of_account`, to be asked together with others."""
    return _OF_ACCOUNT.bound(account_id=account_id)


def as_receivers(rows: Iterable[Sequence[Any]]) -> tuple[SignalReceiver, ...]:
    """Read the answer."""
    return tuple(map(_receiver, rows))


def _open_streams(
    source: FromClause, which: ColumnElement[bool], *told: ColumnElement[str]
) -> Select[tuple[Any, ...]]:
    is_open = and_(
        which, event_stream.c.status != StreamStatus.DISABLED.value, client.c.disabled_at.is_(None)
    )
    statement = select(*COLUMNS, *client.c, *told).select_from(source).where(is_open)
    return statement.order_by(event_stream.c.id)


def _receiver(row: Sequence[Any]) -> SignalReceiver:
    first, last = len(COLUMNS), len(COLUMNS) + len(_CLIENT)
    fields = dict(zip(_CLIENT, row[first:last], strict=True))
    return SignalReceiver(to_stream(row[:first]), client_from(fields, fields["metadata"]), *row[last:])


_GRANTED = exists().where(grant.c.account_id == bindparam("account_id"), grant.c.client_id == client.c.id)
_SIGNED_IN = exists().where(
    session.c.account_id == bindparam("account_id"),
    session_client.c.session_id == session.c.id,
    session_client.c.client_id == client.c.id,
)
_OF_ACCOUNT = Prepared(_open_streams(_STREAMS, or_(_GRANTED, _SIGNED_IN)))
