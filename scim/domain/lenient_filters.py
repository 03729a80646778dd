"""Filters read before they are compiled, with what a client's profile takes."""

from __future__ import annotations

import re

from scim.domain.catalogue import Catalogue
from scim.domain.enterprise import MANAGER
from scim.domain.filters import LONGEST
from scim.domain.profile import Tolerance

_QUOTED = re.compile(r'("(?:[^"\\]|\\.)*")')
_BARE = re.compile(
    r"(?<![\w.:$-])(?P<before>(?P<name>[\w.:$-]++)\s++(?:eq|ne|co|sw|ew)\s++)(?P<value>[^\s()\[\]\"]++)",
    re.IGNORECASE,
)
_MANAGER = re.compile(rf"(?<![\w.:$-])(?:{re.escape(MANAGER)}|manager)(?=\s++(?:eq|ne)\s)", re.IGNORECASE)
_ENTRY = re.compile(r"\](?=\s++(?:eq|ne|co|sw|ew)\s)", re.IGNORECASE)
_WORDS = frozenset({"null", "true", "false"})
_PARTS = frozenset({"type", "value", "display"})
"""Parts that hold text wherever they stand: in a selection, or behind one."""


def lenient_filter(text: str, catalogue: Catalogue, tolerance: Tolerance) -> str:
    """Return the filter ``text`` as the grammar wants it, for a client that may write it otherwise.

    Texts get their quotes; a manager, or an entry that is selected, is compared by its value. What stands in
    quotes already is never looked at, and a word is quoted only where it is compared with an attribute that
    holds text.
    """
    if len(text) > LONGEST:
        return text

    def quoted(match: re.Match[str]) -> str:
        value = match["value"]
        if value.lower() in _WORDS or not _holds_text(match["name"], catalogue):
            return match[0]
        return f'{match["before"]}"{value}"'

    def read(piece: str) -> str:
        if tolerance.plain_manager:
            piece = _MANAGER.sub(f"{MANAGER}.value", piece)
        if tolerance.compared_entries:
            piece = _ENTRY.sub("].value", piece)
        return _BARE.sub(quoted, piece) if tolerance.unquoted_filter_values else piece

    pieces = _QUOTED.split(text)
    return "".join(piece if index % 2 else read(piece) for index, piece in enumerate(pieces))


def _holds_text(name: str, catalogue: Catalogue) -> bool:
    if name.removeprefix(".").lower() in _PARTS:
        return True
    uri, _, bare = name.rpartition(":")
    head, _, part = bare.partition(".")
    attribute = catalogue.find(uri or None, head)
    if attribute is not None and (part or attribute.is_complex):
        attribute = attribute.parts.get((part or "value").lower())
    return attribute is not None and attribute.type in {"string", "reference"}
