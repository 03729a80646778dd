"""What no HTTP library would send, thrown at the product as it is run, over bare sockets."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.support.lab import running_lab
from tests.support.scim import ERROR_SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey
TOKEN = "the-token-of-the-wire"
MEGABYTE = 1_048_576


@dataclass(frozen=True)
class Sent:
    """A request by hand; ``host`` is left out if it is None, ``{own}`` stands for the service's own."""

    line: str
    status: int
    host: str | None = "{own}"
    headers: str = ""
    body: bytes = b""

    def written(self, own: str) -> bytes:
        """Return the bytes for the service at ``own``."""
        host = "" if self.host is None else f"Host: {self.host.format(own=own)}\r\n"
        head = (
            f"{self.line}\r\n{host}Authorization: Bearer {TOKEN}\r\n{self.headers}Connection: close\r\n\r\n"
        )
        return head.encode("latin-1") + self.body


def _users(line_end: str, status: int, *, host: str | None = "{own}", headers: str = "") -> Sent:
    return Sent(f"GET /scim/v2/Users{line_end}", status, host, headers)


def _posted(status: int, headers: str, body: bytes) -> Sent:
    media = "Content-Type: application/scim+json\r\n"
    return Sent("POST /scim/v2/Users HTTP/1.1", status, "{own}", media + headers, body)


WORDED = {
    "a foreign host": _users(" HTTP/1.1", 400, host="evil.example"),
    "a foreign host elsewhere": Sent("GET /scim/nothing HTTP/1.1", 400, "evil.example"),
    "a foreign host and method": Sent("BREW /scim/v2/Groups HTTP/1.1", 400, "evil.example"),
    "a host that is none": _users(" HTTP/1.1", 400, host="a b"),
    "an empty host": _users(" HTTP/1.1", 400, host=""),
    "no host": _users(" HTTP/1.1", 400, host=None),
    "no host in HTTP/1.0": _users(" HTTP/1.0", 400, host=None),
    "two hosts": _users(" HTTP/1.1", 400, headers="Host: evil.example\r\n"),
    "an unknown method": Sent("BREW /scim/v2/Users HTTP/1.1", 405),
    "a method in small letters": Sent("get /scim/v2/Users HTTP/1.1", 405),
    "TRACE": Sent("TRACE /scim/v2/Users HTTP/1.1", 405),
    "broken percent-encoding": _users("/%zz HTTP/1.1", 404),
    "bytes that are no UTF-8": _users("/%ff%fe HTTP/1.1", 404),
    "a zero byte": _users("/%00 HTTP/1.1", 404),
    "a way up": _users("/../../v2/Users HTTP/1.1", 404),
    "a query that is no UTF-8": _users("?filter=%ff HTTP/1.1", 400),
    "a query with broken percent-encoding": _users("?filter=%zz HTTP/1.1", 400),
    "a filter of 60,000 letters": _users(f"?filter={'a' * 60_000} HTTP/1.1", 400),
    "a token of other letters": Sent(
        "GET /scim/v2/Users HTTP/1.1", 401, headers="Authorization: Bearer \xe9\xff\r\n"
    ),
    "chunks that are none": _posted(400, "Transfer-Encoding: chunked\r\n", b"zz\r\nabc\r\n0\r\n\r\n"),
    "a length and chunks": _posted(
        400, "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"
    ),
    "a body beyond the limit": _posted(413, f"Content-Length: {MEGABYTE + 1}\r\n", b" " * (MEGABYTE + 1)),
}
"""What reaches the service: it words every refusal."""

NOT_LET_THROUGH = {
    "200 headers": _users(" HTTP/1.1", 431, headers="".join(f"X-{n}: a\r\n" for n in range(200))),
    "raw bytes in the address": _users("/\xe9\xff HTTP/1.1", 400),
    "two lengths": _posted(400, "Content-Length: 2\r\nContent-Length: 3\r\n", b"{}"),
    "a length below zero": _posted(400, "Content-Length: -5\r\n", b"{}"),
    "a folded header": _users(" HTTP/1.1", 400, headers="X-A: a\r\n b\r\n"),
    "a line that is none": Sent("GET", 400),
}
"""What is no HTTP: the server refuses it itself, with a status and no body."""


def answered(address: str, sent: Sent) -> tuple[int, dict[str, str], bytes]:
    """Send the request and return status, headers and body of the answer."""
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=60) as line:
        line.sendall(sent.written(place.netloc))
        received = b"".join(iter(lambda: line.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    first, *others = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in others)}
    return int(first.split()[1]), headers, body


def test_whatever_reaches_the_service_is_answered_in_scim(tmp_path: Path) -> None:
    """N5, B7, B8, O12, OR-03: hosts, methods, addresses and bodies that nobody should send."""
    file: dict[str, Any] = {"scim_clients": [{"name": "wire", "token": TOKEN}]}
    with running_lab(tmp_path, file) as lab:
        for name, sent in WORDED.items():
            status, headers, body = answered(lab.issuer, sent)
            assert status == sent.status, name
            assert headers["content-type"] == "application/scim+json; charset=utf-8", name
            said = json.loads(body)
            assert (said["schemas"], said["status"]) == ([ERROR_SCHEMA], str(status)), name
        for name, sent in NOT_LET_THROUGH.items():
            status, headers, body = answered(lab.issuer, sent)
            assert (status, body) == (sent.status, b""), name
            assert "content-type" not in headers, name
        status, _, _ = answered(lab.issuer, _users(" HTTP/1.1", 200))
        assert status == 200
