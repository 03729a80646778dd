# ruff: noqa: RUF001 - the table names the letters it folds
"""Names without case and accents: how they are compared, searched and put in order."""

from __future__ import annotations

import unicodedata
from typing import Final

# Letters that Unicode does not decompose into a base letter and a mark.
_SINGLE: Final = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "ħ": "h",
        "ı": "i",
        "ŋ": "n",
        "ŧ": "t",
        "ĸ": "k",
        "ſ": "s",
    }
)


def folded(text: str) -> str:
    """Return ``text`` in lower case without accents; what has no Latin base letter stays as it is."""
    lowered = unicodedata.normalize("NFKD", text.casefold().translate(_SINGLE))
    stripped = "".join(char for char in lowered if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", stripped.translate(_SINGLE))


def in_the_alphabet(text: str) -> tuple[str, str]:
    """Return what ``text`` is sorted by: as a dictionary has it, with "Énergie" among those with an E."""
    return folded(text), text.casefold()
