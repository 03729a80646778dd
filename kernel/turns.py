"""Turns at work that only so many may do at once: whoever came first is next, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kernel.errors import BusyError
from kernel.forking import renew_in_children


class Turns:
    """Lends ``places`` places in the order in which they were asked for.

    A place that becomes free is handed to who waits longest, so that a newcomer never takes it from them.
    ``waited`` is told the seconds of each wait, those too that were in vain.
    """

    def __init__(
        self, places: int, *, patience: float, waited: Callable[[float], None] = lambda _seconds: None
    ) -> None:
        self.places = places
        self._patience = patience
        self._waited = waited
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """In a process that was forked off, forget whose turn it is in its parent."""
        self._lock = threading.Lock()
        self._free = self.places
        self._line: deque[threading.Lock] = deque()

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place and keep it while the body runs.

        Raises:
            BusyError: when none became free in time.
        """
        asked = time.monotonic()
        taken = self._take()
        self._waited(time.monotonic() - asked)
        if not taken:
            raise BusyError(retry_after=2)
        try:
            yield
        finally:
            self._leave()

    def _take(self) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            called = threading.Lock()
            called.acquire()
            self._line.append(called)
        if called.acquire(timeout=self._patience):
            return True
        with self._lock:
            if called in self._line:
                self._line.remove(called)
                return False
        return True  # the place was handed over just as the patience ended

    def _leave(self) -> None:
        with self._lock:
            if self._line:
                self._line.popleft().release()
            else:
                self._free += 1
