"""The form of opaque tokens: a prefix that scanners for leaks know, chance, check digits.

A prefix, 43 characters of chance (256 bits, base64url) and six digits of a CRC-32, so that a scanner tells a
leaked token from a look-alike, and we a mistyped one, without asking anybody.
"""

from __future__ import annotations

import zlib
from typing import Final

INITIAL: Final = "swreg_"
"""Tokens that let their holder register clients (RFC 7591 §3)."""
MANAGEMENT: Final = "swrat_"
"""Registration access tokens: they let a client manage its own registration (RFC 7592)."""
REFRESH: Final = "swrt_"
"""Refresh tokens (RFC 6749 §1.5)."""

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK_LENGTH: Final = 6


def with_check(prefix: str, chance: str) -> str:
    """Return the token made of ``chance``."""
    stem = prefix + chance
    return stem + _check(stem)


def is_mistyped(prefix: str, token: str) -> bool:
    """Tell whether a text has the prefix and not its check digits: nothing can be stored under it."""
    return token.startswith(prefix) and token[-_CHECK_LENGTH:] != _check(token[:-_CHECK_LENGTH])


def _check(stem: str) -> str:
    rest, digits = zlib.crc32(stem.encode()), ""
    for _ in range(_CHECK_LENGTH):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
