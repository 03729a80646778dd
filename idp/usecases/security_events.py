"""Security events: written by the deed that causes them, signed when their receiver takes them.

Nothing here opens a unit of work: an event stands or falls with its deed.
"""

from __future__ import annotations

from collections.abc import Iterable

from idp.domain.security_events import (
    SET_TYPE,
    Occurrence,
    Stream,
    StreamStatus,
    WaitingEvent,
    set_claims,
)
from idp.domain.signals import STREAM_UPDATED, stream_subject
from idp.storage.event_streams import add_events, last_word_waits, set_status, stream_within
from idp.usecases.services import IdpServices
from kernel.crypto import Sealer
from kernel.store import Unit

_TABLE, _COLUMN = "event_stream", "sealed_authorization"


def stream_of(unit: Unit, client_id: str) -> Stream | None:
    """Return the stream of a receiver, unless it keeps no events."""
    stream = stream_within(unit.connection, client_id)
    return None if stream is None or stream.status is StreamStatus.DISABLED else stream


def publish(unit: Unit, stream: Stream, occurrences: Iterable[Occurrence]) -> None:
    """Let the receiver of ``stream`` know, once the deed is committed and never before."""
    publish_events(unit, stream, [event_of(unit, each) for each in occurrences])


def switch_stream(unit: Unit, stream: Stream, status: StreamStatus, *, reason: str) -> None:
    """Set what becomes of a stream's events, and tell the receiver that manages it (SSF §8.1.5).

    It did not ask for that. It hears of it though the stream is stopped; only the last status is told. Who
    states the same again tells it to a receiver that did not hear it yet, and to no other.
    """
    news = stream.status is not status or last_word_waits(unit.connection, stream.id)
    set_status(unit.connection, stream.id, status, reason=reason, now=unit.now)
    if news and stream.is_managed:
        payload = {"status": status.value} | ({"reason": reason} if reason else {})
        txn = unit.randomness.token(16)
        publish(unit, stream, [Occurrence(STREAM_UPDATED, stream_subject(stream.id), payload, txn)])


def event_of(unit: Unit, occurrence: Occurrence) -> WaitingEvent:
    """Return the event of something that happened; it has its ``jti`` from now on."""
    return WaitingEvent(unit.randomness.ulid(unit.now), occurrence.claims, unit.now)


def publish_events(unit: Unit, stream: Stream, events: Iterable[WaitingEvent]) -> None:
    """Let these events wait for the receiver of ``stream``."""
    add_events(unit.connection, stream, events)


def security_event_token(services: IdpServices, stream: Stream, event: WaitingEvent) -> str:
    """Return the token of an event: the same ``jti`` and ``iat`` however often it is asked for."""
    claims = set_claims(event, issuer=services.issuer, audience=stream.client_id)
    return services.signing.sign(claims, algorithm=stream.algorithm, typ=SET_TYPE)


def seal_authorization(sealer: Sealer, client_id: str, authorization: str) -> bytes | None:
    """Return the header that a receiver is pushed to with as it is kept, bound to the receiver."""
    if not authorization:
        return None
    return sealer.seal(authorization.encode(), table=_TABLE, column=_COLUMN, row=client_id)


def open_authorization(sealer: Sealer, stream: Stream) -> str:
    """Return the header that ``stream`` is pushed with, empty if it has none."""
    if stream.authorization is None:
        return ""
    return sealer.open(stream.authorization, table=_TABLE, column=_COLUMN, row=stream.client_id).decode()
