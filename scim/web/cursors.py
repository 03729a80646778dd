"""Cursors (RFC 9865): a place in a list, sealed, so that a client can neither read nor make nor move one.

A cursor opens for the client it was given to, for the same question about the same types of resource and
nothing else; it holds how long the pages are, how many resources there are in all, and when it was given.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from dataclasses import dataclass

from scim2_models import ExpiredCursorException, InvalidCountException, InvalidCursorException

from idp.domain.query import Place
from kernel.base64url import base64url, from_base64url
from kernel.errors import SealError
from kernel.store import Store

_LONGEST = 8_192
_INVALID = (
    "The cursor is not valid: an empty one asks for the first page, "
    "nextCursor or previousCursor of the same query for another."
)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: at a place among the resources of one kind, by its number; on, or ``back``."""

    place: Place
    kind: int
    total: int
    back: bool = False


class Cursors:
    """Seals positions into cursors and opens them again."""

    def __init__(self, store: Store, life: dt.timedelta) -> None:
        self._store = store
        self._life = life

    def seal(self, position: Position, *, query: str, count: int) -> str:
        """Return the cursor of a position in the answers to ``query``, in pages of ``count``."""
        until = math.ceil((self._store.clock.now() + self._life).timestamp())
        place = position.place
        text = place.value if isinstance(place.value, str) else ""
        value = None if isinstance(place.value, str) else [place.value]
        content = [until, count, position.total, position.kind, position.back, value, place.id]
        # A text stands behind the rest as it is: escaped, a cursor could be longer than an address may be.
        plain = json.dumps(content, separators=(",", ":")).encode() + b"\n" + text.encode()
        sealed = self._store.sealer.seal(plain, table="scim", column="cursor", row=_digest(query))
        return base64url(sealed)

    def open(self, cursor: str, *, query: str, count: int | None) -> tuple[Position, int]:
        """Return the position that a cursor holds and the length of its pages.

        Raises:
            InvalidCursorException: if it was not given to this client for this query (RFC 9865 §2.1).
            InvalidCountException: if the query asks for pages of another length.
            ExpiredCursorException: if it was given too long ago.
        """
        content, _, text = self._opened(cursor, query).partition(b"\n")
        until, length, total, kind, back, value, identifier = json.loads(content)
        if self._store.clock.now().timestamp() > until:
            raise ExpiredCursorException(detail="The cursor has expired: see cursorTimeout.")
        if count is not None and count != length:
            raise InvalidCountException(detail="'count' must be that of the query the cursor belongs to.")
        place = Place(text.decode() if value is None else value[0], identifier)
        return Position(place, kind, total, back), length

    def _opened(self, cursor: str, query: str) -> bytes:
        if len(cursor) > _LONGEST:
            raise InvalidCursorException(detail=_INVALID)
        try:
            sealed = from_base64url(cursor)
            return self._store.sealer.open(sealed, table="scim", column="cursor", row=_digest(query))
        except (ValueError, SealError):
            raise InvalidCursorException(detail=_INVALID) from None


def _digest(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()
