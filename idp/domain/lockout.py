"""How many wrong passwords or codes in a row set a lock, and for how long.

Passwords and second factors are counted apart, each try before its proof is looked at. A browser that
has completed a sign-in to the account counts for itself: strangers who guess lock strangers out, not the
person (LK-05). Names that belong to nobody are counted the same way (EN-01, LK-10).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

LONGEST_LOCK = dt.timedelta(hours=1)
TRIES_PER_FLOW = 5
FORGET_AFTER = dt.timedelta(hours=24)
"""A row of failures that nobody added to for this long starts anew."""


class Counted(StrEnum):
    """What is counted apart."""

    PASSWORD = "password"  # noqa: S105 - the name of a counter
    FACTOR = "factor"


@dataclass(frozen=True, slots=True)
class LockRule:
    """``after`` failures in a row lock for ``first``; each further failure doubles it up to an hour."""

    after: int = 10
    first: dt.timedelta = dt.timedelta(minutes=15)

    def lock_for(self, failures: int) -> dt.timedelta | None:
        """Return how long ``failures`` in a row lock, or None while they do not."""
        if failures < self.after:
            return None
        lock = self.first
        for _ in range(min(failures - self.after, 16)):
            lock += lock
        return min(lock, max(LONGEST_LOCK, self.first))
