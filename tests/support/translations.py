"""Which sentences of a package lack their French: read from code and templates, compared with its ``fr.po``.

``python -m tests.support.translations registration`` prints the missing entries, ready to be filled in.
"""

# ruff: noqa: T201 - prints what is missing
from __future__ import annotations

import ast
import io
import re
import sys
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("fr",)
_METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")]
_OPTIONS = {
    name: {"newstyle_gettext": "true", "silent": "false", "extensions": "jinja2.ext.do"}
    for name in ("**.html", "**.txt")
}
_KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "t": None,
    "gettext": None,
    "mark": None,
    "N_": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "mark_plural": (1, 2),
    "pgettext": ((1, "c"), 2),
}
_PLACE = re.compile(r"%\((\w+)\)s")
Sentence = str | tuple[str, ...]


def sentences(package: str) -> dict[Sentence, str]:
    """Return every sentence of a package that people may see, with the place of its first use."""
    found: dict[Sentence, str] = {}
    folder = ROOT / package
    for name, line, message, _comments, _context in extract_from_dir(
        folder, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS
    ):
        if message:
            found.setdefault(message, f"{package}/{name}:{line}")
    for path in folder.rglob("*.py"):
        for sentence in _public_sentences(path):
            found.setdefault(sentence, str(path.relative_to(ROOT)))
    return found


def _public_sentences(path: Path) -> list[str]:
    """Return the ``public`` sentences of our error classes."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                target = (
                    line.targets[0]
                    if isinstance(line, ast.Assign)
                    else line.target
                    if isinstance(line, ast.AnnAssign)
                    else None
                )
                value = line.value if isinstance(line, ast.Assign | ast.AnnAssign) else None
                if (
                    isinstance(target, ast.Name)
                    and target.id == "public"
                    and isinstance(value, ast.Constant)
                    and isinstance(value.value, str)
                ):
                    found.append(value.value)
    return found


def catalogue(*packages: str, language: str = "fr") -> dict[Sentence, Message]:
    """Return the translations of several packages, by sentence."""
    known: dict[Sentence, Message] = {}
    for package in packages:
        for path in sorted((ROOT / package).rglob(f"translations/{language}.po")):
            with io.BytesIO(path.read_bytes()) as file:
                for message in read_po(file, locale=language):
                    if message.id:
                        known[tuple(message.id) if isinstance(message.id, list | tuple) else message.id] = (
                            message
                        )
    return known


def faults(package: str, *also: str, language: str = "fr") -> list[str]:
    """Return what is wrong with a package's translations; ``also`` names packages whose folders are shared."""
    known = catalogue(package, *also, language=language)
    wrong = []
    for sentence, place in sentences(package).items():
        message = known.get(sentence)
        texts = (
            []
            if message is None
            else [message.string]
            if isinstance(message.string, str)
            else list(message.string)
        )
        if not texts or not all(texts):
            wrong.append(f"{place}: no {language} for {sentence!r}")
        elif message is not None and message.fuzzy:
            wrong.append(f"{place}: {language} is only a guess for {sentence!r}")
        else:
            wanted = set(_PLACE.findall(sentence if isinstance(sentence, str) else sentence[-1]))
            wrong += [
                f"{place}: other values in {text!r}"
                for text in texts
                if not set(_PLACE.findall(text)) <= wanted | {"num"}
                or (isinstance(sentence, str) and set(_PLACE.findall(text)) != wanted)
            ]
    return wrong


def unused(package: str, language: str = "fr") -> list[str]:
    """Return translations of sentences the package no longer says."""
    said = sentences(package)
    return [str(sentence) for sentence in catalogue(package, language=language) if sentence not in said]


def _entry(sentence: Sentence) -> str:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    if isinstance(sentence, str):
        return f'msgid {quoted(sentence)}\nmsgstr ""\n'
    return f'msgid {quoted(sentence[0])}\nmsgid_plural {quoted(sentence[1])}\nmsgstr[0] ""\nmsgstr[1] ""\n'


if __name__ == "__main__":
    for package in sys.argv[1:]:
        known = catalogue(package, "kernel")
        for sentence in sentences(package):
            if sentence not in known:
                print(_entry(sentence))
        for sentence in unused(package):
            print(f"# no longer said: {sentence}")
