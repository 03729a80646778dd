"""Tells of each request what came of it and how long it took, by what has few values and nobody's choice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import flask

from kernel.web.lane import ROUTE, Application, Environ, StartResponse

OTHER = "other"
"""Stands for methods that are none of the usual, and for addresses that no route has."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Told(Protocol):
    """Who is told of requests: route, method, status and seconds."""

    def __call__(self, route: str, method: str, status: str, seconds: float, /) -> None:
        """Take note of one request."""


class Measured:
    """A WSGI application around another; ``told`` hears of each request when its answer is there.

    The route is the path under which it is registered, never the one that was asked for.
    """

    def __init__(self, behind: Application, told: Told) -> None:
        self._behind = behind
        self._told = told

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        began = time.monotonic()
        seen = "500"

        def start(status: str, headers: list[tuple[str, str]], *more: object) -> Callable[..., Any]:
            nonlocal seen
            seen = status[:3]
            write: Callable[..., Any] = start_response(status, headers, *more)
            return write

        try:
            return self._behind(environ, start)
        finally:
            method = environ["REQUEST_METHOD"]
            self._told(
                environ.get(ROUTE) or OTHER,
                method if method in _METHODS else OTHER,
                seen,
                time.monotonic() - began,
            )


def note_routes(app: flask.Flask) -> None:
    """Have the Flask application leave the route of each request in the environ, before anything else."""

    def note() -> None:
        rule = flask.request.url_rule
        if rule is not None:
            flask.request.environ[ROUTE] = rule.rule

    app.before_request_funcs.setdefault(None, []).insert(0, note)
