"""Pushing what waits to the receivers that are pushed to (RFC 8935): stream by stream, in order.

A receiver that is away costs one try at a time, whatever waits for it, and keeps nobody else waiting.
"""

from __future__ import annotations

import datetime as dt
import threading

import structlog

from idp.domain.security_events import Stream, wait_after
from idp.outbound.event_push import NeverTaken, NotTaken, Taken, push_event
from idp.storage.event_streams import (
    anything_to_push,
    claim_streams,
    leave_streams,
    release_stream,
    take_events,
    waiting_events,
)
from idp.usecases.security_events import open_authorization, security_event_token
from idp.usecases.services import IdpServices
from kernel.audit import Actor

_LEASE = dt.timedelta(minutes=5)
_STREAMS = 5
_EVENTS = 20
_log = structlog.get_logger(__name__)


class EventPusher:
    """Pushes events; any number may run, on any number of nodes."""

    def __init__(self, services: IdpServices, *, node: str) -> None:
        self._services = services
        self._owner = f"{node}/{services.store.randomness.token(8)}"

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Push a batch of every receiver's that is due; return how many events were settled.

        What is not begun when ``stop`` is set is left to other workers: one slow receiver can take minutes.
        """
        store = self._services.store
        now = store.clock.now()
        with store.read() as connection:
            if not anything_to_push(connection, now=now):
                return 0
        with store.database.write() as connection:
            due = claim_streams(connection, owner=self._owner, now=now, lease=_LEASE, most=_STREAMS)
        settled = 0
        for number, (stream, failures) in enumerate(due):
            if stop is not None and stop.is_set():
                with store.database.write() as connection:
                    leave_streams(connection, [left.id for left, _ in due[number:]], owner=self._owner)
                break
            settled += self._served(stream, failures, stop)
        return settled

    def run(self, stop: threading.Event, *, idle: float = 0.5) -> None:
        """Work until ``stop`` is set, looking again after ``idle`` seconds when nothing is due."""
        while not stop.is_set():
            try:
                settled = self.run_once(stop)
            except Exception as error:  # noqa: BLE001 - it outlives a database that is away
                _log.warning("events.round_failed", error=type(error).__name__)
                settled = 0
            if not settled:
                stop.wait(idle)

    def _served(self, stream: Stream, failures: int, stop: threading.Event | None) -> int:
        """Push to one receiver; whatever is wrong with its stream is its own, and the others are served."""
        try:
            return self._push(stream, failures, stop)
        except Exception:  # noqa: BLE001 - a stream outlives what cannot be sent now
            _log.exception("events.stream_failed", client=stream.client_id)
            self._settle(stream, [], {}, NotTaken("the Gateway could not make its events"), failures)
            return 0

    def _push(self, stream: Stream, failures: int, stop: threading.Event | None) -> int:
        services = self._services
        authorization = open_authorization(services.store.sealer, stream)
        taken: list[str] = []
        refused: dict[str, str] = {}
        trouble: NotTaken | None = None
        for event in waiting_events(services.store.database, stream, most=_EVENTS):
            token = security_event_token(services, stream, event)
            now = services.store.clock.now()
            match push_event(
                services.fetcher, stream.endpoint_url, token, authorization=authorization, now=now
            ):
                case Taken():
                    taken.append(event.id)
                case NeverTaken(reason=reason):
                    refused[event.id] = reason
                case NotTaken() as trouble:
                    break
            if stop is not None and stop.is_set():
                break
        self._settle(stream, taken, refused, trouble, failures)
        return len(taken) + len(refused)

    def _settle(
        self,
        stream: Stream,
        taken: list[str],
        refused: dict[str, str],
        trouble: NotTaken | None,
        failures: int,
    ) -> None:
        """Forget what was taken or will never be, and say when the receiver is tried again."""
        reached = bool(taken or refused)
        attempts = 0 if trouble is None else (1 if reached else failures + 1)
        with self._services.store.write() as unit:
            wait = dt.timedelta(0)
            if trouble is not None:
                wait = max(wait_after(attempts), trouble.wait or wait)
            release_stream(
                unit.connection,
                stream.id,
                owner=self._owner,
                attempts=attempts,
                next_at=unit.now + wait,
                error="" if trouble is None else trouble.reason,
                reached_at=unit.now if reached else None,
            )
            # After the stream, as whoever stops it takes what waits in it.
            take_events(unit.connection, stream.id, taken)
            for event_id in sorted(take_events(unit.connection, stream.id, refused.keys())):
                unit.audit.record(
                    "gateway:event:refused",
                    actor=Actor("client", stream.client_id),
                    target=event_id,
                    outcome="refused",
                    reason=refused[event_id],
                )
        _log.info(
            "events.pushed",
            client=stream.client_id,
            taken=len(taken),
            refused=len(refused),
            error="" if trouble is None else trouble.reason,
        )
