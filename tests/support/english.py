"""Which English sentences stand on a page in another language: its texts, compared with the catalogues.

What is marked as English (``lang="en"``) may be English. Attributes that are read out or shown count as texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser

from tests.support.translations import catalogue

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_SILENT = frozenset({"script", "style", "svg", "template"})
_WITHIN = frozenset(
    {
        "a",
        "abbr",
        "b",
        "bdi",
        "button",
        "cite",
        "code",
        "em",
        "i",
        "kbd",
        "q",
        "small",
        "span",
        "strong",
        "time",
    }
)
_SAID = frozenset({"alt", "aria-label", "aria-description", "placeholder", "title"})
_PLACE = re.compile(r"%\\?\((\w+)\\?\)s")
_WORD = re.compile(r"[^\W\d_]{2,}")
_ENGLISH = re.compile(
    r"(?<!\S)([Tt]he|[Oo]f|[Aa]nd|[Ii]s|[Aa]re|was|were|[Hh]as|have|[Yy]ou|[Yy]our|[Ii]ts?|[Tt]his|[Tt]hat|[Ww]ith"
    r"|[Ff]or|[Nn]ot|[Ff]rom|[Bb]y|[Tt]o)(?=[\s,.;:?!]|$)"
)
"""Words without which there are few English sentences, and which are no French ones."""
_COLON = re.compile(r"\w:(?=\s)")
"""A colon without the space that French has before it."""
_JOINTS = re.compile(r"\s+[\N{EN DASH}\N{MIDDLE DOT}]\s+|:\s+")


@dataclass(frozen=True)
class Catalogues:
    """What must not stand on a page in another language: whole texts, and sentences with places for values."""

    texts: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]

    def holds(self, text: str) -> bool:
        """Tell whether ``text`` is a sentence of the catalogues, as English has it."""
        return text in self.texts or any(each.fullmatch(text) for each in self.patterns)


@lru_cache(maxsize=4)
def catalogues(*packages: str, language: str = "fr") -> Catalogues:
    """Return the English of the sentences of packages that are said otherwise in ``language``."""
    pairs: list[tuple[str, str]] = []
    for sentence, message in catalogue(*packages, language=language).items():
        english = (sentence,) if isinstance(sentence, str) else sentence
        other = (message.string,) if isinstance(message.string, str) else tuple(message.string)
        pairs += [
            (_plain(each), _plain(other[min(number, len(other) - 1)])) for number, each in enumerate(english)
        ]
    spoken = {text for _english, text in pairs}
    foreign = {english for english, other in pairs if english != other} - spoken
    fixed = {text for text in foreign if not _PLACE.search(text)}
    return Catalogues(
        frozenset(fixed), tuple(map(_pattern, sorted(filter(_says_something, foreign - fixed))))
    )


def _plain(text: str) -> str:
    return " ".join(text.replace("%%", "%").split())


def _says_something(sentence: str) -> bool:
    """Tell whether a sentence has words of its own, and is not places and punctuation alone."""
    return bool(_WORD.search(_PLACE.sub("", sentence)))


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(_PLACE.sub(".+", re.escape(sentence)))


@dataclass
class _Place:
    """An element that is open: its language, and the texts that stand in it as a block."""

    tag: str
    language: str
    silent: bool
    texts: list[str] = field(default_factory=list)


class _Texts(HTMLParser):
    """Every text node, every said attribute, and every block with what stands in its line."""

    def __init__(self, marked: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._marked = marked
        self._open = [_Place("", "", silent=False)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        around = self._open[-1]
        here = _Place(tag, values.get("lang", around.language), around.silent or tag in _SILENT)
        if not here.silent and here.language != self._marked:
            said = [text for name, text in values.items() if name in _SAID or name.startswith("data-")]
            if tag == "input" and values.get("type") in {"submit", "button"}:
                said.append(values.get("value", ""))
            self.found += filter(None, map(_plain, said))
        if tag not in _VOID:
            self._open.append(here)
        elif tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or tag not in {each.tag for each in self._open}:
            return
        while True:
            closed = self._open.pop()
            if closed.tag not in _WITHIN:
                self._keep("".join(closed.texts))
            if closed.tag == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._open[-1].silent or self._open[-1].language == self._marked:
            return
        self._keep(data)
        next(each for each in reversed(self._open) if each.tag not in _WITHIN).texts.append(data)

    def _keep(self, text: str) -> None:
        if _plain(text):
            self.found.append(_plain(text))


def texts_of(html: str, *, but: str = "en") -> list[str]:
    """Return what a page says outside of elements in the language ``but``: each text once, in order."""
    parser = _Texts(but)
    parser.feed(html)
    parser.close()
    return list(dict.fromkeys(parser.found))


def english_on(html: str, known: Catalogues) -> list[str]:
    """Return the texts of a French page that are English: by the catalogues, by small words, or by their colon."""
    return [text for text in texts_of(html) if is_english(text, known)]


def is_english(text: str, known: Catalogues) -> bool:
    """Tell whether a text, or a part of it that stands by itself, is English."""
    parts = (text, *_JOINTS.split(text))
    return bool(_ENGLISH.search(text) or _COLON.search(text)) or any(map(known.holds, parts))
