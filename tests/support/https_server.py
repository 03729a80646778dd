"""A server over TLS on loopback that answers as it is told, and counts what it was asked."""

from __future__ import annotations

import contextlib
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.support.certificates import a_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Documents:
    """``answers`` by path: status, headers, body. ``asked`` holds the paths, in order.

    What is below a path in ``folders`` is read from the folder, as it is when it is asked for.

    ``sent`` holds what was posted: path, headers by their lower-case names, body; ``spoken`` the versions of TLS by
    which it came. ``reached`` is set by each request, which is answered while ``goes_on`` is set.
    """

    origin: str
    authority: Path
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    spoken: set[str | None] = field(default_factory=set)
    reached: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        """Host and port."""
        return self.origin.removeprefix("https://")

    def put(self, path: str, body: bytes, *, status: int = 200, **headers: str) -> str:
        """Let ``path`` answer with ``body``; return its address."""
        self.answers[path] = (status, headers, body)
        return self.origin + path

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Return what ``path`` answers."""
        for base, folder in self.folders.items():
            file = folder / path.removeprefix(base)
            if path.startswith(base) and file.is_file():
                return 200, {}, file.read_bytes()
        return self.answers.get(path, (404, {}, b""))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    documents: Documents

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who does not trust us hangs up."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer as told."""
        assert isinstance(self.server, _Server)
        documents = self.server.documents
        documents.asked.append(self.path)
        documents.reached.set()
        documents.goes_on.wait(60)
        status, headers, body = documents.answer(self.path)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Keep what was sent, and answer as told."""
        assert isinstance(self.server, _Server)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        assert isinstance(self.connection, ssl.SSLSocket)
        self.server.documents.spoken.add(self.connection.version())
        self.server.documents.sent.append((self.path, headers, body))
        self.do_GET()

    def log_message(self, *_arguments: object) -> None:
        """Write no log."""


@contextlib.contextmanager
def serving_documents(folder: Path) -> Iterator[Documents]:
    """Serve over TLS on a free port of 127.0.0.1 until the block ends."""
    certificate, key, _ = a_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.documents = Documents(f"https://127.0.0.1:{server.server_port}", certificate)
        server.documents.goes_on.set()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.documents
        finally:
            server.documents.goes_on.set()
            server.shutdown()
            thread.join()
