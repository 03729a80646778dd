"""Hands on a request when its body is whole, and lets nobody hold the threads of a process with half of one.

The server gives each request a thread before its body is there, and reads with no end of its own: as many
halves of requests as there are threads would stop everything, for as long as their senders like.
"""

from __future__ import annotations

import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import structlog

from kernel.origin import RequestIds, place
from kernel.randomness import Randomness, SystemRandomness
from kernel.web.http import TRANSPORT_SECURITY, Response, finish
from kernel.web.lane import MAX_BODY

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_BODY_SECONDS = 10.0
_SLOW_SECONDS = 1.0
"""A body that takes longer does not come with its head: where many do so, they are cut off early."""
_ANSWER_SECONDS = 30.0
_CROWD = 100
"""From so many answers on that nobody takes, each lies for a few seconds only: connections have an end."""
_LOOK_SECONDS = 0.25
_REST_SECONDS = 5.0
AGAIN = "Send this again in a moment."
_TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))
_CROWDED, _OVERDUE, _CUT_SHORT = "threads are short", "the body took too long", "the body is cut short"
_log = structlog.get_logger(__name__)


def in_a_sentence(_path: str, status: int) -> Response:
    """Refuse a request in plain words."""
    return Response(status, f"{AGAIN}\n".encode(), _TEXT)


class Standing(Protocol):
    """The connections of this process, see :class:`kernel.connections.Connections`."""

    def cut_silent(self, peer: str, *, seconds: float) -> None:
        """End the connections of ``peer`` to which we sent nothing for so long."""

    def cut_untaken(self, *, seconds: float, crowd: int, hurried: float) -> None:
        """End connections whose peers leave an answer lying for so long."""


@dataclass(slots=True)
class _Wait:
    address: str
    peer: str
    began: float
    is_over: bool = False
    """Whether its connection was to be ended: what came of it so far may not be all."""


class WholeBodies:
    """A WSGI application around another, which is handed each request with all of its body.

    It runs on ``threads``, of which half at most wait for slow bodies, and fewer for those of one place:
    ``address`` tells where a request comes from. While threads are short such a place is answered 503. A body
    that ends before its length is answered 400. :meth:`watch` ends what takes too long, of which nothing is
    handed on. ``refuse`` words such answers for the path and the status; each is named and logged as every
    other answer is, and says where people reach us over TLS (``https``).
    """

    def __init__(
        self,
        behind: Application,
        *,
        threads: int,
        address: Callable[[Mapping[str, Any]], str],
        refuse: Callable[[str, int], Response] = in_a_sentence,
        https: bool = False,
        randomness: Randomness | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._behind = behind
        self._address = address
        self._refuse = refuse
        self._secured = (TRANSPORT_SECURITY,) if https else ()
        self._request_ids = RequestIds(randomness or SystemRandomness())
        self._now = now
        self._short = max(1, threads - 2)
        self._most_slow = max(1, threads // 2)
        self._most_of_one_place = max(1, threads // 2 - 1)
        self._waits: dict[int, _Wait] = {}
        self._begun = threading.Event()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        length = environ.get("CONTENT_LENGTH") or ""
        if (length and length != "0") or environ.get("HTTP_TRANSFER_ENCODING"):
            wait = self._wait(environ)
            if wait is None:
                return self._refused(environ, start_response, 503, _CROWDED, ("Retry-After", "1"))
            body = self._read(environ, length, wait)
            if wait.is_over:  # of chunks nobody says how many were to come
                return self._refused(environ, start_response, 408, _OVERDUE)
            if length.isdigit() and len(body) < min(int(length), MAX_BODY + 1):
                return self._refused(environ, start_response, 400, _CUT_SHORT)
            environ["wsgi.input"] = io.BytesIO(body)
        return self._behind(environ, start_response)

    def watch(self, connections: Standing, stop: threading.Event) -> None:
        """End connections that leave a body or an answer waiting, until ``stop`` is set."""
        looked = self._now()
        while not stop.is_set():
            if self._begun.wait(_REST_SECONDS):
                stop.wait(_LOOK_SECONDS)
            self._begun.clear()
            if self._waits:  # looked at after it was cleared: who began meanwhile is not forgotten
                self._begun.set()
            self.cut_overdue(connections)
            if self._now() - looked >= _REST_SECONDS:
                looked = self._now()
                connections.cut_untaken(seconds=_ANSWER_SECONDS, crowd=_CROWD, hurried=_REST_SECONDS)

    def cut_overdue(self, connections: Standing) -> None:
        """End the connections whose bodies are overdue: after ten seconds, or one where many are slow."""
        now = self._now()
        waits = list(self._waits.values())
        slow = sorted(
            (now - each.began, each.peer, place(each.address))
            for each in waits
            if now - each.began >= _SLOW_SECONDS
        )
        of_place: Counter[str] = Counter()
        overdue: dict[str, float] = {}
        for rank, (waited, peer, where) in enumerate(slow):  # those that came last may stay
            of_place[where] += 1
            many = rank >= self._most_slow or of_place[where] > self._most_of_one_place
            if many or waited >= _BODY_SECONDS:
                # The shortest of its waits. Where we said something after a wait began (100 Continue, or once
                # more what the peer does not acknowledge), silence is never as long as the wait.
                overdue.setdefault(peer, min(waited, _BODY_SECONDS))
        for each in waits:
            if each.peer in overdue and now - each.began >= overdue[each.peer]:
                each.is_over = True  # before its end, which wakes who waits
        for peer, waited in overdue.items():
            connections.cut_silent(peer, seconds=waited)

    def _wait(self, environ: Environ) -> _Wait | None:
        """Return the wait for a body; None if it is not waited for."""
        address = self._address(environ)
        if len(self._waits) >= self._short and self._is_crowded(place(address)):
            return None
        return _Wait(address, str(environ.get("REMOTE_ADDR") or ""), self._now())

    def _read(self, environ: Environ, length: str, wait: _Wait) -> bytes:
        """Return the body, of a long one as much as shows its size."""
        thread = threading.get_ident()
        self._waits[thread] = wait
        if not self._begun.is_set():
            self._begun.set()
        try:
            most = min(int(length), MAX_BODY + 1) if length.isdigit() else MAX_BODY + 1
            return bytes(environ["wsgi.input"].read(most))
        finally:
            del self._waits[thread]

    def _is_crowded(self, where: str) -> bool:
        until = self._now() - _SLOW_SECONDS
        slow = [each for each in list(self._waits.values()) if each.began <= until]
        return sum(place(each.address) == where for each in slow) >= self._most_of_one_place

    def _refused(
        self,
        environ: Environ,
        start_response: Callable[..., Any],
        status: int,
        why: str,
        *more: tuple[str, str],
    ) -> Iterable[bytes]:
        answer = self._refuse(str(environ.get("PATH_INFO") or ""), status)
        _, headers, body = finish(answer, head=False)
        request_id = self._request_ids.next()
        told = (*headers, ("X-Request-Id", request_id), *self._secured, *more)
        start_response(f"{status} {HTTPStatus(status).phrase}", list(told))
        _log.warning(  # without the path, which may carry a secret
            "request.refused",
            why=why,
            method=environ.get("REQUEST_METHOD"),
            status=status,
            request_id=request_id,
            address=self._address(environ),
        )
        return [body]
