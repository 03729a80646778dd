"""A receiver fetches the events that wait for it, and acknowledges those it has (RFC 8936)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from idp.domain.security_events import Stream
from idp.storage.event_streams import find_stream, note_reached, take_events, waiting_events
from idp.usecases.security_events import security_event_token
from idp.usecases.services import IdpServices
from kernel.audit import Actor

_NOTED_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Polled:
    """The tokens by ``jti``, and whether others wait behind them."""

    sets: Mapping[str, str]
    more: bool


class PollRefused(StrEnum):
    """Why there is nothing to poll."""

    NONE = "There is no stream for this client."
    PUSHED = "The events of this client are pushed to it."


def poll_events(services: IdpServices, client_id: str, *, most: int) -> Polled | PollRefused:
    """Return up to ``most`` events, the oldest first; each comes again until it is acknowledged.

    A stream that is not enabled gives none but the one that says so (SSF §8.1.2, §8.1.5).
    """
    stream = _polled(services, client_id)
    if isinstance(stream, PollRefused):
        return stream
    found = waiting_events(services.store.database, stream, most=most + 1)
    sets = {event.id: security_event_token(services, stream, event) for event in found[:most]}
    return Polled(sets, more=len(found) > most)


def settle_events(
    services: IdpServices, client_id: str, *, taken: Collection[str], failed: Mapping[str, str]
) -> PollRefused | None:
    """Forget the events that the receiver has (``taken``), or could not read (``failed``, with its reason).

    An event it could not read would not become better by being sent again (RFC 8936 §2.3); the audit keeps
    which it was. Ids of another's events settle nothing.
    """
    stream = _polled(services, client_id)
    if isinstance(stream, PollRefused):
        return stream
    now = services.store.clock.now()
    heard = stream.reached_at is not None and stream.reached_at >= now - _NOTED_EVERY
    if heard and not taken and not failed:
        return None
    with services.store.write() as unit:
        note_reached(unit.connection, stream.id, now=unit.now, before=unit.now - _NOTED_EVERY)
        take_events(unit.connection, stream.id, taken)
        for event_id in sorted(take_events(unit.connection, stream.id, failed.keys())):
            unit.audit.record(
                "gateway:event:refused",
                actor=Actor("client", client_id),
                target=event_id,
                outcome="refused",
                reason=failed[event_id],
            )
    return None


def _polled(services: IdpServices, client_id: str) -> Stream | PollRefused:
    stream = find_stream(services.store.database, client_id)
    if stream is None:
        return PollRefused.NONE
    return PollRefused.PUSHED if stream.is_pushed else stream
