"""A WSGI application behind a real port of 127.0.0.1, for peers that speak nothing but HTTP."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Server(ThreadingMixIn, WSGIServer):
    """Each request in a thread of its own, all of them ended with the server."""

    daemon_threads = False


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(application: Callable[..., Any], *, known_as: str = "") -> Iterator[str]:
    """Serve ``application`` on a free port and give its address.

    ``known_as`` is the host the application is told, as a proxy in front of it would.
    """

    def proxied(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        return application(environ | ({"HTTP_HOST": known_as} if known_as else {}), start)

    server = make_server("127.0.0.1", 0, proxied, _Server, _QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
