"""Who asks much of the database leaves room for others: of one asker a few questions at once may take long.

A question has a brief time first. Only one that needs more takes a place among its asker's long ones, and is
asked anew there; the brief ones cost nothing but a count in memory. The places are those of this process.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from kernel.allowance import allowed
from kernel.errors import CrowdedError, TooCostlyError

AnswerT = TypeVar("AnswerT")


@dataclass(slots=True)
class _Asker:
    """What one asker has under way: how many questions, and when each long one ends at the latest."""

    running: int = 0
    ends: list[float] = field(default_factory=list)


class LongQuestions:
    """Lets each asker have ``places`` questions at once that take the database longer than ``brief``.

    None does so for longer than ``span``. While all places of an asker are taken, as many more of its
    questions may be under way.
    """

    def __init__(
        self,
        places: int,
        *,
        brief: dt.timedelta,
        span: dt.timedelta,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._brief = min(brief, span)
        self._span = span
        self._now = now
        self._askers: dict[str, _Asker] = {}
        self._lock = Lock()

    def answer(self, asker: str, question: Callable[[], AnswerT]) -> AnswerT:
        """Return what ``question``, which changes nothing and may be asked twice, gives to ``asker``.

        Raises:
            CrowdedError: if it has to wait for others of the same asker; nobody else has to.
            TooCostlyError: if it takes longer than any may.
        """
        with self._asking(asker) as own:
            try:
                with allowed(self._brief):
                    return question()
            except TooCostlyError:
                if self._brief == self._span:
                    raise
            with self._lasting(own), allowed(self._span):
                return question()

    @contextmanager
    def _asking(self, asker: str) -> Iterator[_Asker]:
        with self._lock:
            own = self._askers.setdefault(asker, _Asker())
            if len(own.ends) >= self._places and own.running - len(own.ends) >= self._places:
                raise self._crowded(own)
            own.running += 1
        try:
            yield own
        finally:
            with self._lock:
                own.running -= 1
                if not own.running:
                    del self._askers[asker]

    @contextmanager
    def _lasting(self, own: _Asker) -> Iterator[None]:
        end = self._now() + self._span.total_seconds()
        with self._lock:
            if len(own.ends) >= self._places:
                raise self._crowded(own)
            own.ends.append(end)
        try:
            yield
        finally:
            with self._lock:
                own.ends.remove(end)

    def _crowded(self, own: _Asker) -> CrowdedError:
        return CrowdedError(max(math.ceil(min(own.ends) - self._now()), 1))
