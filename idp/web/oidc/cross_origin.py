"""What scripts of browser applications may read: endpoints that an application asks itself (RFC 9700 §2.6).

Each of them goes by what the request carries, and by no cookie or certificate that a browser would add of its
own accord: so every origin may ask, and none with the credentials of the person (Fetch Standard §3.3.5). The
authorization endpoint is never among them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from kernel.web.http import Endpoint, Request, Response, Route

_PREFLIGHT = "OPTIONS"
_ANY = ("Access-Control-Allow-Origin", "*")
_READABLE = (
    _ANY,
    ("Access-Control-Expose-Headers", "DPoP-Nonce, Retry-After, WWW-Authenticate"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)
_HEADERS = "Authorization, Content-Type, DPoP"
_SECONDS = 600
_METHOD_REFUSED = 405


def open_to_scripts(route: Route, methods: Collection[str]) -> tuple[Route, Route]:
    """Return ``route`` with answers that scripts may read, and the one that tells them so beforehand.

    ``methods`` are those of the endpoint. What it says of them (``Allow``, RFC 9110 §10.2.1) is the same in
    both: the question beforehand is served, so it is one of them.
    """
    told = Response(
        204,
        b"",
        (
            ("Allow", ", ".join((*methods, *(("HEAD",) if "GET" in methods else ()), _PREFLIGHT))),
            _ANY,
            ("Access-Control-Allow-Methods", ", ".join(methods)),
            ("Access-Control-Allow-Headers", _HEADERS),
            ("Access-Control-Max-Age", str(_SECONDS)),
        ),
    )

    def preflight(_request: Request) -> Response:
        return told

    opened = dataclasses.replace(route, endpoint=_readable(route.endpoint))
    return opened, Route((_PREFLIGHT,), route.path, preflight, f"{route.name}_preflight", hot=route.hot)


def _readable(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint whose answers scripts may read; the headers are sent only where an origin asks."""

    def opened(request: Request) -> Response:
        answer = endpoint(request)
        if answer.status == _METHOD_REFUSED:
            answer = _with_the_question(answer)
        if not request.header("origin"):
            return answer
        return Response(answer.status, answer.body, (*answer.headers, *_READABLE))

    return opened


def _with_the_question(refused: Response) -> Response:
    """Return the refusal of a method with the question beforehand among those that are served."""
    headers = [
        (name, f"{value}, {_PREFLIGHT}" if name == "Allow" else value) for name, value in refused.headers
    ]
    return dataclasses.replace(refused, headers=tuple(headers))
