"""The limit on failed proofs at the token endpoint, counted in the database for all nodes (TK-19, CA-13).

Secrets and codes are of high entropy, so the limit guards the load, not the secret. A process remembers
who is over the limit, so that a good request costs no statement for it.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection

from kernel.ratelimit import Limit, take

FAILURES = Limit("oauth-failures", 60, dt.timedelta(minutes=1))
_MOST_REMEMBERED = 10_000


class FailureGate:
    """Who has failed too often, as far as this process knows."""

    def __init__(self) -> None:
        self._closed: dict[str, dt.datetime] = {}

    def closed_for(self, key: str, *, now: dt.datetime) -> dt.timedelta | None:
        """Return how long ``key`` has to wait, or None if it may try."""
        until = self._closed.get(key) if self._closed else None
        if until is None:
            return None
        if until <= now:
            self._closed.pop(key, None)
            return None
        return until - now

    def count(self, connection: Connection, key: str, *, now: dt.datetime) -> dt.timedelta | None:
        """Count one failure of ``key``; return how long it has to wait if that was one too many."""
        taken = take(connection, FAILURES, key, now=now)
        if taken.allowed:
            return None
        if len(self._closed) >= _MOST_REMEMBERED:
            self._closed.clear()
        self._closed[key] = now + taken.retry_after
        return taken.retry_after
