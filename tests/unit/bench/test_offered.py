"""A steady stream: every unit is sent and timed from when it was due, whatever the server did meanwhile."""

from __future__ import annotations

import math
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from bench import load, offered
from bench.offered import Pace, offer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.load import Answer, Lane


def test_units_are_due_at_even_distances_until_the_end() -> None:
    pace = Pace(rate=4, start=10, counts_from=10.5, end=11)
    assert [pace.take() for _ in range(4)] == [10, 10.25, 10.5, 10.75]
    assert pace.due == math.inf


def test_a_unit_stays_due_until_it_is_taken() -> None:
    pace = Pace(rate=2, start=0, counts_from=0, end=9)
    assert (pace.due, pace.due, pace.take(), pace.due) == (0, 0, 0, 0.5)


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/wrong" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def _right(_lane: Lane, answer: Answer) -> bool:
    assert answer.status == 200
    return True


def _late(port: int, *, counts_after: float) -> offered._Stream:
    """Send ten units on one connection, which were due in the second that ended a second ago."""
    stream = offered._Stream(port, lambda _lane: load.get("/"), _right, 1)
    start = time.perf_counter() - 2
    stream.go(Pace(rate=10, start=start, counts_from=start + counts_after, end=start + 1))
    stream.close()
    return stream


def test_what_waited_for_a_connection_is_timed_from_when_it_was_due(port: int) -> None:
    """Ten units that are a second late on one connection took a second at least: none is left out."""
    stream = _late(port, counts_after=0)
    assert len(stream.times) == 10
    assert min(stream.times) > 1


def test_a_unit_of_several_requests_is_timed_as_one(port: int) -> None:
    asked: list[int] = []

    def seen(lane: Lane, answer: Answer) -> bool:
        asked.append(answer.status)
        lane.memory["asked"] = int(str(lane.memory.get("asked", 0))) + 1
        return lane.memory["asked"] % 3 == 0

    found = offer(port, lambda _lane: load.get("/"), seen, rate=100, seconds=0.05, connections=2, warm_up=0.0)
    assert (found.units, len(found.times), found.faults) == (5, 5, [])
    assert len(asked) == 3 * (5 + 2)  # and one on each connection before


def test_units_before_the_measure_begins_do_not_count(port: int) -> None:
    assert len(_late(port, counts_after=0.45).times) == 5


def test_a_wrong_answer_is_a_fault(port: int) -> None:
    found = offer(port, lambda _lane: load.get("/wrong"), _right, rate=100, seconds=0.05, connections=1)
    assert "404" in found.faults[0]
