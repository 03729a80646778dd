"""The courier's worker: claims due messages, hands them to their carriers and settles each."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol

import structlog

from kernel.clock import Clock
from kernel.courier.carriers import Carrier, PermanentFailure, TransientFailure
from kernel.courier.outbox import Envelope, claim, settle_abandoned, settle_retry, settle_sent
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


class CourierWorker:
    """Sends what was posted. Any number may run, on any number of nodes."""

    def __init__(self, store: Sources, carriers: Mapping[str, Carrier], *, node: str) -> None:
        self._store = store
        self._carriers = dict(carriers)
        self._owner = f"{node}/{store.randomness.token(8)}"

    def run_once(self) -> int:
        """Claim and settle one batch; return how many messages were handled."""
        with self._store.database.write() as connection:
            batch = claim(connection, self._store.sealer, owner=self._owner, now=self._store.clock.now())
        for envelope in batch:
            self._handle(envelope)
        return len(batch)

    def run(self, stop: threading.Event, *, idle: float = 0.3) -> None:
        """Work until ``stop`` is set, looking again after ``idle`` seconds when nothing is due."""
        while not stop.is_set():
            try:
                handled = self.run_once()
            except Exception as error:  # noqa: BLE001 - the courier outlives a database that is away
                _log.warning("courier.round_failed", error=type(error).__name__)
                handled = 0
            if not handled:
                stop.wait(idle)

    def _handle(self, envelope: Envelope) -> None:
        carrier = self._carriers.get(envelope.channel, _NoCarrier())
        error, retry_after, permanent = "", None, False
        try:
            carrier.deliver(envelope)
        except TransientFailure as failure:
            error, retry_after = failure.reason, failure.retry_after
        except PermanentFailure as failure:
            error, permanent = failure.reason, True
        except Exception as failure:  # noqa: BLE001 - a carrier's own fault must not stop the others
            error = f"unexpected {type(failure).__name__}"
        now = self._store.clock.now()
        with self._store.database.write() as connection:
            if not error:
                settle_sent(connection, envelope, owner=self._owner, now=now)
            elif permanent:
                settle_abandoned(connection, envelope, owner=self._owner, error=error, now=now)
            else:
                settle_retry(
                    connection, envelope, owner=self._owner, error=error, now=now, retry_after=retry_after
                )
        _log.info(
            "courier.handled",
            message=envelope.id,
            channel=envelope.channel,
            template=envelope.template,
            error=error,
        )
