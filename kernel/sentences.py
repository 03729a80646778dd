"""What somebody wrote, where others read it: in a sentence of ours, a letter, a log or a list on the console.

Line breaks would end the line it stands in and let another one follow, and characters that turn the writing
round would change what stands beside it ("Trojan Source"). Letters of every script may stand anywhere, and
the joiners and marks that scripts and emoji need.
"""

from __future__ import annotations

import re
import unicodedata

_TURNS = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates, with their ends (Unicode Standard Annex 9 §2)."""
_TURN = re.compile(f"[{_TURNS}]")
_BREAKING = frozenset({"Cc", "Zl", "Zp"})


def turns_writing(text: str) -> bool:
    """Tell whether ``text`` holds a character that turns the writing round, its own or what follows it."""
    return not text.isascii() and _TURN.search(text) is not None


def without_turns(text: str) -> str:
    """Return ``text`` without what turns the writing round."""
    return _TURN.sub("", text) if turns_writing(text) else text


def breaks_a_sentence(text: str) -> bool:
    """Tell whether ``text`` would end the line of the sentence it stands in, or turn it round."""
    if text.isascii() and text.isprintable():
        return False
    return turns_writing(text) or any(unicodedata.category(each) in _BREAKING for each in text)


def in_a_sentence(text: str) -> str:
    """Return ``text`` as it may stand in a sentence: a space for what would end its line, and no turns."""
    if not breaks_a_sentence(text):
        return text
    flat = "".join(" " if unicodedata.category(each) in _BREAKING else each for each in without_turns(text))
    return " ".join(flat.split())
