"""Streams of security events, and the events that wait in them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from idp.domain.security_events import Payload, Stream, StreamStatus, WaitingEvent
from idp.storage.tables import IS_LAST_WORD, client, event_stream, scim_client, security_event
from kernel.database import Database, insert
from kernel.prepared import Prepared
from kernel.sweeping import remove_some

COLUMNS = (
    event_stream.c.id,
    event_stream.c.client_id,
    event_stream.c.description,
    event_stream.c.provisioning,
    event_stream.c.signals,
    event_stream.c.algorithm,
    event_stream.c.endpoint_url,
    event_stream.c.status,
    event_stream.c.reason,
    event_stream.c.last_error,
    event_stream.c.reached_at,
    event_stream.c.sealed_authorization,
    event_stream.c.updated_at,
)
_OF_CLIENT = Prepared(select(*COLUMNS).where(event_stream.c.client_id == bindparam("c")))
_EVENTS = (
    select(security_event.c.id, security_event.c.claims, security_event.c.created_at)
    .where(security_event.c.stream_id == bindparam("s"))
    .order_by(security_event.c.id)
    .limit(bindparam("most"))
)
_WAITING = Prepared(_EVENTS)
_LAST_WORD = Prepared(_EVENTS.where(IS_LAST_WORD))
_FIELDS = ("id", "stream_id", "uri", "size", "claims", "created_at")
_INSERT = Prepared(security_event.insert(), columns=_FIELDS)


def to_stream(row: Sequence[Any]) -> Stream:
    """Return the stream of a row of ``COLUMNS``."""
    identifier, client_id, description, provisioning, signals, algorithm, url, status, *rest = row
    return Stream(
        identifier,
        client_id,
        description,
        Payload(provisioning),
        tuple(signals),
        algorithm,
        url,
        StreamStatus(status),
        *rest,
    )


def find_stream(database: Database, client_id: str) -> Stream | None:
    """Return the stream of a receiver."""
    row = _OF_CLIENT.first(database, c=client_id)
    return to_stream(row) if row is not None else None


def stream_within(connection: Connection, client_id: str) -> Stream | None:
    """Return the same as it stands in the unit of work of ``connection``."""
    rows = _OF_CLIENT.within(connection, c=client_id)
    return to_stream(rows[0]) if rows else None


def stream_by_id(connection: Connection, stream_id: str) -> Stream | None:
    """Return the stream of this id."""
    row = connection.execute(select(*COLUMNS).where(event_stream.c.id == stream_id)).one_or_none()
    return to_stream(tuple(row)) if row is not None else None


def count_waiting(connection: Connection, stream_id: str) -> int:
    """Return how many events wait in a stream."""
    statement = select(func.count()).where(security_event.c.stream_id == stream_id)
    return connection.scalar(statement) or 0


def list_streams(connection: Connection) -> tuple[tuple[Stream, int], ...]:
    """Return every stream with the number of events that wait in it, by receiver."""
    waiting = (
        select(func.count())
        .where(security_event.c.stream_id == event_stream.c.id)
        .scalar_subquery()
        .label("waiting")
    )
    rows = connection.execute(select(*COLUMNS, waiting).order_by(event_stream.c.client_id))
    return tuple((to_stream(row[:-1]), row[-1]) for row in rows)


def save_stream(
    connection: Connection, stream: Stream, *, sealed_authorization: bytes | None, now: dt.datetime
) -> str:
    """Store a stream, or change the one its receiver has; return its id. What waits in it stays."""
    values = {
        "description": stream.description,
        "provisioning": stream.provisioning.value,
        "signals": list(stream.signals),
        "algorithm": stream.algorithm,
        "endpoint_url": stream.endpoint_url,
        "sealed_authorization": sealed_authorization,
        "status": stream.status.value,
        "reason": stream.reason,
        "attempts": 0,
        "next_at": now,
        "last_error": "",
        "updated_at": now,
    }
    identifier: str = connection.execute(
        insert(connection, event_stream)
        .values(id=stream.id, client_id=stream.client_id, created_at=now, **values)
        .on_conflict_do_update(index_elements=[event_stream.c.client_id], set_=values)
        .returning(event_stream.c.id)
    ).scalar_one()
    return identifier


def insert_stream(
    connection: Connection, stream: Stream, *, sealed_authorization: bytes | None, now: dt.datetime
) -> bool:
    """Store a new stream; False if its receiver has one: the unique index decides."""
    done = connection.execute(
        insert(connection, event_stream)
        .values(
            id=stream.id,
            client_id=stream.client_id,
            description=stream.description,
            provisioning=stream.provisioning.value,
            signals=list(stream.signals),
            algorithm=stream.algorithm,
            endpoint_url=stream.endpoint_url,
            sealed_authorization=sealed_authorization,
            status=stream.status.value,
            reason=stream.reason,
            attempts=0,
            next_at=now,
            last_error="",
            created_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing(index_elements=[event_stream.c.client_id])
    )
    return done.rowcount == 1


def change_stream(
    connection: Connection,
    stream_id: str,
    *,
    signals: tuple[str, ...],
    description: str,
    endpoint_url: str,
    sealed_authorization: bytes | None,
    now: dt.datetime,
) -> None:
    """Change what a receiver states of its stream."""
    connection.execute(
        update(event_stream)
        .where(event_stream.c.id == stream_id)
        .values(
            signals=list(signals),
            description=description,
            endpoint_url=endpoint_url,
            sealed_authorization=sealed_authorization,
            attempts=0,
            next_at=now,
            last_error="",
            updated_at=now,
        )
    )


def note_verification(
    connection: Connection, stream_id: str, *, now: dt.datetime, before: dt.datetime
) -> bool:
    """Note that a verification was asked for; False if one was since ``before``."""
    done = connection.execute(
        update(event_stream)
        .where(
            event_stream.c.id == stream_id,
            or_(event_stream.c.verified_at.is_(None), event_stream.c.verified_at <= before),
        )
        .values(verified_at=now)
    )
    return done.rowcount == 1


def set_status(
    connection: Connection, stream_id: str, status: StreamStatus, *, reason: str, now: dt.datetime
) -> bool:
    """Set what becomes of a stream's events; False if there is no such stream.

    A disabled stream keeps none: what waits in it goes. So does, always, what was told of its status before.
    """
    done = connection.execute(
        update(event_stream)
        .where(event_stream.c.id == stream_id)
        .values(status=status.value, reason=reason, attempts=0, next_at=now, updated_at=now)
    )
    if done.rowcount:
        outdated = () if status is StreamStatus.DISABLED else (IS_LAST_WORD,)
        connection.execute(delete(security_event).where(security_event.c.stream_id == stream_id, *outdated))
    return done.rowcount == 1


def last_word_waits(connection: Connection, stream_id: str) -> bool:
    """Tell whether the receiver has yet to hear what was told of its stream's status."""
    return bool(_LAST_WORD.within(connection, s=stream_id, most=1))


def remove_stream(connection: Connection, stream_id: str) -> bool:
    """Remove a stream with what waits in it; False if there is none."""
    return connection.execute(delete(event_stream).where(event_stream.c.id == stream_id)).rowcount == 1


def add_events(connection: Connection, stream: Stream, events: Iterable[WaitingEvent]) -> None:
    """Let these wait in the stream, in the transaction of the deed that caused them."""
    rows = (
        {
            "id": each.id,
            "stream_id": stream.id,
            "uri": next(iter(each.claims["events"])),
            "size": len(json.dumps(each.claims, ensure_ascii=False).encode()),
            "claims": each.claims,
            "created_at": each.created_at,
        }
        for each in events
    )
    _INSERT.many(connection, rows)


def waiting_events(database: Database, stream: Stream, *, most: int) -> tuple[WaitingEvent, ...]:
    """Return what waits in a stream and may go out, the oldest first.

    Of one that is not enabled that is what tells its receiver so, and nothing else (SSF §8.1.2).
    """
    may_go = _WAITING if stream.status is StreamStatus.ENABLED else _LAST_WORD
    return tuple(WaitingEvent(*row) for row in may_go.all(database, s=stream.id, most=most))


def take_events(connection: Connection, stream_id: str, ids: Collection[str]) -> frozenset[str]:
    """Remove events that were taken; return those of ``ids`` that had waited in this very stream."""
    if not ids:
        return frozenset()
    found = connection.execute(
        delete(security_event)
        .where(security_event.c.stream_id == stream_id, security_event.c.id.in_(list(ids)))
        .returning(security_event.c.id)
    )
    return frozenset(found.scalars())


def note_reached(connection: Connection, stream_id: str, *, now: dt.datetime, before: dt.datetime) -> None:
    """Note that the receiver was there, unless that was noted since ``before``."""
    connection.execute(
        update(event_stream)
        .where(
            event_stream.c.id == stream_id,
            or_(event_stream.c.reached_at.is_(None), event_stream.c.reached_at < before),
        )
        .values(reached_at=now)
    )


def sweep_events(connection: Connection, *, before: str) -> int:
    """Remove some events below the id ``before`` that nobody took in time; return how many."""
    return remove_some(
        connection, security_event, security_event.c.id < before, oldest_first=security_event.c.id
    )


def overfull_streams(connection: Connection, *, most: int, most_bytes: int) -> tuple[str, ...]:
    """Return the streams in which more than ``most`` events wait, or events of more than ``most_bytes``.

    It reads an index alone, whatever the events hold.
    """
    statement = (
        select(security_event.c.stream_id)
        .group_by(security_event.c.stream_id)
        .having(or_(func.count() > most, func.sum(security_event.c.size) > most_bytes))
    )
    return tuple(connection.execute(statement).scalars())


def claim_streams(
    connection: Connection, *, owner: str, now: dt.datetime, lease: dt.timedelta, most: int
) -> tuple[tuple[Stream, int], ...]:
    """Lease streams that have something to push to ``owner``, with their failures in a row.

    One statement, so that two workers never push for the same receiver at once.
    """
    due = _due(now)
    wanted = select(event_stream.c.id).where(due).order_by(event_stream.c.next_at).limit(most)
    if connection.dialect.name == "postgresql":
        wanted = wanted.with_for_update(skip_locked=True)
    rows = connection.execute(
        update(event_stream)
        .where(event_stream.c.id.in_(wanted.scalar_subquery()), due)
        .values(lease_owner=owner, lease_until=now + lease)
        .returning(*COLUMNS, event_stream.c.attempts)
    )
    return tuple((to_stream(row[:-1]), row[-1]) for row in rows)


def anything_to_push(connection: Connection, *, now: dt.datetime) -> bool:
    """Tell whether a stream waits to be pushed; looking costs no writer."""
    return connection.scalar(select(event_stream.c.id).where(_due(now)).limit(1)) is not None


def release_stream(
    connection: Connection,
    stream_id: str,
    *,
    owner: str,
    attempts: int,
    next_at: dt.datetime,
    error: str,
    reached_at: dt.datetime | None,
) -> None:
    """Give a stream back after a round; nothing if the lease was lost meanwhile."""
    values: dict[str, Any] = {
        "attempts": attempts,
        "next_at": next_at,
        "last_error": error,
        "lease_owner": None,
        "lease_until": None,
    }
    if reached_at is not None:
        values["reached_at"] = reached_at
    connection.execute(
        update(event_stream)
        .where(event_stream.c.id == stream_id, event_stream.c.lease_owner == owner)
        .values(**values)
    )


def leave_streams(connection: Connection, stream_ids: Sequence[str], *, owner: str) -> None:
    """Give streams back that ``owner`` did not come to, as if it had never leased them."""
    connection.execute(
        update(event_stream)
        .where(event_stream.c.id.in_(stream_ids), event_stream.c.lease_owner == owner)
        .values(lease_owner=None, lease_until=None)
    )


def _due(now: dt.datetime) -> ColumnElement[bool]:
    """Return which streams have something to push now; to a client that is disabled nothing goes out."""
    waits = exists().where(security_event.c.stream_id == event_stream.c.id)
    return and_(
        event_stream.c.endpoint_url != "",
        event_stream.c.next_at <= now,
        or_(event_stream.c.lease_until.is_(None), event_stream.c.lease_until <= now),
        or_(and_(event_stream.c.status == StreamStatus.ENABLED.value, waits), waits.where(IS_LAST_WORD)),
        *(
            ~exists().where(each.c.id == event_stream.c.client_id, each.c.disabled_at.is_not(None))
            for each in (client, scim_client)
        ),
    )
