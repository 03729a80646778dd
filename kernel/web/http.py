"""The face of a protocol: a plain function from a small request to a small response.

Endpoints know no framework. One table of :class:`Route` is mounted twice, as Flask views
(:mod:`kernel.web.flask_mount`) and in a thin WSGI lane in front of Flask (:mod:`kernel.web.lane`), and
both mounts answer the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from pydantic_core import to_json

from kernel.errors import SwitchyardError

FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 200


class BadRequestError(SwitchyardError):
    """The request cannot be read; ``public`` says why."""

    code = "bad_request"
    public = "The request could not be read."
    status = 400

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message=message)


def _text(raw: str) -> str:
    coded = "%" in raw or "+" in raw
    text = unquote_plus(raw, encoding="utf-8", errors="strict") if coded else raw
    if "\x00" in text:
        raise BadRequestError("a value holds a zero byte")
    return text


def parse_pairs(encoded: str) -> dict[str, list[str]]:
    """Return the values of an ``x-www-form-urlencoded`` text by name, in order; blanks are kept.

    Raises:
        BadRequestError: for more than 200 fields, or bytes that are no UTF-8.
    """
    values: dict[str, list[str]] = {}
    parts = encoded.split("&") if encoded else []
    if len(parts) > _MOST_FIELDS:
        raise BadRequestError(f"more than {_MOST_FIELDS} parameters")
    try:
        for part in parts:
            if part:
                name, _, value = part.partition("=")
                values.setdefault(_text(name), []).append(_text(value))
    except UnicodeDecodeError:
        raise BadRequestError("a parameter is not UTF-8") from None
    return values


@dataclass(frozen=True, slots=True)
class Request:
    """What a protocol endpoint sees.

    Header names are lower case; ``address`` is the peer after the proxy rule.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = ""
    path_values: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        """Return the header ``name`` (lower case), or an empty text."""
        return self.headers.get(name, "")

    @property
    def query_values(self) -> dict[str, list[str]]:
        """The parameters of the query, by name."""
        return parse_pairs(self.query)

    @property
    def media_type(self) -> str:
        """The media type of the body, lower case and without parameters."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def form(self) -> dict[str, list[str]]:
        """The fields of a form body, by name.

        Raises:
            BadRequestError: if the body is no ``application/x-www-form-urlencoded`` UTF-8 text.
        """
        if self.media_type != FORM:
            raise BadRequestError(f"the body must be {FORM}")
        try:
            return parse_pairs(self.body.decode("ascii"))
        except UnicodeDecodeError:
            raise BadRequestError("the body is not percent-encoded") from None

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies by name; of a name that comes twice none is believed (SE-09)."""
        found: dict[str, str] = {}
        doubled: set[str] = set()
        for part in self.header("cookie").split(";"):
            name, separator, value = part.strip().partition("=")
            if not separator or not name:
                continue
            if name in found:
                doubled.add(name)
            found[name] = value.strip('"')
        return {name: value for name, value in found.items() if name not in doubled}


@dataclass(frozen=True, slots=True)
class Response:
    """What a protocol endpoint answers."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str:
        """Return the first header called ``name`` in any case, or an empty text."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Return the body as a JSON value."""
        return json.loads(self.body)


NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


def json_bytes(value: object) -> bytes:
    """Return the compact UTF-8 JSON of ``value``."""
    return to_json(value)


def json_response(
    status: int,
    value: object,
    headers: tuple[tuple[str, str], ...] = (),
    media_type: str = "application/json",
) -> Response:
    """Return a JSON response."""
    return Response(status, json_bytes(value), (("Content-Type", media_type), *headers))


Endpoint = Callable[[Request], Response]

TRANSPORT_SECURITY = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
"""What every answer of a system reached over TLS says, and no other one (RFC 6797 §7.2); never localhost."""


def promises_transport_security(public_url: str) -> bool:
    """Tell whether answers say :data:`TRANSPORT_SECURITY`: over TLS, but not as ``localhost``.

    A browser that believed it would turn every other program of that machine into https for two years.
    """
    address = urlsplit(public_url)
    host = address.hostname or ""
    return address.scheme == "https" and host != "localhost" and not host.endswith(".localhost")


_SAFE = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    (
        "Content-Security-Policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


@dataclass(frozen=True, slots=True)
class Route:
    """One address of a protocol face.

    ``path`` may hold ``{name}`` for a segment; ``hot`` serves it in the lane.

    A path may end in ``{name*}``, which takes whatever is left of it, so that a face can answer for every
    address under its own in its own words. An endpoint that also words the refusal of a body that is too
    large carries an attribute ``checks_size``; it is then handed the first megabyte and one byte more. One
    that words the refusal of a ``Host`` that is not ours carries a callable ``misdirected``.
    """

    methods: tuple[str, ...]
    path: str
    endpoint: Endpoint
    name: str
    hot: bool = False

    def pattern(self) -> re.Pattern[str]:
        """Return the expression that matches this route's path."""
        pieces = re.split(r"\{(\w+\*?)\}", self.path)
        text = "".join(
            _segment(piece) if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
        )
        return re.compile(text, re.DOTALL)


def _segment(name: str) -> str:
    return f"(?P<{name[:-1]}>.*)" if name.endswith("*") else f"(?P<{name}>[^/]+)"


@lru_cache(maxsize=256)
def _safe_beside(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the safe headers that a response with headers of these names does not set itself."""
    present = {name.lower() for name in names}
    return tuple((name, value) for name, value in _SAFE if name.lower() not in present)


def finish(response: Response, *, head: bool = False) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and body as every mount sends them: safe headers added, length told."""
    headers = [*response.headers, *_safe_beside(tuple([name for name, _ in response.headers]))]
    if response.status not in (204, 304):
        headers.append(("Content-Length", str(len(response.body))))
    return response.status, headers, b"" if head else response.body
