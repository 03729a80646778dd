"""A steady stream of units, as it comes from outside: nobody who sends waits for who was not answered yet.

:func:`bench.load.run` asks again when it was answered, so a server that stops for a moment is asked less in
that moment, and what would have waited is missing from the times. Here each unit has the moment at which it
is due, whatever became of those before it, and its time counts from then, though no connection was free.
"""

from __future__ import annotations

import math
import selectors
import time
from collections import deque
from dataclasses import dataclass

from bench.load import Connection, Lane, Next, Result, Seen, judged

PATIENCE = 10.0
"""Seconds after the last unit was due, in which those that are late may still be answered."""
_MOST_FAULTS = 20


@dataclass(slots=True)
class Pace:
    """When each of ``rate`` units a second is due, in seconds of one clock, and which of them count."""

    rate: float
    start: float
    counts_from: float
    end: float
    _taken: int = 0

    @property
    def due(self) -> float:
        """The moment at which the next unit is due; infinite when no more come."""
        moment = self.start + self._taken / self.rate
        return moment if moment < self.end else math.inf

    def take(self) -> float:
        """Return the moment at which the next unit is due, and go on to the one after it."""
        moment = self.due
        self._taken += 1
        return moment


class _Stream:
    """The connections of a stream, those of them that are free, and what was seen."""

    def __init__(self, port: int, next_request: Next, seen: Seen, connections: int) -> None:
        # Of all ways to wait only this one waits for less than a millisecond.
        self._selector = selectors.SelectSelector()
        self._next, self._seen = next_request, seen
        self._all = [Connection(port, Lane(number)) for number in range(connections)]
        self._free = deque(self._all)
        for connection in self._all:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        self.times: list[float] = []
        self.faults: list[str] = []
        self.last = 0.0

    @property
    def unanswered(self) -> int:
        return len(self._all) - len(self._free)

    def prepare(self) -> None:
        """Do one unit on each connection: what only a first unit needs is nobody's time."""
        while self._free:
            self._send(self._free.popleft(), math.inf)
        while self.unanswered and len(self.faults) < _MOST_FAULTS:
            self._answers(1.0, math.inf)

    def go(self, pace: Pace) -> None:
        """Send every unit when it is due, or as soon after as a connection is free, and hear them all."""
        while len(self.faults) < _MOST_FAULTS:
            now = time.perf_counter()
            while self._free and pace.due <= now:
                self._send(self._free.popleft(), pace.take())
            over = pace.due == math.inf
            if over and not self.unanswered:
                return
            if now > pace.end + PATIENCE:
                self.faults.append(f"{self.unanswered} units or more were not answered in time")
                return
            until = pace.due - now if self._free else 1.0
            self._answers(max(0.0, min(1.0, until)), pace.counts_from)

    def close(self) -> None:
        for connection in self._all:
            connection.socket.close()
        self._selector.close()

    def _send(self, connection: Connection, due: float) -> None:
        connection.started = due
        connection.socket.sendall(self._next(connection.lane))

    def _answers(self, seconds: float, counts_from: float) -> None:
        for key, _ in self._selector.select(seconds):
            connection: Connection = key.data
            try:
                answer = connection.receive()
            except ConnectionError as error:  # it stays one that was not answered
                self.faults.append(str(error))
                self._selector.unregister(connection.socket)
                continue
            if answer is None:
                continue
            self.last = time.perf_counter()
            if not judged(self._seen, connection.lane, answer, self.faults):
                self._send(connection, connection.started)
                continue
            self._free.append(connection)
            if counts_from <= connection.started < math.inf:
                self.times.append(self.last - connection.started)


def offer(
    port: int,
    next_request: Next,
    seen: Seen,
    *,
    rate: float,
    seconds: float,
    connections: int = 16,
    warm_up: float = 1.0,
) -> Result:
    """Offer ``rate`` units a second for ``seconds`` after a warm-up; times count from when each is due.

    The rate of what is returned is that of the answers: less than was offered where the server fell behind.
    """
    stream = _Stream(port, next_request, seen, connections)
    try:
        stream.prepare()
        start = time.perf_counter()
        begin = start + warm_up
        stream.go(Pace(rate, start, begin, begin + seconds))
    finally:
        stream.close()
    return Result(len(stream.times), max(seconds, stream.last - begin), stream.times, stream.faults)
