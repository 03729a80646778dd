"""The server as it is shipped: nobody hides a request inside another one."""

from __future__ import annotations

import socket

import pytest

_HEAD = b"POST /first HTTP/1.1\r\nHost: example\r\n"
_HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: example\r\nConnection: close\r\n\r\n"

REFUSED = {
    "two lengths": _HEAD + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(_HIDDEN),
    "a list of lengths": _HEAD + b"Content-Length: 0, %d\r\n\r\n" % len(_HIDDEN),
    "a signed length": _HEAD + b"Content-Length: +0\r\n\r\n",
    "two transfer codings": _HEAD
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "an unknown transfer coding": _HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a folded header": _HEAD + b"X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n",
    "a folded transfer coding": _HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": _HEAD + b"Content-Length : 5\r\n\r\nhello",
}

BROKEN = {
    "a bare line feed in a chunk": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    "a line feed in a chunk extension": _HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n3;\nx\r\na=b\r\n0\r\n\r\n",
    "a chunk without end": _HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\na=b\r\n0\r\n\r\n",
    "a body cut short": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n",
}


def _send(port: int, data: bytes) -> bytes:
    """Return all that is answered until the server closes the connection.

    Raises:
        TimeoutError: if the server keeps it open.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        answer = b""
        while True:
            try:
                more = connection.recv(65_536)
            except ConnectionResetError:
                return answer
            if not more:
                return answer
            answer += more


@pytest.mark.parametrize("case", REFUSED)
def test_an_ambiguous_request_is_refused_and_ends_its_connection(port: int, case: str) -> None:
    """OR-06: 400 and close, and what follows is never read as a request."""
    answer = _send(port, REFUSED[case] + _HIDDEN)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"hidden" not in answer


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_body_is_read_no_further_and_ends_its_connection(port: int, case: str) -> None:
    """OR-06: nothing behind the fault belongs to it, and what follows is no request."""
    answer = _send(port, BROKEN[case] + _HIDDEN)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400 ") or answer.endswith((b"[POST /first ]", b"[POST /first hello]"))
    assert b"hidden" not in answer


def test_a_length_beside_chunks_counts_for_nothing_and_ends_the_connection(port: int) -> None:
    """OR-06, RFC 9112 §6.3: the chunks rule, and no second request is taken from such a connection."""
    doubtful = _HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    answer = _send(port, doubtful + _HIDDEN)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"hidden" not in answer
    assert answer.endswith(b"[POST /first abc]") or answer.startswith(b"HTTP/1.1 400 ")


def test_a_bare_line_feed_hides_no_header(port: int) -> None:
    """OR-06, RFC 9112 §2.2: it ends a line here, so what stands behind it is a header and counts."""
    hidden = _HEAD + b"X-A: b\nTransfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n"
    answer = _send(port, hidden + _HIDDEN)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"hidden" not in answer


def test_a_chunk_extension_is_read_over(port: int) -> None:
    """OR-06, RFC 9112 §7.1.1: it is no part of the body and moves no boundary."""
    chunked = _HEAD + b'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3;a="b";c\r\nabc\r\n0\r\n\r\n'
    assert _send(port, chunked + _HIDDEN).endswith(b"[POST /first abc]")
