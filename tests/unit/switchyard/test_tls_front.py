"""TLS in front of a server of ours: what comes through, and what does not."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from switchyard.tls_front import TlsError, TlsFront, TlsSettings
from tests.support.certificates import Holder, a_certificate, a_holder
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Upper(socketserver.StreamRequestHandler):
    """Answers a line with the same in capitals, then ends the connection."""

    def handle(self) -> None:
        self.wfile.write(self.rfile.readline().upper())


@contextmanager
def shouting(handler: type[socketserver.StreamRequestHandler] = _Upper) -> Iterator[int]:
    """Give the port of a server that shouts, or does what ``handler`` does."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def ask(port: int, trust: ssl.SSLContext, line: bytes) -> bytes:
    """Send a line and read until the end."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        trust.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        secured.sendall(line)
        found = b""
        while chunk := secured.recv(65536):
            found += chunk
        return found


def test_what_passes_is_whole_and_the_end_comes_through(tmp_path: Path) -> None:
    certificate, key, pem = a_certificate(tmp_path)
    trust = ssl.create_default_context(cadata=pem)
    port = free_port()
    with shouting() as behind, TlsFront(TlsSettings(certificate, key).context(), port=port, to=behind):
        assert ask(port, trust, b"hello\n") == b"HELLO\n"
        assert ask(port, trust, b"a" * 1_000_000 + b"\n") == b"A" * 1_000_000 + b"\n"
        for _ in range(3):  # a stranger without TLS disturbs nobody
            with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert ask(port, trust, b"still\n") == b"STILL\n"


def test_nobody_behind_ends_the_connection(tmp_path: Path) -> None:
    certificate, key, pem = a_certificate(tmp_path)
    port = free_port()
    with TlsFront(TlsSettings(certificate, key).context(), port=port, to=free_port()):
        assert ask(port, ssl.create_default_context(cadata=pem), b"hello\n") == b""


def test_who_is_there_is_served_when_nobody_new_is_taken(tmp_path: Path) -> None:
    """So that a server behind may end without leaving anybody unanswered."""
    certificate, key, pem = a_certificate(tmp_path)
    trust = ssl.create_default_context(cadata=pem)
    port = free_port()
    with (
        shouting() as behind,
        TlsFront(TlsSettings(certificate, key).context(), port=port, to=behind) as front,
    ):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            trust.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            front.stop_listening()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=10)
            secured.sendall(b"hello\n")
            assert secured.recv(64) == b"HELLO\n"
        front.stop_listening()  # once more changes nothing


@pytest.mark.parametrize(("lowest", "taken"), [("1.2", True), ("1.3", False)])
def test_no_version_below_the_lowest_is_taken(tmp_path: Path, lowest: str, taken: bool) -> None:  # noqa: FBT001
    """RFC 9325 §3.1.1: the lowest version is a setting."""
    certificate, key, pem = a_certificate(tmp_path)
    old = ssl.create_default_context(cadata=pem)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    port = free_port()
    settings = TlsSettings(certificate, key, lowest=lowest)
    with shouting() as behind, TlsFront(settings.context(), port=port, to=behind):
        if taken:
            assert ask(port, old, b"hello\n") == b"HELLO\n"
        else:
            with pytest.raises(ssl.SSLError):
                ask(port, old, b"hello\n")


def test_a_key_that_cannot_be_used_is_named_with_its_reason(tmp_path: Path) -> None:
    """A key of another certificate, one behind a password: nobody is asked to type anything."""
    for name in ("one", "two", "locked"):
        (tmp_path / name).mkdir()
    certificate, _, _ = a_certificate(tmp_path / "one")
    _, other, _ = a_certificate(tmp_path / "two")
    with pytest.raises(TlsError, match="key values mismatch"):
        TlsSettings(certificate, other).context()
    locked = a_certificate(tmp_path / "locked", encryption=BestAvailableEncryption(b"secret"))
    with pytest.raises(TlsError, match="is protected by a password"):
        TlsSettings(locked[0], locked[1]).context()


class _Head(socketserver.StreamRequestHandler):
    """Answers with the head of the request it got."""

    def handle(self) -> None:
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            self.wfile.write(line)


def test_a_certificate_that_a_client_proves_is_told_behind(tmp_path: Path) -> None:
    """RFC 8705 §2, RFC 9440 §2.1: by the secret header alone; who proves none is passed on as before."""
    certificate, key, pem = a_certificate(tmp_path)
    known, unknown = a_holder(), a_holder()
    settings = TlsSettings(certificate, key, client_authorities=known.write(tmp_path, "known")[0])
    port = free_port()
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"

    def told(holder: Holder | None) -> bytes:
        trust = ssl.create_default_context(cadata=pem)
        if holder is not None:
            trust.load_cert_chain(*holder.write(tmp_path, "own"))
        return ask(port, trust, request)

    with (
        shouting(_Head) as behind,
        TlsFront(settings.context(), port=port, to=behind, certificate_header="X-Secret"),
    ):
        answer = told(known)
        assert known.header["x-client-certificate"].encode() in answer
        assert answer.endswith(b"Connection: close\r\n")
        assert b"keep-alive" not in answer
        assert told(None) == request.removesuffix(b"\r\n")
        refused = b""
        with suppress(OSError):  # with TLS 1.3 a client learns of it only as it reads
            refused = told(unknown)
        assert refused == b""


def test_authorities_of_clients_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    certificate, key, _ = a_certificate(tmp_path)
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for file in (empty, tmp_path / "none.pem"):
        with pytest.raises(TlsError, match=file.name):
            TlsSettings(certificate, key, client_authorities=file).context()
