"""What one unit of a workload takes: statements, ways to the database's server, signatures.

The unit is served in this process, through the same lane as in the server. Nothing is estimated: SQLite tells
each statement that it runs, libpq each message that it sends and gets, the interpreter each call of the
library that signs.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from sqlalchemy import Engine, event

from bench.load import Answer, Lane
from bench.workloads import Workload
from bench.world import World, read
from kernel.web.lane import Application, call
from switchyard import wiring
from switchyard.gateway_app import make_gateway

_WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")
_MARKS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA", "SET ")
_MESSAGE = re.compile(r"^([FB])\t\d+\t(\w+)(.*?)(?=^[FB]\t\d+\t|\Z)", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r'"([^"]*)"')
_SIGNED = {"sign": "made", "verify": "verified"}
_MUCH = 1 << 24
_BEFORE = 2
"""Units that have everything read and prepared that is kept: a change, and what undoes it."""
_A_MOMENT = 0.01
"""Seconds in which so many and one more are done at most."""

Sent = tuple[list[str], int]
"""Statements, each from its beginning, and how often an answer of the server was waited for."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one unit takes, as the table says it."""

    statements: str = "-"
    signatures: str = "-"


def counted(world: World, chosen: list[Workload], *, database: str) -> dict[str, Told]:
    """Return what each workload takes, by what it is; its server is not driven meanwhile."""
    found: dict[str, Told] = {}
    for each in chosen:
        if each.stock is not None:
            each.stock(_A_MOMENT)
        try:
            found[each.what] = _count(world, each, database)
        except AssertionError as error:
            found[each.what] = Told(f"? {error}", "?")
    return found


def _count(world: World, workload: Workload, database: str) -> Told:
    settings = read(world.settings_file)
    services = wiring.gateway_services(settings)
    gateway = make_gateway(settings, services)
    with ExitStack() as stack:
        stack.callback(services.store.database.dispose)
        engine = services.store.database.engine
        taken = _of_sqlite(engine) if database == "sqlite" else stack.enter_context(_of_libpq(engine))
        lane = Lane(0)
        for _ in range(_BEFORE):
            _one_unit(gateway, workload, lane, taken)
        found: list[tuple[Sent, list[str]]] = []
        for _ in range(2):
            signed = _one_unit(gateway, workload, lane, taken)
            found.append((taken(), signed))
            _one_unit(gateway, workload, lane, taken)  # what undoes it
        sent, signed = min(found, key=lambda each: len(each[0][0]))  # the other may have read the clock anew
        return Told(statements_told(*sent), signatures_told(signed))


def _one_unit(gateway: Application, workload: Workload, lane: Lane, taken: Callable[[], Sent]) -> list[str]:
    """Serve one unit, of which alone ``taken`` tells then; return each signature made or verified in it."""
    signed: list[str] = []
    complete: bool | None = None
    while not complete:
        if complete is None:  # what came before only prepared it
            signed.clear()
            taken()
        request = workload.next(lane)  # which may sign, too
        with _watched(signed):
            answer = _served(gateway, request)
        complete = workload.seen(lane, answer)
    return signed


def statements_told(statements: list[str], ways: int) -> str:
    """Say how many statements there were in how many transactions; the marks of these are not counted."""
    begun = [text.lstrip().upper() for text in statements]
    work = sum(not text.startswith(_MARKS) for text in begun)
    commits = sum(text.startswith("COMMIT") for text in begun)
    told = f"{work} in {commits}" if commits else str(work)
    return f"{told}, {ways} way{'s' if ways > 1 else ''}" if ways else told


def signatures_told(signed: list[str]) -> str:
    """Say how many signatures were made and how many verified."""
    counts = {word: signed.count(name) for name, word in _SIGNED.items()}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "0"


def _of_sqlite(engine: Engine) -> Callable[[], Sent]:
    """Return what tells the statements since it was last asked, as SQLite traces them."""
    seen: list[str] = []

    @event.listens_for(engine, "connect")
    def listen(raw: Any, _record: object) -> None:
        raw.set_trace_callback(seen.append)

    def taken() -> Sent:
        found = list(seen)
        seen.clear()
        return found, 0

    return taken


@contextmanager
def _of_libpq(engine: Engine) -> Iterator[Callable[[], Sent]]:
    """Lend what tells the same for PostgreSQL, as libpq traces the messages of each connection."""
    from psycopg.pq import Trace  # noqa: PLC0415 - only for PostgreSQL

    with ExitStack() as stack:
        read_to: dict[int, int] = {}
        messages: dict[int, Messages] = {}

        @event.listens_for(engine, "connect")
        def listen(raw: Any, _record: object) -> None:
            # What libpq writes goes to the end, wherever one reads.
            file = stack.enter_context(tempfile.TemporaryFile("a+b", buffering=0))
            raw.pgconn.trace(os.dup(file.fileno()))  # it has a stream of its own, and writes whole lines
            raw.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
            read_to[file.fileno()], messages[file.fileno()] = 0, Messages()

        def taken() -> Sent:
            statements: list[str] = []
            ways = 0
            for file, so_far in read_to.items():
                written = os.pread(file, _MUCH, so_far)
                read_to[file] += len(written)
                run, times = messages[file].read(written.decode("utf-8", "replace"))
                statements += run
                ways += times
            return statements, ways

        yield taken


@dataclass(slots=True)
class Messages:
    """The messages of one connection to PostgreSQL, as libpq traces them (PQtrace)."""

    names: dict[str, str] = field(default_factory=dict)
    """The statements that the server knows by name."""
    state: str = "I"
    """What the server said last: idle, or within a transaction."""
    unheard: list[str] = field(default_factory=list)
    """What was run since; libpq may write down the answer only as it sends the next message."""

    def read(self, trace: str) -> Sent:
        """Return the statements that were run, and how often the server said that it is ready for more.

        What was written outside a transaction that was begun is one by itself: its end stands as a COMMIT.
        """
        run: list[str] = []
        ways, bound = 0, ""
        for sender, kind, rest in _MESSAGE.findall(trace):
            quoted = _QUOTED.findall(rest)
            if sender == "B":
                if kind == "ReadyForQuery":
                    ways += 1
                    if self.state == "I" and _is_whole(self.unheard):
                        run.append("COMMIT")
                    self.state = rest.strip()
                    self.unheard.clear()
            elif kind == "Parse":
                self.names[quoted[0]] = rest.split('"', 3)[3]
            elif kind == "Bind":
                bound = quoted[1]
            elif kind == "Execute":
                run.append(self.names.get(bound, ""))
                self.unheard.append(run[-1])
            elif kind == "Query":
                run.append(rest.split('"', 1)[1])
                self.unheard.append(run[-1])
        return run, ways


def _is_whole(run: list[str]) -> bool:
    begun = [text.lstrip(' "').upper() for text in run]
    return not any(text.startswith(_MARKS) for text in begun) and any(
        text.startswith(_WRITES) for text in begun
    )


@contextmanager
def _watched(signed: list[str]) -> Iterator[None]:
    """Note each signature that the body makes or verifies, whoever asks the one library that does so."""

    def look(_frame: FrameType, what: str, called: Any) -> None:
        name = getattr(called, "__name__", "")
        if what == "c_call" and name in _SIGNED:
            owner = type(getattr(called, "__self__", None))
            if owner.__module__.startswith("cryptography.") and owner.__name__.endswith(
                "Key"
            ):  # an HMAC is none
                signed.append(name)

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)


def _served(gateway: Application, request: bytes) -> Answer:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    for line in lines:
        name, _, value = line.partition(": ")
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    status, headers, answer = call(gateway, environ)
    text = "\r\n".join([f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)])
    return Answer(int(status[:3]), text.encode(), answer)
