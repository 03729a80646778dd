"""Counters of what the processes of a node do, kept where another process of that node reads them.

They stand in one file that the processes share, mapped into memory: to count is to add to a number, and
nothing is written or sent. Each process has a sheet of its own there, which the next one goes on with once
it has ended, so that nothing is counted twice and no counter ever falls. Owns no name of what is counted.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

Series = tuple[str, ...]
"""What is counted: its name, and the values of its labels in their order."""

HANDLE = "SWITCHYARD_COUNTERS"
"""Under this name whoever starts the processes leaves the handle of their file in the environment."""
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds up to which spans of time are told apart."""
SPANS = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
SUM = "sum"
"""The last label of the series that adds up spans of time."""
UNTOLD: Series = ("untold",)
"""Counts what would have been one series too many."""

_RECORD = 160
_NUMBER = 8
_RECORDS = 1024
_SHEET = _RECORD * _RECORDS
_SHEETS = 1024
_BETWEEN = b"\x1f"


class Counters:
    """The counters of this process. Until they are kept they count nothing, and cost next to nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[Series, int] = {}
        self._numbers: memoryview[float] | None = None
        self._names: mmap.mmap

    @property
    def are_kept(self) -> bool:
        """Whether anything is counted."""
        return self._numbers is not None

    def keep(self, handle: int) -> None:
        """Keep them from now on in the file with this handle, on a sheet that no living process has.

        Raises:
            OSError: if all sheets are taken, or the file cannot be mapped.
        """
        names = _a_free_sheet(handle)
        numbers = memoryview(names).cast("d")
        self._places = {series: place for place, series, _ in _records(names)}
        self._names, self._numbers = names, numbers

    def add(self, series: Series, by: float = 1.0) -> None:
        """Count ``series`` up."""
        numbers = self._numbers
        if numbers is not None:
            with self._lock:
                place = self._places.get(series)
                numbers[self._open(series) if place is None else place] += by

    def spend(self, series: Series, seconds: float) -> None:
        """Count one span of time of ``series``, and add it up."""
        if self._numbers is not None:
            self.add((*series, SPANS[bisect_left(BOUNDS, seconds)]))
            self.add((*series, SUM), seconds)

    def _open(self, series: Series) -> int:
        """Return the place of a series that this process counts for the first time."""
        name = _BETWEEN.join(label.encode() for label in series)
        count = len(self._places)
        if count >= _RECORDS - 2 or len(name) > _RECORD - _NUMBER:
            if series != UNTOLD and UNTOLD in self._places:
                return self._places[UNTOLD]
            series, name = UNTOLD, _BETWEEN.join(label.encode() for label in UNTOLD)
        start = (count + 1) * _RECORD
        self._names[start + _NUMBER : start + _NUMBER + len(name)] = name
        place = self._places[series] = start // _NUMBER
        numbers = self._numbers
        if numbers is not None:
            numbers[0] = count + 1  # last: who reads meanwhile finds whole names only
        return place


@contextmanager
def shared_file() -> Iterator[int]:
    """Make the file of a node and give its handle; it is in no folder, and gone with the last who has it."""
    if sys.platform == "linux":  # never written to a disk, and needs none
        handle = os.memfd_create("counters")
        try:
            yield handle
        finally:
            os.close(handle)
    else:
        with TemporaryFile() as file:
            yield file.fileno()


def count_all(handle: int) -> dict[Series, float]:
    """Return every series of the file with this handle, of all processes together, those that ended too."""
    found: dict[Series, float] = {}
    for start in range(0, os.fstat(handle).st_size, _SHEET):
        # Not mapped: a mapping has a handle of its own, and where a process closes one, whichever it is, all
        # its locks on the file are gone (POSIX). The next process would then take the sheet of this one.
        for _, series, number in _records(os.pread(handle, _SHEET, start)):
            found[series] = found.get(series, 0.0) + number
    return found


def _records(sheet: mmap.mmap | bytes) -> Iterator[tuple[int, Series, float]]:
    """Go through the records of a sheet: the place of each number, its series, itself."""
    with memoryview(sheet) as whole, whole.cast("d") as numbers:
        for record in range(1, int(numbers[0]) + 1):
            at = record * _RECORD
            name = bytes(whole[at + _NUMBER : at + _RECORD]).rstrip(b"\x00")
            place = at // _NUMBER
            yield place, tuple(part.decode() for part in name.split(_BETWEEN)), numbers[place]


def _a_free_sheet(handle: int) -> mmap.mmap:
    """Take the first sheet that no living process has: each holds a lock on the first byte of its own."""
    for number in range(_SHEETS):
        start = number * _SHEET
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, start)
        except (BlockingIOError, PermissionError):
            continue
        if os.fstat(handle).st_size < start + _SHEET:
            os.pwrite(handle, b"\x00", start + _SHEET - 1)  # makes it longer, and never shorter
        return mmap.mmap(handle, _SHEET, offset=start)
    raise OSError("all sheets of counters are taken")
