"""What the argon2id verifications of a server take, told by the server itself through a small file.

The launcher of the benchmark (:mod:`bench.installed`) has the library's one call look at the clocks before
and after; beside a hash of some 20 ms that is nothing. What our own code does around it is not the hash's.
Through the same file the benchmark asks the server to leave the hash out, and to take every password for
the right one: what a login costs then is all its own, with caches that no hash has swept.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

FILE = "SWITCHYARD_BENCH_HASHES"
"""The variable that names the file; the server it is not set for is left alone."""
_FORM = struct.Struct("<3Q")
_LEFT_OUT = struct.Struct("<?")


class HashTimes(NamedTuple):
    """How many verifications ended, and the seconds of a processor and of the clock that they took."""

    ended: int
    processor: float
    clock: float

    def since(self, before: HashTimes) -> HashTimes:
        """Return what came after ``before``."""
        return HashTimes(
            self.ended - before.ended, self.processor - before.processor, self.clock - before.clock
        )


def told(file: Path) -> HashTimes:
    """Return what the server that tells through ``file`` has told so far."""
    ended, processor, clock = _FORM.unpack_from(file.read_bytes())
    return HashTimes(ended, processor / 1e9, clock / 1e9)


def make(file: Path) -> None:
    """Make the file through which a server will tell."""
    file.write_bytes(_FORM.pack(0, 0, 0) + _LEFT_OUT.pack(False))


def leave_out(file: Path, *, left_out: bool) -> None:
    """Ask the server that tells through ``file`` to compute no hash from now on, or to compute them again."""
    with file.open("r+b") as page:
        page.seek(_FORM.size)
        page.write(_LEFT_OUT.pack(left_out))


def tell_if_asked() -> None:
    """Have this process, and those it forks, add up their verifications in the file that ``FILE`` names."""
    named = os.environ.get(FILE)
    if named:
        with Path(named).open("r+b") as file:
            _tell(mmap.mmap(file.fileno(), _FORM.size + _LEFT_OUT.size))


def _tell(page: mmap.mmap) -> None:
    import argon2  # noqa: PLC0415 - not before the launcher knows that it is asked

    library: Any = argon2.PasswordHasher
    verify = library.verify
    lock = threading.Lock()

    def timed(self: Any, hashed: str, password: str) -> bool:
        processor, clock = time.thread_time_ns(), time.perf_counter_ns()
        try:
            return _LEFT_OUT.unpack_from(page, _FORM.size)[0] or bool(verify(self, hashed, password))
        finally:
            spent = (1, time.thread_time_ns() - processor, time.perf_counter_ns() - clock)
            with lock:
                so_far = _FORM.unpack_from(page)
                _FORM.pack_into(page, 0, *(old + new for old, new in zip(so_far, spent, strict=True)))

    library.verify = timed
