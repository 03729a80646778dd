"""Serves the metrics of a node to few at a time: who takes long makes room for who comes.

Nobody is asked who she is here, and a thread for each would let whoever reaches the address have as many as
she likes, each for as long as she likes.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

_AT_ONCE = 8
_PATIENCE = 10.0
"""Seconds for which nothing has to come, or is taken, until a request is given up."""


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE

    def log_message(self, *_told: object) -> None:
        """Log nothing: it comes every few seconds."""


class MetricsServer(ThreadingMixIn, WSGIServer):
    """Answers up to ``at_once`` requests; where all of these wait, the oldest is ended for the next."""

    daemon_threads = True
    request_queue_size = 64  # with the five that are usual, who finds them taken tries again a second later

    def __init__(self, host: str, port: int, registry: CollectorRegistry, *, at_once: int = _AT_ONCE) -> None:
        if isinstance(ip_address(host), IPv6Address):
            self.address_family = socket.AF_INET6
        self._asking: dict[Any, None] = {}
        self._changing = threading.Lock()
        self._room = threading.Semaphore(at_once)
        super().__init__((host, port), _Handler)
        self.set_app(make_wsgi_app(registry))

    def server_bind(self) -> None:
        """Listen, and ask nobody for the name of this machine: that may take long, and nothing needs it."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Answer in a thread of its own, as soon as there is room for one."""
        if not self._room.acquire(blocking=False):
            self._end_the_oldest()
            self._room.acquire()
        with self._changing:
            self._asking[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - the library's
        """Close what was answered, or could not be, and make room."""
        try:
            super().shutdown_request(request)
        finally:
            with self._changing:
                was_there = self._asking.pop(request, self) is None
            if was_there:
                self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Say nothing of those who went away."""

    def _end_the_oldest(self) -> None:
        with self._changing:
            oldest = next(iter(self._asking), None)
            if oldest is not None:
                with suppress(OSError):  # it has ended itself meanwhile
                    oldest.shutdown(socket.SHUT_RDWR)
