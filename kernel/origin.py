"""Who is asking: the address, request id and user agent of the request being served.

Ambient per request, so that every audit row and every limit can name its origin without each
signature carrying it. Outside a request the origin is empty.
"""

from __future__ import annotations

import base64
import ipaddress
from contextvars import ContextVar, Token
from dataclasses import dataclass

from kernel.randomness import CROCKFORD, Randomness

_DRAWN_AT_ONCE = 128
_BYTES_OF_TWO = 15
_SPOKEN = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", CROCKFORD)


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


def spoken(drawn: bytes) -> str:
    """Return ``drawn``, a multiple of five bytes, as letters and digits that nobody mishears (Crockford)."""
    return base64.b32encode(drawn).decode().translate(_SPOKEN)


class RequestIds:
    """Names requests: 60 bits of chance each, as people read them out: "7F3K-92QD-0XVB".

    A person reads the one of an error page out on the telephone. They are drawn many at a time, so that a
    request costs no call of the operating system. Many threads may ask at once.
    """

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness
        self._spare: list[str] = []

    def next(self) -> str:
        """Return an id that no request had."""
        try:
            return self._spare.pop()
        except IndexError:
            text = spoken(self._randomness.token_bytes(_BYTES_OF_TWO * _DRAWN_AT_ONCE))
            found = [
                f"{text[at : at + 4]}-{text[at + 4 : at + 8]}-{text[at + 8 : at + 12]}"
                for at in range(0, len(text), 12)
            ]
            self._spare += found[1:]
            return found[0]
