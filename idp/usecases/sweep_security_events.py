"""Forgetting events that nobody takes, so that a receiver that is gone fills no disk."""

from __future__ import annotations

from idp.domain.security_events import StreamStatus
from idp.storage.deferred_requests import sweep_deferred
from idp.storage.event_streams import overfull_streams, set_status, sweep_events
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

    Whoever receives one is told by its status, and reads anew what it missed.
    """
    settings = services.settings
    with services.store.read() as connection:
        found = overfull_streams(
            connection, most=settings.most_waiting_events, most_bytes=settings.most_waiting_bytes
        )
    for stream_id in found:
        with services.store.write() as unit:
            set_status(unit.connection, stream_id, StreamStatus.DISABLED, reason=OVERFULL, now=unit.now)
            unit.audit.record(
                "gateway:event-stream:disabled", actor=SYSTEM, target=stream_id, reason=OVERFULL
            )
    return len(found)
