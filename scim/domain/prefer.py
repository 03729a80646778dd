"""What a client would rather have (RFC 7240): an answer now, or a request that is done later."""

from __future__ import annotations

import re

_LONGEST = 1_000
_PREFERENCE = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)+')


def prefers_later(prefer: str) -> bool:
    """Tell whether a Prefer header asks for a request to be done later, and not to be waited for (§4.1).

    With ``wait`` (§4.3) the client waits for so many seconds itself, and a single request is done sooner.
    """
    return "respond-async" in _preferences(prefer) and not waits(prefer)


def waits(prefer: str) -> bool:
    """Tell whether the client is willing to wait for a second or more."""
    value = _preferences(prefer).get("wait", "")
    return value.isascii() and value.isdigit() and int(value[:9]) > 0


def asks_async(prefer: str) -> bool:
    """Tell whether a Prefer header names ``respond-async``, however long the client would wait."""
    return "respond-async" in _preferences(prefer)


def _preferences(prefer: str) -> dict[str, str]:
    """Return the preferences by name; of one that comes twice the first counts (§2)."""
    found: dict[str, str] = {}
    for part in _PREFERENCE.findall(prefer[:_LONGEST]):
        name, _, value = part.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found
