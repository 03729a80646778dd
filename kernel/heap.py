"""The heap of the C library: one for all threads of a process, and given back once a burst is over.

A hash of a password takes 19 MB for some 20 ms. While hashes follow one another each finds the memory of the
last one warm; asked of the system anew every time, it would cost half a hash more in page faults. When they
have ended, nothing else needs so much, and the C library would keep it for good. Long answers leave less:
some megabytes of holes when eight threads have made theirs at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time

from kernel.forking import renew_in_children

_M_ARENA_MAX = -8  # malloc.h


def share_one_heap() -> None:
    """Ask the C library for one heap instead of one per thread, where it is one that can be asked.

    Each heap keeps the largest block it ever gave away, and the next thread that wants as much finds it warm
    in a shared one instead of asking the system for another.
    """
    with contextlib.suppress(OSError, AttributeError):  # a C library that is not glibc
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return to the system what the heap holds and nobody uses, where the C library can be asked to."""
    with contextlib.suppress(OSError, AttributeError):  # a C library that is not glibc
        ctypes.CDLL(None).malloc_trim(0)


class Afterwards:
    """Gives the heap back when it was quiet for a while: a thread waits for that, and lives no longer."""

    def __init__(self, *, quiet: float = 1.0) -> None:
        self._quiet = quiet
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """In a process that was forked off, where no thread waits, begin anew."""
        self._lock = threading.Lock()
        self._last = 0.0  # by the monotonic clock
        self._waiter: threading.Thread | None = None

    @property
    def waiter(self) -> threading.Thread | None:
        """The thread that waits for the quiet; None while the heap is not in use."""
        return self._waiter

    def used(self) -> None:
        """Note that much memory was in use until now."""
        with self._lock, contextlib.suppress(RuntimeError):  # a process that may have no more threads
            self._last = time.monotonic()
            if self._waiter is None:
                waiter = threading.Thread(target=self._wait, name="heap", daemon=True)
                waiter.start()
                self._waiter = waiter

    def _wait(self) -> None:
        given_back_after = -1.0
        while self._goes_on(given_back_after):
            while (left := self._last + self._quiet - time.monotonic()) > 0:
                time.sleep(left)
            given_back_after = self._last
            give_back()

    def _goes_on(self, given_back_after: float) -> bool:
        with self._lock:
            if self._last != given_back_after:
                return True
            self._waiter = None
            return False
