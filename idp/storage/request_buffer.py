"""Requests that wait to be recorded: gathered in memory and written in batches, off the path of the answer.

What a request changed is recorded in the transaction of its deed. Reads and refusals come here, so that
they never stand in line for the one writer of SQLite. Equal ones within a moment are one row with a count:
a client in a loop fills no table.
"""

from __future__ import annotations

import dataclasses
import threading

import structlog

from idp.domain.provisioning_log import RequestRecord, Subject
from idp.storage.provisioning_log import keep_requests
from kernel.database import Database

FULL = 500
"""So many different requests are written at once, and whoever brings one more does it."""

_MOST = 20_000
_log = structlog.get_logger(__name__)


class _Waiting:
    """One row to be; ``times`` is how many requests it stands for."""

    __slots__ = ("record", "subjects", "times")

    def __init__(self, record: RequestRecord, subjects: tuple[Subject, ...]) -> None:
        self.record = record
        self.subjects = subjects
        self.times = record.times


class RequestBuffer:
    """The requests that this process has answered and not yet recorded. Many threads share it."""

    def __init__(self) -> None:
        self._waiting: dict[object, _Waiting] = {}
        self._lock = threading.Lock()
        self._flushing = threading.Lock()

    def counted(self, same: object) -> bool:
        """Count a request that is equal to one that waits; False if none does."""
        with self._lock:
            found = self._waiting.get(same)
            if found is None:
                return False
            found.times += 1
            return True

    def add(self, record: RequestRecord, subjects: tuple[Subject, ...], *, same: object) -> None:
        """Keep a request until the next flush; ``same`` is what equal ones have in common."""
        with self._lock:
            found = self._waiting.setdefault(same, new := _Waiting(record, subjects))
            if found is not new:
                found.times += new.times

    @property
    def is_full(self) -> bool:
        """Tell that there is enough for a batch."""
        return len(self._waiting) >= FULL

    def __len__(self) -> int:
        return len(self._waiting)

    def flush(self, database: Database) -> None:
        """Record everything that waits, in short transactions. Never inside one: it would wait for itself.

        What cannot be written now waits for the next flush; beyond 20,000 different requests the oldest are
        given up, and the log says how many.
        """
        with self._flushing:
            with self._lock:
                waiting, self._waiting = list(self._waiting.items()), {}
            for start in range(0, len(waiting), FULL):
                batch = waiting[start : start + FULL]
                try:
                    with database.write() as connection:
                        keep_requests(connection, [_row(each) for _, each in batch])
                except Exception as error:  # noqa: BLE001 - the record waits for the database, answers do not
                    _log.warning("provisioning_log.waits", error=type(error).__name__)
                    self._take_back(waiting[start:])
                    return

    def _take_back(self, unwritten: list[tuple[object, _Waiting]]) -> None:
        lost = unwritten[: max(len(unwritten) - _MOST, 0)]
        with self._lock:
            later, self._waiting = self._waiting, dict(unwritten[len(lost) :])
            for same, each in later.items():
                found = self._waiting.setdefault(same, each)
                if found is not each:
                    found.times += each.times
        if lost:
            _log.error("provisioning_log.lost", requests=sum(each.times for _, each in lost))


def _row(waiting: _Waiting) -> tuple[RequestRecord, tuple[Subject, ...]]:
    record = waiting.record
    if waiting.times != record.times:
        record = dataclasses.replace(record, times=waiting.times)
    return record, waiting.subjects
