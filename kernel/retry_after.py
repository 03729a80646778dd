"""How long a server asks to be left alone: ``Retry-After`` in either of its two forms (RFC 9110 §10.2.3)."""

from __future__ import annotations

import datetime as dt
import email.utils

MOST = dt.timedelta(hours=1)
"""Nobody is obeyed for longer: what waits may be the end of somebody's access."""


def wait_asked_for(text: str, *, now: dt.datetime) -> dt.timedelta | None:
    """Return the wait that a header asks for, an hour at most; None if it asks for none that can be read."""
    if text.isascii() and text.isdigit():
        return min(dt.timedelta(seconds=int(text[:9])), MOST)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year or a zone may have as many digits as its sender likes
        return None
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return min(max(at - now, dt.timedelta(0)), MOST)
