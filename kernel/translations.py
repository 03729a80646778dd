"""Sentences in the reader's language, read from ``.po`` files at start.

Framework-free, so that mails can use it as well as pages. English is the language of the code; every
other language comes from a folder with one ``<language>.po``. Compiled catalogues are not kept.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterable
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = {"en": "English", "fr": "Français"}
DEFAULT_LANGUAGE = "en"


def first_known(languages: str) -> str:
    """Return the first of ``languages`` (tags, separated by spaces) that we speak, or an empty text."""
    tags = (tag.partition("-")[0].lower() for tag in languages[:200].split())
    return next((tag for tag in tags if tag in LANGUAGES), "")


def mark(sentence: str) -> str:
    """Return ``sentence`` unchanged: written here for translation, translated where it is shown."""
    return sentence


def mark_plural(one: str, many: str) -> tuple[str, str]:
    """Return both forms of a sentence as they are: marks them for translation like :func:`mark`."""
    return one, many


class Translations:
    """The sentences of several folders, by language."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._by_language: dict[str, gettext.NullTranslations] = {
            DEFAULT_LANGUAGE: gettext.NullTranslations()
        }
        for folder in folders:
            for language in LANGUAGES:
                path = folder / f"{language}.po"
                if path.is_file():
                    self._add(language, path)

    def _add(self, language: str, path: Path) -> None:
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        found = gettext.GNUTranslations(compiled)
        known = self._by_language.get(language)
        if known is not None:
            found.add_fallback(known)
        self._by_language[language] = found

    def _of(self, language: str) -> gettext.NullTranslations:
        return self._by_language.get(language) or self._by_language[DEFAULT_LANGUAGE]

    def gettext(self, language: str, sentence: str) -> str:
        """Return ``sentence`` in ``language``, or in English where no translation is known."""
        return self._of(language).gettext(sentence) if sentence else ""

    def ngettext(self, language: str, one: str, many: str, count: int) -> str:
        """Return the sentence for ``count`` things in ``language``."""
        return self._of(language).ngettext(one, many, count)

    def pgettext(self, language: str, context: str, sentence: str) -> str:
        """Return ``sentence`` as meant in ``context``, in ``language``."""
        return self._of(language).pgettext(context, sentence)
