"""The form of static bearer tokens: a prefix that scanners for leaked secrets know, chance, check digits.

``swscim_`` + 43 characters (256 bits, base64url) + six digits of a CRC-32, so that a scanner tells a leaked
token from a look-alike, and we a mistyped one, without asking anybody.
"""

from __future__ import annotations

import zlib
from typing import Final

PREFIX: Final = "swscim_"
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK_LENGTH: Final = 6


def with_check(chance: str) -> str:
    """Return the token made of ``chance``."""
    stem = PREFIX + chance
    return stem + _check(stem)


def is_mistyped(token: str) -> bool:
    """Tell whether a text has our prefix and not our check digits: nothing can be stored under it."""
    return token.startswith(PREFIX) and token[-_CHECK_LENGTH:] != _check(token[:-_CHECK_LENGTH])


def _check(stem: str) -> str:
    rest, digits = zlib.crc32(stem.encode()), ""
    for _ in range(_CHECK_LENGTH):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
