"""Which waits for bodies are ended, and who is not waited for."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from kernel.web.http import TRANSPORT_SECURITY
from kernel.web.lane import MAX_BODY, call
from kernel.web.whole_bodies import WholeBodies
from switchyard.gateway_app import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class _Cut:
    """Notes whose connections were to be ended, and for how long nothing was sent there."""

    def __init__(self) -> None:
        self.silent: list[tuple[str, float]] = []

    def cut_silent(self, peer: str, *, seconds: float) -> None:
        self.silent.append((peer, seconds))

    def cut_untaken(self, *, seconds: float, crowd: int, hurried: float) -> None:
        raise AssertionError("not asked for")


class _Slow:
    """A body of which nothing comes before it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.gone = threading.Event()

    def read(self, _size: int) -> bytes:
        self.asked.set()
        assert self.gone.wait(30)
        return b""


class _Ready:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, size: int) -> bytes:
        return self._body[:size]


def _echo(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK", [])
    return [environ["wsgi.input"].read()]


def _address(environ: Mapping[str, Any]) -> str:
    return str(environ["HTTP_X_FORWARDED_FOR"])


def _bodies(clock: _Clock, *, threads: int = 8) -> WholeBodies:
    return WholeBodies(_echo, threads=threads, address=_address, now=clock)


def _sent(bodies: WholeBodies, body: object, place: str, *, length: int = 3) -> tuple[str, bytes]:
    status, _, answer = call(bodies, _asked(body, place, length=length))
    return status, answer


def _asked(body: object, place: str, *, length: int) -> dict[str, Any]:
    return {
        "REMOTE_ADDR": "10.0.0.1",
        "HTTP_X_FORWARDED_FOR": place,
        "CONTENT_LENGTH": str(length),
        "wsgi.input": body,
    }


@contextmanager
def _waiting(bodies: WholeBodies, *places: str) -> Iterator[None]:
    """Have a request of each place wait for its body."""
    with ExitStack() as held:
        for place in places:
            slow = _Slow()
            thread = threading.Thread(target=_sent, args=(bodies, slow, place))
            thread.start()
            held.callback(thread.join)
            held.callback(slow.gone.set)
            assert slow.asked.wait(30)
        yield


def test_a_whole_body_is_handed_on() -> None:
    assert _sent(_bodies(_Clock()), _Ready(b"abc"), "192.0.2.1") == ("200 OK", b"abc")


def test_a_body_that_ends_early_reaches_nobody() -> None:
    """OR-06, RFC 9112 §6.3."""
    assert _sent(_bodies(_Clock()), _Ready(b"ab"), "192.0.2.1")[0] == "400 Bad Request"


def test_of_a_body_that_is_too_long_as_much_is_read_as_shows_it() -> None:
    answer = _sent(_bodies(_Clock()), _Ready(bytes(2 * MAX_BODY)), "192.0.2.1", length=2 * MAX_BODY)
    assert len(answer[1]) == MAX_BODY + 1


def test_a_body_has_ten_seconds() -> None:
    clock, cut = _Clock(), _Cut()
    bodies = _bodies(clock)
    with _waiting(bodies, "192.0.2.1"):
        clock.now = 9.9
        bodies.cut_overdue(cut)
        assert cut.silent == []
        clock.now = 10
        bodies.cut_overdue(cut)
    assert cut.silent == [("10.0.0.1", 10)]
    bodies.cut_overdue(cut)
    assert len(cut.silent) == 1, "whose body came is not waited for any more"


def test_silence_need_not_be_longer_than_a_body_has() -> None:
    """RFC 9110 §10.1.1: who was told 100 Continue after the wait began is silent for less than it all along."""
    clock, cut = _Clock(), _Cut()
    bodies = _bodies(clock)
    with _waiting(bodies, "192.0.2.1"):
        clock.now = 25
        bodies.cut_overdue(cut)
    assert cut.silent == [("10.0.0.1", 10)]


def test_what_came_of_chunks_before_they_were_cut_off_reaches_nobody() -> None:
    """OR-06, RFC 9112 §8: without its last chunk a body is not whole, and nobody knows its length."""
    clock = _Clock()
    bodies, slow, answers = _bodies(clock), _Slow(), []
    chunks = {
        "REMOTE_ADDR": "10.0.0.1",
        "HTTP_X_FORWARDED_FOR": "192.0.2.1",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": slow,
    }
    thread = threading.Thread(target=lambda: answers.append(call(bodies, chunks)[0]))
    thread.start()
    assert slow.asked.wait(30)
    clock.now = 10
    bodies.cut_overdue(_Cut())
    slow.gone.set()
    thread.join()
    assert answers == ["408 Request Timeout"]


def test_where_many_are_slow_those_that_wait_longest_are_ended() -> None:
    """Of eight threads three wait for one place, four for all; those of one network of IPv6 are one place."""
    clock, cut = _Clock(), _Cut()
    bodies = _bodies(clock)
    with _waiting(bodies, "2001:db8::1", "2001:db8::2", "2001:db8::3"):
        clock.now = 2
        with _waiting(bodies, "2001:db8::4"):
            bodies.cut_overdue(cut)
            assert cut.silent == [], "a body that just began is not slow"
            clock.now = 3
            bodies.cut_overdue(cut)
            assert cut.silent == [("10.0.0.1", 3)]
            with _waiting(bodies, "192.0.2.1", "192.0.2.2"):
                clock.now = 4
                cut.silent.clear()
                bodies.cut_overdue(cut)
                assert cut.silent == [("10.0.0.1", 4)]


def test_while_threads_are_short_a_slow_place_is_told_to_come_again() -> None:
    clock = _Clock()
    bodies = _bodies(clock)
    with _waiting(bodies, *["192.0.2.1"] * 5):
        clock.now = 1
        assert _sent(bodies, _Ready(b"abc"), "192.0.2.1")[0] == "200 OK", "threads are not short yet"
        with _waiting(bodies, "192.0.2.1"):
            assert _sent(bodies, _Ready(b"abc"), "192.0.2.1")[0] == "503 Service Unavailable"
            assert _sent(bodies, _Ready(b"abc"), "192.0.2.2")[0] == "200 OK"


def test_a_refusal_is_worded_by_whom_it_concerns() -> None:
    """N5: under /scim every answer is SCIM JSON, also where nothing served the request."""
    for path, kind in (
        ("/scim", "application/scim+json; charset=utf-8"),
        ("/scim/v2/Users", "application/scim+json; charset=utf-8"),
        ("/scimitar", "text/plain; charset=utf-8"),
        ("/oauth2/token", "text/plain; charset=utf-8"),
    ):
        bodies = WholeBodies(_echo, threads=8, address=_address, refuse=refused, now=_Clock())
        status, headers, body = call(
            bodies, _asked(_Ready(b"ab"), "192.0.2.1", length=3) | {"PATH_INFO": path}
        )
        told = dict(headers)
        assert (status, told["Content-Type"], told["Cache-Control"]) == ("400 Bad Request", kind, "no-store")
        if kind.startswith("application"):
            assert json.loads(body)["status"] == "400"


@pytest.mark.parametrize("https", [True, False])
def test_a_refusal_is_named_and_logged_and_says_that_tls_is_needed(*, https: bool) -> None:
    """RFC 6797 §7.2: every answer says so, this one too; who asks about it finds the line of the log."""
    bodies = WholeBodies(_echo, threads=8, address=_address, https=https, now=_Clock())
    asked = _asked(_Ready(b"ab"), "192.0.2.1", length=3)
    with capture_logs() as lines:
        _, headers, _ = call(bodies, asked | {"PATH_INFO": "/activate/secret", "REQUEST_METHOD": "POST"})
    assert [value for name, value in headers if name == TRANSPORT_SECURITY[0]] == (
        [TRANSPORT_SECURITY[1]] if https else []
    )
    assert lines == [
        {
            "event": "request.refused",
            "log_level": "warning",
            "why": "the body is cut short",
            "method": "POST",
            "status": 400,
            "request_id": dict(headers)["X-Request-Id"],
            "address": "192.0.2.1",
        }
    ]
