"""How often a provisioning client may ask: one limit that all nodes share, without a write per request (O6).

Each node counts what a client asks and reports it in batches; the shared counter answers how much the client
used on all nodes in this span. A client that asks rarely never costs a statement. Beyond the limit a client
gets at most one batch more per node, and then nothing until the span is over; after one that stood for many
(a bulk job), until as many spans are over as it used up. Spans begin at the same moments
on every node, and what a node did not report of one is never counted in the next: who keeps to the rate is
refused nowhere, on however many nodes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from threading import Lock

from idp.usecases.services import IdpServices
from kernel.ratelimit import Limit, hold, take

FLOOR = 25
"""Requests per second that every client may make, whatever an operator says (IPSIE AL)."""

_SPAN = dt.timedelta(seconds=10)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BATCHES = 20


@dataclass(slots=True)
class _Count:
    """What one client asked of this node in the span that began at ``opened``, and nobody was told yet."""

    opened: dt.datetime
    asked: int = 0
    closed_until: dt.datetime | None = None
    lock: Lock = field(default_factory=Lock)


class ProvisioningRate:
    """The limit of every client at this node; ``usual`` is requests per second where a client has none."""

    def __init__(self, services: IdpServices, usual: int) -> None:
        self._services = services
        self._usual = usual
        self._counts: dict[str, _Count] = {}

    def wait(self, client_id: str, per_second: int | None, *, requests: int = 1) -> int:
        """Count one request; return 0 if it may pass, or the whole seconds after which the next one may.

        ``requests`` counts so many at once, for one that stands for them.
        """
        if not self._services.settings.limits:
            return 0
        now = self._services.store.clock.now()
        opened = now - (now - _EPOCH) % _SPAN
        count = self._counts.get(client_id) or self._counts.setdefault(client_id, _Count(opened))
        most = max(per_second or self._usual, FLOOR) * int(_SPAN.total_seconds())
        with count.lock:
            if count.closed_until is not None and now < count.closed_until:
                return _whole_seconds(count.closed_until - now)
            if count.opened != opened:
                count.opened, count.asked = opened, 0
            count.asked += requests
            if count.asked * _BATCHES < most:
                return 0
            asked, count.asked = count.asked, 0
        over = self._closed(client_id, most, asked, opened, spends_more=requests > 1)
        if not over:
            return 0
        count.closed_until = opened + over
        return _whole_seconds(count.closed_until - now)

    def _closed(
        self, client_id: str, most: int, asked: int, opened: dt.datetime, *, spends_more: bool
    ) -> dt.timedelta:
        """Tell the shared counter, and return for how long after ``opened`` the client may ask no more."""
        limit = Limit("scim", most, _SPAN)
        with self._services.store.database.write() as connection:
            taken = take(connection, limit, client_id, now=opened, cost=asked)
            spent = _SPAN * round(taken.used / most)
            if not spends_more or spent <= _SPAN:
                return taken.retry_after
            hold(connection, limit, client_id, until=opened + spent)
            return spent


def _whole_seconds(span: dt.timedelta) -> int:
    return max(-(-span // dt.timedelta(seconds=1)), 1)
