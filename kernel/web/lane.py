"""The thin WSGI lane: serves the hot protocol routes without a framework, and passes the rest on.

Bare Flask answers a seventh of what the same server answers without it (performance.md), so the hot
routes are answered here. Both mounts build the same :class:`~kernel.web.http.Request`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import structlog

from kernel.origin import Origin, RequestIds, origin
from kernel.randomness import Randomness
from kernel.web.dispatch import ANY_METHOD, Dispatch, answer
from kernel.web.http import TRANSPORT_SECURITY, Endpoint, Request, Response, Route, finish, json_response

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

MAX_BODY = 1_048_576
ROUTE = "switchyard.route"
"""Under this name both mounts leave the path of the route they found in the environ."""
LONG_ANSWER = 65_536
"""Bytes of a body from which on it is one that took much memory to make."""
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_log = structlog.get_logger(__name__)


@lru_cache(maxsize=512)
def _variable(name: str) -> str:
    """Return the environ's name of a header; WSGI keeps one of them without ``HTTP_`` (PEP 3333)."""
    return "CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.replace('-', '_').upper()}"


class EnvironHeaders(Mapping[str, str]):
    """The headers of a WSGI environ by lower-case name; what is not asked for is not taken apart."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        """Return the value of the header ``name``."""
        value: str = self._environ[_variable(name)]
        return value

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as Mapping has it
        """Return the value of the header ``name``, or ``default``."""
        return self._environ.get(_variable(name), default)

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        if "CONTENT_TYPE" in self._environ:
            yield "content-type"
        for key in self._environ:
            if key.startswith("HTTP_"):
                yield key[5:].replace("_", "-").lower()

    def __len__(self) -> int:
        """Return how many headers there are."""
        return sum(1 for _ in self)


def request_from_environ(
    environ: Mapping[str, Any], *, address: str, path_values: Mapping[str, str]
) -> Request:
    """Build the protocol request of a WSGI environ."""
    method = environ["REQUEST_METHOD"]
    body = b"" if method in ("GET", "HEAD") else _body(environ)
    return Request(
        method,
        environ.get("PATH_INFO", ""),
        environ.get("QUERY_STRING", ""),
        EnvironHeaders(environ),
        body,
        address,
        path_values,
    )


def _body(environ: Mapping[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit():
        return bytes(stream.read(min(int(length), MAX_BODY + 1)))
    return bytes(stream.read(MAX_BODY + 1)) if environ.get("HTTP_TRANSFER_ENCODING") else b""


def serve(table: dict[str, Endpoint], request: Request, *, request_id: str) -> Response:
    """Answer one protocol request; nothing that goes wrong inside leaks out."""
    endpoint = table.get(request.method) or table.get(ANY_METHOD)
    if len(request.body) > MAX_BODY and not getattr(endpoint, "checks_size", False):
        return json_response(413, {"error": "invalid_request", "error_description": "The body is too large."})
    with origin(Origin(request.address, request_id, request.header("user-agent")[:256])):
        try:
            return answer(table, request)
        except Exception as error:  # noqa: BLE001 - the last resort of every protocol face
            _log.exception(
                "protocol.failed", path=request.path, request_id=request_id, error=type(error).__name__
            )
            return json_response(
                500,
                {
                    "error": "server_error",
                    "error_description": "Something went wrong.",
                    "reference": request_id,
                },
                (("Cache-Control", "no-store"),),
            )


class Lane:
    """Serves hot routes directly; everything else goes to ``behind``.

    ``peer`` applies the trusted-proxy rule to an environ; ``host_is_ours`` refuses foreign Host headers, in
    the words of the endpoint where it has some and by what stands behind where it has none. ``long_answer``
    is told of every answer that took much memory to make. ``https`` tells that people reach us over TLS.
    """

    def __init__(
        self,
        behind: Application,
        routes: Iterable[Route],
        *,
        randomness: Randomness,
        peer: Callable[[Mapping[str, Any]], str],
        host_is_ours: Callable[[str], bool],
        long_answer: Callable[[], None] = lambda: None,
        https: bool = False,
    ) -> None:
        self._behind = behind
        self._dispatch = Dispatch(route for route in routes if route.hot)
        self._request_ids = RequestIds(randomness)
        self._peer = peer
        self._host_is_ours = host_is_ours
        self._long_answer = long_answer
        self._https = https

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one WSGI request."""
        found = self._dispatch.find(environ.get("PATH_INFO", ""))
        if found is None:
            return self._behind(environ, start_response)
        table, values = found
        environ[ROUTE] = table.path
        if self._host_is_ours(environ.get("HTTP_HOST", "")):
            request = request_from_environ(environ, address=self._peer(environ), path_values=values)
            response = serve(table, request, request_id=self._request_ids.next())
        else:
            misdirected = _misdirected(table, environ["REQUEST_METHOD"])
            if misdirected is None:
                return self._behind(environ, start_response)
            response = misdirected()
        status, headers, body = finish(response, head=environ["REQUEST_METHOD"] == "HEAD")
        if self._https:
            headers.append(TRANSPORT_SECURITY)
        start_response(_STATUS.get(status, f"{status} Unknown"), headers)
        if len(body) > LONG_ANSWER:
            self._long_answer()
        return (body,)


def _misdirected(table: Mapping[str, Endpoint], method: str) -> Callable[[], Response] | None:
    """Return what words the refusal of a foreign host at these endpoints, if anything does."""
    found: Callable[[], Response] | None = getattr(
        table.get(method) or table.get(ANY_METHOD), "misdirected", None
    )
    return found


def call(application: Application, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
    """Call a WSGI application once and return its status line, headers and body."""
    seen: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
        seen[:] = [status, headers]

    environ.setdefault("wsgi.input", io.BytesIO())
    chunks = application(environ, start)
    body = b"".join(chunks)
    close = getattr(chunks, "close", None)
    if close:
        close()
    return seen[0], seen[1], body
