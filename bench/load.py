"""The load generator: many keep-alive connections from one process, every answer checked.

It speaks just enough HTTP/1.1 for our own servers on the loopback address: one request at a time on
each connection, answers with a Content-Length or without a body. A workload gives the next request of
a connection and looks at its answer, so that chains (authorize, token, userinfo) and rotating tokens
are driven as a client would.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Answer:
    """One answer: status, raw head and body."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """Return the header ``name`` (any case), or an empty text."""
        wanted = name.lower().encode() + b":"
        for line in self.head.split(b"\r\n")[1:]:
            if line.lower().startswith(wanted):
                return line[len(wanted) :].strip().decode()
        return ""


class Lane:
    """The state of one connection: a workload keeps what it needs in ``memory``."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.memory: dict[str, object] = {}


# Gives the bytes of the next request of a lane.
Next = Callable[[Lane], bytes]
# Looks at an answer; returns True when one unit of work is complete (a flow of three requests is one unit),
# and None after a request that only prepares the next unit: its time is nobody's.
Seen = Callable[[Lane, Answer], bool | None]


@dataclass(slots=True)
class Result:
    """What a run measured: units per second and the time of each unit, in seconds."""

    units: int
    seconds: float
    times: list[float] = field(repr=False, default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.units / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """Return the time below which ``share`` of the units stayed, in milliseconds."""
        if not self.times:
            return 0.0
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


class Connection:
    """One connection to the server on ``port``, and the lane that speaks on it."""

    def __init__(self, port: int, lane: Lane) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lane = lane
        self.buffer = b""
        self.started = 0.0

    def receive(self) -> Answer | None:
        """Wait for what comes next, and return the answer once it is whole.

        Raises:
            ConnectionError: if the server closed the connection.
        """
        piece = self.socket.recv(262_144)
        if not piece:
            raise ConnectionError("the server closed a connection")
        self.buffer += piece
        return self._take()

    def _take(self) -> Answer | None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.buffer[:end]
        status = int(head[9:12])
        length = 0
        if status not in (204, 304):
            at = head.lower().find(b"content-length:")
            if at < 0:
                raise ValueError(f"an answer without a length: {head[:200]!r}")
            stop = head.find(b"\r\n", at)
            length = int(head[at + 15 : stop if stop > 0 else None])
        whole = end + 4 + length
        if len(self.buffer) < whole:
            return None
        body, self.buffer = self.buffer[end + 4 : whole], self.buffer[whole:]
        return Answer(status, head, body)


def judged(seen: Seen, lane: Lane, answer: Answer, faults: list[str]) -> bool | None:
    """Return what ``seen`` says of an answer; one that is wrong is noted, and ends its unit."""
    try:
        return seen(lane, answer)
    except (AssertionError, KeyError, ValueError) as error:
        faults.append(f"{type(error).__name__} {error}: {answer.status} {answer.body[:300]!r}")
        return True


def run(
    port: int, next_request: Next, seen: Seen, *, seconds: float, connections: int = 16, warm_up: float = 1.0
) -> Result:
    """Drive ``connections`` lanes for ``seconds`` after a warm-up and return what was measured."""
    selector = selectors.DefaultSelector()
    lanes = [Connection(port, Lane(number)) for number in range(connections)]
    faults: list[str] = []
    clock = time.perf_counter
    for connection in lanes:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.started = clock()
        connection.socket.sendall(next_request(connection.lane))
    begin = clock() + warm_up
    end = begin + seconds
    times: list[float] = []
    units = 0
    while (now := clock()) < end and len(faults) < 20:
        for key, _ in selector.select(timeout=1.0):
            connection = key.data
            try:
                answer = connection.receive()
            except ConnectionError as error:
                faults.append(str(error))
                selector.unregister(connection.socket)
                continue
            if answer is None:
                continue
            now = clock()
            complete = judged(seen, connection.lane, answer, faults)
            if complete and now >= begin:
                units += 1
                times.append(now - connection.started)
            if complete is not False:
                connection.started = clock()
            connection.socket.sendall(next_request(connection.lane))
    for connection in lanes:
        connection.socket.close()
    selector.close()
    return Result(units, end - begin, times, faults)


_AIM = {"host": "127.0.0.1"}


def aim(port: int) -> None:
    """Write the Host header of every request for the server on ``port``."""
    _AIM["host"] = f"127.0.0.1:{port}"


def origin() -> str:
    """Return the origin of the server that is aimed at."""
    return f"http://{_AIM['host']}"


def get(path: str, headers: str = "") -> bytes:
    """Return the bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: {_AIM['host']}\r\n{headers}\r\n".encode()


def send(method: str, path: str, body: bytes, media_type: str, headers: str = "") -> bytes:
    """Return the bytes of a request with a body."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {_AIM['host']}\r\nContent-Type: {media_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{headers}\r\n".encode() + body
