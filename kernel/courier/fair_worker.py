"""The courier of notices to many receivers: none of them waits for another one that does not answer."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from kernel.courier.carriers import Carrier
from kernel.courier.outbox import (
    GIVE_UP_AFTER,
    Envelope,
    Share,
    claim,
    give_up_old,
    is_anything_due,
    wait_after,
)
from kernel.courier.worker import Handled, Sources, hand_over, settle

LONGEST_WAIT = dt.timedelta(minutes=10)
"""A receiver that was away is tried as often as this at least, as long as anything waits for it."""

_MOST_REMEMBERED = 1_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Away:
    failures: int
    until: dt.datetime


class _Receivers:
    """Who is being told something now, and who did not answer lately, as this process knows it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: set[bytes] = set()
        self._away: OrderedDict[bytes, _Away] = OrderedDict()

    def not_now(self, now: dt.datetime) -> frozenset[bytes]:
        """Return whom to leave alone for the moment."""
        with self._lock:
            return frozenset(self._busy.union(who for who, away in self._away.items() if away.until > now))

    def begin(self, who: bytes) -> None:
        """Note that ``who`` is being told something."""
        with self._lock:
            self._busy.add(who)

    def end(self, who: bytes) -> None:
        """Note that it is over."""
        with self._lock:
            self._busy.discard(who)

    def learn(self, who: bytes, handled: Handled, *, now: dt.datetime) -> None:
        """Remember who did not answer, and forget that of who did."""
        with self._lock:
            before = self._away.pop(who, None)
            if not handled.again:
                return
            failures = (before.failures if before else 0) + 1
            wait = max(min(wait_after(failures), LONGEST_WAIT), handled.retry_after or dt.timedelta(0))
            self._away[who] = _Away(failures, now + wait)
            if len(self._away) > _MOST_REMEMBERED:
                self._away.popitem(last=False)


class FairWorker:
    """Sends the messages of one channel, several at a time, and never two at a time to one receiver.

    A receiver that does not answer takes one of the ``places`` for one attempt, and is then left alone for a
    while that grows with each failure, whatever waits for it meanwhile or is posted anew. Any number of
    workers may run, on any number of nodes; each learns by itself who is away.
    """

    def __init__(self, store: Sources, channel: str, carrier: Carrier, *, node: str, places: int) -> None:
        self._store = store
        self._channel = channel
        self._carrier = carrier
        self._places = places
        self._receivers = _Receivers()
        self._owner = f"{node}/{store.randomness.token(8)}"

    def run_once(self) -> bool:
        """Send one message; False if none is due to anybody who may be told something now."""
        envelope = self._next()
        if envelope is None:
            return False
        self._send(envelope)
        return True

    def run(self, stop: threading.Event, *, idle: float = 0.3) -> None:
        """Work until ``stop`` is set, looking again after ``idle`` seconds when nothing is due."""
        free = threading.Semaphore(self._places)
        with ThreadPoolExecutor(self._places, thread_name_prefix=self._channel) as pool:
            while not stop.is_set():
                if not free.acquire(timeout=idle):
                    continue
                envelope = self._looked()
                if envelope is None:
                    free.release()
                    stop.wait(idle)
                else:
                    pool.submit(self._send, envelope).add_done_callback(lambda _done: free.release())

    def _looked(self) -> Envelope | None:
        try:
            return self._next()
        except Exception as error:  # noqa: BLE001 - the courier outlives a database that is away
            _log.warning("courier.round_failed", channel=self._channel, error=type(error).__name__)
            return None

    def _next(self) -> Envelope | None:
        store, now = self._store, self._store.clock.now()
        share = Share(frozenset({self._channel}), but_recipients=self._receivers.not_now(now))
        if not is_anything_due(store.database, now=now, share=share):
            return None
        with store.database.write() as connection:
            found = claim(connection, store.sealer, owner=self._owner, now=now, limit=1, share=share)
        if not found:
            return None
        self._receivers.begin(found[0].recipient)
        return found[0]

    def _send(self, envelope: Envelope) -> None:
        try:
            handled = hand_over(envelope, self._carrier)
            now = self._store.clock.now()
            self._receivers.learn(envelope.recipient, handled, now=now)
            with self._store.database.write() as connection:
                settle(connection, envelope, handled, owner=self._owner, now=now)
                if handled.again and now - envelope.created_at > GIVE_UP_AFTER:
                    give_up_old(connection, envelope, error=handled.error, now=now)
        except Exception as error:  # noqa: BLE001 - the lease ends, and the message is sent again
            _log.warning("courier.not_settled", message=envelope.id, error=type(error).__name__)
        finally:
            self._receivers.end(envelope.recipient)
