"""An operator looks at streams of security events, stops and starts them, and takes them away."""

from __future__ import annotations

from idp.domain.security_events import Stream, StreamStatus
from idp.storage.event_streams import list_streams, remove_stream, stream_within
from idp.usecases.security_events import switch_stream
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.sentences import in_a_sentence


def event_streams(services: IdpServices) -> tuple[tuple[Stream, int], ...]:
    """Return every stream with the number of events that wait in it."""
    with services.store.read() as connection:
        return list_streams(connection)


def set_stream_status(
    services: IdpServices, client_id: str, status: StreamStatus, *, reason: str, actor: Actor
) -> bool:
    """Set what becomes of a receiver's events; False if it has no stream.

    A paused stream keeps them until it goes on; a disabled one keeps none, and forgets those that wait. The
    receiver that manages its stream is told.
    """
    reason = in_a_sentence(reason)
    with services.store.write() as unit:
        stream = stream_within(unit.connection, client_id)
        if stream is None:
            return False
        switch_stream(unit, stream, status, reason=reason)
        unit.audit.record(
            f"gateway:event-stream:{status.value}", actor=actor, target=client_id, reason=reason
        )
        return True


def remove_event_stream(services: IdpServices, client_id: str, *, actor: Actor) -> bool:
    """Take a receiver's stream away with what waits in it; False if it has none."""
    with services.store.write() as unit:
        stream = stream_within(unit.connection, client_id)
        if stream is None:
            return False
        remove_stream(unit.connection, stream.id)
        unit.audit.record("gateway:event-stream:removed", actor=actor, target=client_id)
        return True
