"""Who is asking: the address, request id and user agent of the request being served.

Ambient per request, so that every audit row and every limit can name its origin without each
signature carrying it. Outside a request the origin is empty.
"""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar, Token
from dataclasses import dataclass

from kernel.randomness import Randomness

_ID_BYTES = 9
_ID_LENGTH = 12
_DRAWN_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from. ``address`` is the peer after the trusted-proxy rule."""

    address: str = ""
    request_id: str = ""
    user_agent: str = ""


_NOWHERE = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


def current_origin() -> Origin:
    """Return the origin of the request being served, or an empty one."""
    return _current.get()


def place(address: str) -> str:
    """Return what counts as one place: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


class _Served:
    """The body of a ``with`` that serves one request; a class, because every request enters one."""

    __slots__ = ("_token", "_value")

    def __init__(self, value: Origin) -> None:
        self._value = value
        self._token: Token[Origin]

    def __enter__(self) -> None:
        self._token = _current.set(self._value)

    def __exit__(self, *_raised: object) -> None:
        _current.reset(self._token)


def origin(value: Origin) -> _Served:
    """Serve the body of the ``with`` as ``value``'s request."""
    return _Served(value)


class RequestIds:
    """Names requests: 72 bits of chance each, as 12 characters that are safe in a URL.

    They are drawn many at a time, so that a request costs no call of the operating system. Many threads
    may ask at once.
    """

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness
        self._spare: list[str] = []

    def next(self) -> str:
        """Return an id that no request had."""
        try:
            return self._spare.pop()
        except IndexError:
            drawn = self._randomness.token(_ID_BYTES * _DRAWN_AT_ONCE)
            starts = range(_ID_LENGTH, len(drawn), _ID_LENGTH)
            self._spare += [drawn[start : start + _ID_LENGTH] for start in starts]
            return drawn[:_ID_LENGTH]
