"""Finding the endpoint of a protocol request: one table, used by both mounts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from kernel.errors import BusyError, SwitchyardError
from kernel.web.http import BadRequestError, Endpoint, Request, Response, Route, json_response

ANY_METHOD = "*"
"""A route for this method words the answer to every method that no route names."""


class Endpoints(dict[str, Endpoint]):
    """The endpoints at one address, by method; ``path`` is that of their routes."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path


class Dispatch:
    """The routes of a face, found by literal path first and by pattern second."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._literal: dict[str, Endpoints] = {}
        patterns: dict[str, tuple[re.Pattern[str], Endpoints]] = {}
        for route in routes:
            if "{" in route.path:
                table = patterns.setdefault(route.path, (route.pattern(), Endpoints(route.path)))[1]
            else:
                table = self._literal.setdefault(route.path, Endpoints(route.path))
            for method in route.methods:
                table[method] = route.endpoint
                if method == "GET":
                    table.setdefault("HEAD", route.endpoint)
        self._patterns = tuple(patterns.values())

    def find(self, path: str) -> tuple[Endpoints, dict[str, str]] | None:
        """Return the endpoints by method and the path values of ``path`` (still encoded), or None."""
        table = self._literal.get(path)
        if table is not None:
            return table, {}
        for pattern, endpoints in self._patterns:
            match = pattern.fullmatch(path)
            if match:
                return endpoints, {name: unquote(value) for name, value in match.groupdict().items()}
        return None


def answer(table: dict[str, Endpoint], request: Request) -> Response:
    """Serve ``request`` by its method, turning our own errors into plain protocol answers.

    An endpoint translates its errors itself; what arrives here is the last resort and leaks nothing.
    """
    endpoint = table.get(request.method) or table.get(ANY_METHOD)
    if endpoint is None:
        allowed = ", ".join(sorted(table))
        return json_response(405, {"error": "method_not_allowed"}, (("Allow", allowed),))
    try:
        return endpoint(request)
    except BadRequestError as error:
        return json_response(
            400,
            {"error": "invalid_request", "error_description": error.message},
            (("Cache-Control", "no-store"),),
        )
    except BusyError as error:
        return json_response(
            error.status,
            {"error": "temporarily_unavailable", "error_description": error.public},
            (("Retry-After", str(error.retry_after)), ("Cache-Control", "no-store")),
        )
    except SwitchyardError as error:
        return json_response(
            error.status,
            {"error": error.code, "error_description": error.public},
            (("Cache-Control", "no-store"),),
        )
