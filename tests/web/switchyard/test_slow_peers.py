"""The server as it is shipped: nobody stops it by being slow."""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_HALVES = {
    "that says nothing more": b"POST /half HTTP/1.1\r\nHost: example\r\nContent-Length: 1000\r\n\r\nabc",
    "in chunks": b"POST /half HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "behind a whole request": b"GET /whole HTTP/1.1\r\nHost: example\r\n\r\n"
    b"POST /half HTTP/1.1\r\nHost: example\r\nContent-Length: 1000\r\n\r\nabc",
}
_WHOLE = b"POST /whole HTTP/1.1\r\nHost: example\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"


@contextmanager
def _sent(port: int, data: bytes, *, at: str = "127.0.0.1") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=15, source_address=(at, 0)) as connection:
        connection.sendall(data)
        yield connection


def _all_of(connection: socket.socket) -> bytes:
    """Return what comes until the server ends the connection.

    Raises:
        TimeoutError: if it does not.
    """
    answer = b""
    try:
        while more := connection.recv(65_536):
            answer += more
    except ConnectionResetError:
        pass
    return answer


@pytest.mark.parametrize("case", _HALVES)
def test_halves_of_requests_stop_nobody_else(port: int, case: str) -> None:
    """As many as there are threads, and many more, from one place: the next requests are answered."""
    with ExitStack() as held:
        for _ in range(40):
            held.enter_context(_sent(port, _HALVES[case]))
        with _sent(port, _WHOLE, at="127.0.0.2") as connection:
            assert b" 200 " in _all_of(connection)


def test_a_place_that_sends_halves_is_told_to_come_again_or_cut_off(port: int) -> None:
    """Each connection has an end: cut while many are slow, or after ten seconds, or refused."""
    with ExitStack() as held:
        halves = [held.enter_context(_sent(port, _HALVES["that says nothing more"])) for _ in range(12)]
        answers = {_all_of(half).partition(b"\r\n")[0] for half in halves}
    assert answers <= {b"", b"HTTP/1.1 503 Service Unavailable"}
    assert b"" in answers
    with _sent(port, _WHOLE, at="127.0.0.2") as connection:
        assert _all_of(connection).endswith(b"[POST /whole abc]")


def test_a_body_that_ends_before_its_length_reaches_no_deed(port: int) -> None:
    """OR-06, RFC 9112 §6.3: what was cut short on its way is not served as if it were all."""
    with _sent(port, _HALVES["that says nothing more"]) as connection:
        connection.shutdown(socket.SHUT_WR)
        answer = _all_of(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"abc" not in answer
