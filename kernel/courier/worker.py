"""The courier's worker: claims due messages, hands them to their carriers and settles each."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy import Connection

from kernel.clock import Clock
from kernel.courier.carriers import Carrier, PermanentFailure, TransientFailure
from kernel.courier.outbox import (
    ALL,
    LEASE,
    Envelope,
    Share,
    claim,
    is_anything_due,
    release,
    settle_abandoned,
    settle_retry,
    settle_sent,
)
from kernel.crypto import Sealer
from kernel.database import Database
from kernel.randomness import Randomness

_log = structlog.get_logger(__name__)


class Sources(Protocol):
    """What the worker works with; a :class:`kernel.store.Store` is one."""

    @property
    def database(self) -> Database:
        """Where the messages wait."""
        ...

    @property
    def clock(self) -> Clock:
        """What tells the time."""
        ...

    @property
    def randomness(self) -> Randomness:
        """Where the worker's own name comes from."""
        ...

    @property
    def sealer(self) -> Sealer:
        """What opens the payloads."""
        ...


class _NoCarrier:
    """Stands in for a channel that nobody carries."""

    def deliver(self, envelope: Envelope) -> None:
        raise PermanentFailure(f"no carrier for channel {envelope.channel}")


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of a message: ``error`` is empty if it was sent, ``again`` tells that it is tried again."""

    error: str = ""
    again: bool = False
    retry_after: dt.timedelta | None = None


def hand_over(envelope: Envelope, carrier: Carrier) -> Handled:
    """Let ``carrier`` deliver, and return what became of it."""
    try:
        carrier.deliver(envelope)
    except TransientFailure as failure:
        return Handled(failure.reason, again=True, retry_after=failure.retry_after)
    except PermanentFailure as failure:
        return Handled(failure.reason)
    except Exception as failure:  # noqa: BLE001 - a carrier's own fault must not stop the others
        return Handled(f"unexpected {type(failure).__name__}", again=True)
    return Handled()


def settle(
    connection: Connection, envelope: Envelope, handled: Handled, *, owner: str, now: dt.datetime
) -> None:
    """Note what became of a message that ``owner`` had claimed."""
    if not handled.error:
        settle_sent(connection, envelope, owner=owner, now=now)
    elif handled.again:
        settle_retry(
            connection,
            envelope,
            owner=owner,
            error=handled.error,
            now=now,
            retry_after=handled.retry_after,
        )
    else:
        settle_abandoned(connection, envelope, owner=owner, error=handled.error, now=now)
    _log.info(
        "courier.handled",
        message=envelope.id,
        channel=envelope.channel,
        template=envelope.template,
        error=handled.error,
    )


class CourierWorker:
    """Sends what was posted, one message after the other. Any number may run, on any number of nodes.

    ``share`` is what it takes; a message of a channel that has no carrier is given up.
    """

    def __init__(
        self, store: Sources, carriers: Mapping[str, Carrier], *, node: str, share: Share = ALL
    ) -> None:
        self._store = store
        self._carriers = dict(carriers)
        self._share = share
        self._owner = f"{node}/{store.randomness.token(8)}"

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Claim and settle one batch; return how many messages were handled.

        What is not begun after half of the lease is given back: nobody else may have it at the same time. So
        is all that is not begun when ``stop`` is set: a slow relay takes minutes over a batch.
        """
        batch = self._claimed()
        if not batch:
            return 0
        until = self._store.clock.now() + LEASE / 2
        for number, envelope in enumerate(batch):
            told_to_stop = stop is not None and stop.is_set()
            if told_to_stop or (number and self._store.clock.now() >= until):
                with self._store.database.write() as connection:
                    release(connection, batch[number:], owner=self._owner)
                return number
            handled = hand_over(envelope, self._carriers.get(envelope.channel, _NoCarrier()))
            now = self._store.clock.now()
            with self._store.database.write() as connection:
                settle(connection, envelope, handled, owner=self._owner, now=now)
        return len(batch)

    def run(self, stop: threading.Event, *, idle: float = 0.3) -> None:
        """Work until ``stop`` is set, looking again after ``idle`` seconds when nothing is due."""
        while not stop.is_set():
            try:
                handled = self.run_once(stop)
            except Exception as error:  # noqa: BLE001 - the courier outlives a database that is away
                _log.warning("courier.round_failed", error=type(error).__name__)
                handled = 0
            if not handled:
                stop.wait(idle)

    def _claimed(self) -> list[Envelope]:
        store, now = self._store, self._store.clock.now()
        if not is_anything_due(store.database, now=now, share=self._share):
            return []
        with store.database.write() as connection:
            return claim(connection, store.sealer, owner=self._owner, now=now, share=self._share)
