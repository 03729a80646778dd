"""User names: what may be one, and under which form two of them are the same.

The same form decides uniqueness, sign-in and SCIM filters, so that no two accounts can be taken for
one another (SF-07, RFC 7644 §5).
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum

LONGEST = 256
_UNSEEN = frozenset(
    chr(point)
    for first, last in (
        (0x034F, 0x034F),  # combining grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0x2028, 0x2029),  # line and paragraph separators
        (0x2800, 0x2800),  # braille pattern blank
        (0x3164, 0x3164),  # Hangul filler
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
        (0x1D159, 0x1D159),  # musical symbol null notehead
        (0xE0100, 0xE01EF),  # variation selectors supplement
    )
    for point in range(first, last + 1)
)
"""Characters that show nothing though their category does not say so: what else is
Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt), and what is drawn as a blank."""
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


def is_unseen(character: str) -> bool:
    """Tell whether nobody sees the character: a control, a format or an ignorable one, a filler (C5).

    Cc, Cf, Cs, Co, Cn: of these, too, nobody can tell what they would look like.
    """
    return character in _UNSEEN or unicodedata.category(character).startswith("C")


def is_blank(text: str) -> bool:
    """Tell whether ``text`` shows nothing at all: it is empty, or spaces and characters that nobody sees."""
    return not _is_plain(text) and all(character.isspace() or is_unseen(character) for character in text)


def has_unseen(text: str) -> bool:
    """Tell whether ``text`` holds a character that nobody sees."""
    return not _is_plain(text) and any(map(is_unseen, text))


def _is_plain(text: str) -> bool:
    """Tell cheaply whether a text is all visible ASCII, as most are."""
    return text.isascii() and text.isprintable() and not text.isspace() and bool(text)


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
    if is_blank(user_name) or is_blank(key):
        return UserNameFault.BLANK
    if len(key.encode(errors="replace")) > _LONGEST_KEY:
        return UserNameFault.TOO_LONG
    if user_name != user_name.strip():
        return UserNameFault.SPACE_AROUND
    # Characters that nobody sees make names that look alike.
    if has_unseen(user_name):
        return UserNameFault.CONTROL_CHARACTER
    return None
