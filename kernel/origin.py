"""Who is asking: the address, request id and user agent of the request being served.

Ambient per request, so that every audit row and every limit can name its origin without each
signature carrying it. Outside a request the origin is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


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


@contextmanager
def origin(value: Origin) -> Iterator[None]:
    """Serve the body of the ``with`` as ``value``'s request."""
    token = _current.set(value)
    try:
        yield
    finally:
        _current.reset(token)
