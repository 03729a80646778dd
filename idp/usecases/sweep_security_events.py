"""Forgetting events that nobody takes, so that a receiver that is gone fills no disk."""

from __future__ import annotations

from idp.domain.security_events import StreamStatus
from idp.storage.deferred_requests import sweep_deferred
from idp.storage.event_streams import overfull_streams, stream_by_id, sweep_events
from idp.usecases.security_events import switch_stream
from idp.usecases.services import IdpServices
from kernel.audit import SYSTEM
from kernel.randomness import first_ulid
from kernel.sweeping import Rest, Sweep, no_rest, sweep_each

OVERFULL = "more events wait than are kept"


def sweep_security_events(
    services: IdpServices, *, rest: Rest = no_rest, done: set[str] | None = None
) -> int:
    """Remove some of what waited too long, each kind with a ``rest`` after it; return how many.

    Call it again while it returns something, with the same ``done``.
    """
    before = first_ulid(services.store.clock.now() - services.settings.event_life)
    sweeps: dict[str, Sweep] = {
        "events": lambda connection: sweep_events(connection, before=before),
        "deferred requests": lambda connection: sweep_deferred(connection, before=before),
    }
    return sweep_each(services.store.database, sweeps, rest=rest, done=done)


def disable_overfull_streams(services: IdpServices) -> int:
    """Disable the streams in which more waits than is kept, and forget what does; return how many.

    Whoever receives one is told, or sees it by the status, and reads anew what it missed.
    """
    settings = services.settings
    with services.store.read() as connection:
        found = overfull_streams(
            connection, most=settings.most_waiting_events, most_bytes=settings.most_waiting_bytes
        )
    for stream_id in found:
        with services.store.write() as unit:
            stream = stream_by_id(unit.connection, stream_id)
            if stream is None:
                continue
            switch_stream(unit, stream, StreamStatus.DISABLED, reason=OVERFULL)
            unit.audit.record(
                "gateway:event-stream:disabled", actor=SYSTEM, target=stream.client_id, reason=OVERFULL
            )
    return len(found)
