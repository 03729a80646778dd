"""Redirection URIs: what may be registered, and what matches (RFC 9700 §2.1, §4.1; RFC 8252 §7.3, §8.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from idp.domain.client import Client

LOOPBACK = frozenset({"127.0.0.1", "[::1]", "localhost"})
_LOOPBACK_LITERALS = frozenset({"127.0.0.1", "[::1]"})
_LONGEST = 2_000
_VISIBLE_ASCII = re.compile(r"[\x21-\x7E]+")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_NO_HOST = re.compile(r"[A-Za-z0-9._~-]*")
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+")
_ANY_PORT = re.compile(r"^(http://(?:127\.0\.0\.1|\[::1\]))(?::([0-9]{1,5}))?(?=[/?]|$)")
_HIGHEST_PORT = 65_535
_USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Offered:
    """A URI offered for registration, taken apart. ``parts`` is None if that cannot be done."""

    text: str
    parts: SplitResult | None
    port: int | None
    native: bool
    loopback_http: bool

    @property
    def scheme(self) -> str:
        return self.text.partition(":")[0]

    @property
    def netloc(self) -> str:
        return self.parts.netloc if self.parts else ""

    @property
    def host(self) -> str:
        return self.netloc.rpartition(":")[0] if self.port is not None else self.netloc

    @property
    def is_web(self) -> bool:
        return self.scheme in {"http", "https"}

    @property
    def has_dot_segment(self) -> bool:
        path = (self.parts.path if self.parts else "").lower()
        segments = re.split(r"[/;]", path.replace("%2e", ".").replace("%2f", "/"))
        return any(segment in {".", ".."} for segment in segments)

    @property
    def has_known_scheme(self) -> bool:
        return self.is_web or (self.native and _PRIVATE_SCHEME.fullmatch(self.scheme) is not None)

    @property
    def is_safe_http(self) -> bool:
        if self.native:
            return self.host in _LOOPBACK_LITERALS
        return self.loopback_http and self.host in LOOPBACK


_RULES: tuple[tuple[Callable[[_Offered], bool], str], ...] = (
    (lambda uri: "#" not in uri.text, "must not have a fragment"),
    (lambda uri: not set("*\\") & set(uri.text), "has to be written out, without wildcard or backslash"),
    (lambda uri: uri.parts is not None, "is not a URI"),
    (lambda uri: not uri.has_dot_segment, "must not have dot segments"),
    (
        lambda uri: uri.has_known_scheme,
        "has to use https (a native client: 127.0.0.1, [::1] or a scheme with a dot)",
    ),
    (lambda uri: "@" not in uri.netloc, "must not name a user"),
    (lambda uri: not uri.is_web or bool(_HOST.fullmatch(uri.host)), "has to name a host in lower case"),
    (lambda uri: uri.is_web or bool(_NO_HOST.fullmatch(uri.netloc)), "has to have a plain name, if any"),
    (lambda uri: not uri.netloc.endswith(":") and uri.port != 0, "has an empty port"),
    (
        lambda uri: uri.scheme != "http" or uri.is_safe_http,
        "must not use http, except in native applications on 127.0.0.1 or [::1]",
    ),
)
"""What a redirection URI has to be, in this order (AZ-05..AZ-08)."""


def uri_fault(uri: object, *, native: bool, loopback_http: bool = False) -> str:
    """Return why ``uri`` may not be registered for redirection, or an empty text.

    Web clients use https; ``loopback_http`` also lets them use http on a loopback address, which is for
    demonstrations only. Native clients use http on a loopback literal or a private scheme with a dot.
    """
    if not isinstance(uri, str) or not _VISIBLE_ASCII.fullmatch(uri) or len(uri) > _LONGEST:
        return "has to be a text of at most 2000 visible ASCII characters"
    try:
        parts: SplitResult | None = urlsplit(uri)
        port = parts.port if parts else None
    except ValueError:
        parts, port = None, None
    offered = _Offered(uri, parts, port, native, loopback_http)
    return next((sentence for holds, sentence in _RULES if not holds(offered)), "")


def names_host(netloc: str) -> bool:
    """Tell whether ``netloc`` is a host in lower case, with or without a port, and nothing else.

    So it can stand in a response header without breaking it (RFC 9700 §4.1).
    """
    return re.fullmatch(rf"(?:{_HOST.pattern})(?::[0-9]{{1,5}})?", netloc) is not None


def is_registered(client: Client, uri: str) -> bool:
    """Tell whether ``uri`` is exactly one of the client's redirection URIs (AZ-01..AZ-03).

    Strings are compared as strings. Only for native clients the port of a loopback literal may differ
    (RFC 8252 §7.3, AZ-07).
    """
    if uri in client.redirect_uris:
        return True
    if not client.is_native:
        return False
    bare = _without_port(uri)
    return bare is not None and any(_without_port(known) == bare for known in client.redirect_uris)


def _without_port(uri: str) -> str | None:
    found = _ANY_PORT.match(uri)
    if found is None or (found[2] is not None and not 0 < int(found[2]) <= _HIGHEST_PORT):
        return None
    return found[1] + uri[found.end() :]


def origin_of(uri: str) -> str:
    """Return scheme, host and port of an http or https URI, or the scheme with a colon of another one."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def is_of_origin(uri: str, origin: str) -> bool:
    """Tell whether ``uri``, which may be registered, is of the same origin as ``origin`` (RFC 6454 §5)."""
    return _origin(uri) == _origin(origin)


def _origin(uri: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(uri)
    return parts.scheme, parts.hostname, parts.port or _USUAL_PORTS.get(parts.scheme)


def with_parameters(uri: str, parameters: dict[str, str]) -> str:
    """Return ``uri`` with ``parameters`` added to its query, every reserved character encoded."""
    return f"{uri}{'&' if '?' in uri else '?'}{_encoded(parameters)}"


def with_fragment(uri: str, parameters: dict[str, str]) -> str:
    """Return ``uri`` with ``parameters`` as its fragment (Multiple Response Types §2.1); it had none."""
    return f"{uri}#{_encoded(parameters)}"


def _encoded(parameters: dict[str, str]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters.items())
