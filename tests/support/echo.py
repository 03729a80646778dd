"""A WSGI application that says which requests reached it, for tests of the server alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the method, the path and the body as they arrived."""
    told = f"[{environ['REQUEST_METHOD']} {environ['PATH_INFO']} "
    body = told.encode() + environ["wsgi.input"].read() + b"]"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return (body,)
