"""Folding of written names: one rule for user names, search keys and comparisons."""

from __future__ import annotations

import unicodedata
from typing import Final

from kernel.folding import folded


def letters(text: str) -> str:
    """Return only the letters a to z that ``text`` folds to: ``"O'Neil"`` gives ``"oneil"``."""
    return "".join(char for char in folded(text) if "a" <= char <= "z")


_HYPHENS: Final = str.maketrans(dict.fromkeys("\N{HYPHEN}\N{NON-BREAKING HYPHEN}", "-"))
"""Hyphens that look like the one on the keyboard; word processors write them."""


def tidy(text: str) -> str:
    """Return ``text`` in NFC, trimmed, with every run of white space as one space and every hyphen as one."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_HYPHENS).split())


def sort_key(text: str) -> str:
    """Return the key under which a name is searched and sorted: folded, tidy, never empty for a name."""
    return tidy(folded(text))


APART: Final = "-"
SILENT: Final = "'\N{RIGHT SINGLE QUOTATION MARK}"
"""What is written in names one time so, another time so: telephones write the second for the first."""


def search_key(text: str) -> str:
    """Return what a name is found by: ``st pierre`` and ``ONeil`` find ``St-Pierre`` and ``O'Neil``."""
    return tidy(sort_key(text).translate({ord(APART): " ", **dict.fromkeys(map(ord, SILENT))}))


def has_control(text: str) -> bool:
    """Tell whether ``text`` holds a character that is no text: control, format, private or unpaired."""
    return any(unicodedata.category(char) in {"Cc", "Cf", "Co", "Cs", "Cn"} for char in text)
