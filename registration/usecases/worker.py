"""The delivery worker: threads that deliver what is due, until they are told to stop.

One thread delivers only what takes access away, so that no backlog of anything else ever delays it (I-10).
Any number of workers may run, on any number of nodes: the leases in the database share the work out.
"""

from __future__ import annotations

import datetime as dt
import threading
from typing import Final

import structlog

from kernel.sweeping import Breather
from registration.domain.outbox import Lane
from registration.usecases.deliver import deliver_once
from registration.usecases.services import RegistrationServices
from registration.usecases.sweep_what_is_over import sweep_what_is_over

_log = structlog.get_logger(__name__)

SWEEP_EVERY: Final = dt.timedelta(minutes=10)


def run_worker(services: RegistrationServices, stop: threading.Event) -> None:
    """Deliver until ``stop`` is set, then finish what is being sent and return."""
    token = services.store.randomness.token(6)
    threads = [
        threading.Thread(
            target=_loop,
            args=(services, stop, f"{services.node}/{token}/{name}", lanes),
            name=f"delivery-{name}",
            daemon=True,
        )
        for name, lanes in _slots(services.settings.worker_threads)
    ]
    for thread in threads:
        thread.start()
    while not stop.wait(SWEEP_EVERY.total_seconds()):
        _sweep(services, stop)
    for thread in threads:
        thread.join()


def _slots(count: int) -> list[tuple[str, tuple[Lane, ...]]]:
    return [("deny", (Lane.DENY,)), *((str(number), tuple(Lane)) for number in range(1, count + 1))]


def _loop(
    services: RegistrationServices, stop: threading.Event, worker: str, lanes: tuple[Lane, ...]
) -> None:
    idle = services.settings.worker_idle.total_seconds()
    while not stop.is_set():
        try:
            handled = deliver_once(services, worker=worker, lanes=lanes)
        except Exception as error:  # noqa: BLE001 - the worker outlives a database that is away
            _log.warning("delivery.round_failed", worker=worker, error=type(error).__name__)
            handled = False
        if not handled:
            stop.wait(idle)


def _sweep(services: RegistrationServices, stop: threading.Event) -> None:
    rest = Breather(stop)
    try:
        while not stop.is_set() and sweep_what_is_over(services, rest=rest):
            pass
    except Exception as error:  # noqa: BLE001 - tidying up can wait for the next time
        _log.warning("delivery.sweep_failed", error=type(error).__name__)
