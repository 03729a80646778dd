"""Time as a port: everything that asks what time it is asks a :class:`Clock`."""

from __future__ import annotations

import datetime as dt
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> dt.datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> dt.datetime:
        """Return the machine's time, aware, in UTC."""
        return dt.datetime.now(dt.UTC)  # noqa: TID251 - the one place that may ask the machine


class FrozenClock:
    """A clock that moves only when told to: for tests and for replaying a schedule."""

    def __init__(self, at: dt.datetime) -> None:
        self.set(at)

    def now(self) -> dt.datetime:
        """Return the moment it was last set to."""
        return self._at

    def set(self, at: dt.datetime) -> None:
        """Move to ``at`` (aware).

        Raises:
            ValueError: if ``at`` carries no zone.
        """
        if at.tzinfo is None:
            raise ValueError("a clock shows aware times only")
        self._at = at.astimezone(dt.UTC)

    def advance(self, by: dt.timedelta) -> None:
        """Move forward by ``by`` (or back, if negative)."""
        self._at += by
