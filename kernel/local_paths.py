"""Addresses inside our own system: what somebody may be sent back to. The one rule against open redirects."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LONGEST = 2000
_ODD = re.compile(r"[\\\x00-\x20\x7f]")
"""A backslash, which browsers take for a slash, or what they drop from addresses: spaces and controls."""


def local_path(candidate: str, default: str = "/") -> str:
    r"""Return ``candidate`` if it is a path on this host and nothing else, or ``default`` (RFC 9700 §4.11).

    Refused are other hosts in any spelling browsers accept: ``//host``, ``/\host``, control characters.
    """
    if not candidate.startswith("/") or candidate.startswith("//") or len(candidate) > _LONGEST:
        return default
    if _ODD.search(candidate):
        return default
    try:
        parts = urlsplit(candidate)
    except ValueError:
        return default
    return default if parts.scheme or parts.netloc else candidate
