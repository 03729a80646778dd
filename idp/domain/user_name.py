"""User names: what may be one, and under which form two of them are the same.

The same form decides uniqueness, sign-in and SCIM filters, so that no two accounts can be taken for
one another (SF-07, RFC 7644 §5).
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum

LONGEST = 256
_LONGEST_KEY = 1_024  # bytes; some characters unfold to eighteen others, and an index entry has an end


def fold(text: str) -> str:
    """Return the form under which texts without case are compared: NFKC, case folded, NFKC again.

    Folding once more changes nothing, so a stored form may be folded again.
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())


def user_name_key(user_name: str) -> str:
    """Return the form of ``user_name`` that is unique in the Gateway (C5)."""
    return fold(user_name)


class UserNameFault(StrEnum):
    """Why a text cannot be a user name."""

    BLANK = "blank"
    TOO_LONG = "too_long"
    SPACE_AROUND = "space_around"
    CONTROL_CHARACTER = "control_character"


def user_name_fault(user_name: str) -> UserNameFault | None:
    """Tell why ``user_name`` cannot be a user name, or None if it can."""
    if len(user_name) > LONGEST:
        return UserNameFault.TOO_LONG
    key = user_name_key(user_name)
    if not user_name.strip() or not key.strip():
        return UserNameFault.BLANK
    if len(key.encode(errors="replace")) > _LONGEST_KEY:
        return UserNameFault.TOO_LONG
    if user_name != user_name.strip():
        return UserNameFault.SPACE_AROUND
    # Cc, Cf, Cs, Co, Cn: characters that nobody sees make names that look alike.
    if any(unicodedata.category(character).startswith("C") for character in user_name):
        return UserNameFault.CONTROL_CHARACTER
    return None
