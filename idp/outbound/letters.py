"""How a letter looks: blocks of sentences, written once and rendered as HTML and as text.

One column, inline styles, no picture, nothing fetched from anywhere. Links are built from the configured
public address alone. What other people wrote (names, browsers) is cleaned of invisible characters and
escaped (SE-15).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import escape

from kernel.store import Unit
from kernel.translations import Translations, mark

LONGEST_SUBJECT = 78
_FOLDER = Path(__file__).parent
_BLANK = re.compile(r"~#(\d+)#~")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes: the product, its environment (empty in production), its address, and whom to ask."""

    product: str
    environment: str
    public_url: str
    support_email: str = ""
    support_phone: str = ""
    zone: str = "America/Toronto"


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a letter; ``kind`` is paragraph, button, facts, steps or code."""

    kind: str
    text: str = ""
    url: str = ""
    hint: str = ""
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """What is said in one language."""

    language: str
    subject: str
    title: str
    blocks: tuple[Block, ...]
    ending: tuple[Block, ...]

    @property
    def colon(self) -> str:
        """What stands between a name and its value: French puts a space before it."""
        return "\u00a0:" if self.language == "fr" else ":"


Say = Callable[..., str]
"""Says a sentence in one language, with its values filled in."""


def paragraph(text: str) -> Block:
    """Return a paragraph."""
    return Block("paragraph", text)


def button(label: str, url: str, *, hint: str) -> Block:
    """Return a button, with its address in full below for those who copy it (G-12)."""
    return Block("button", label, url, hint)


def facts(*rows: tuple[str, str]) -> Block:
    """Return a list of names and values; rows without a value are left out."""
    return Block("facts", rows=tuple((name, plain(value)) for name, value in rows if value))


def steps(title: str, *items: str) -> Block:
    """Return a numbered list under a title."""
    return Block(
        "steps", title, rows=tuple((str(number), item) for number, item in enumerate(items, start=1))
    )


def code(text: str) -> Block:
    """Return a code to type, on a line of its own."""
    return Block("code", text)


def plain(text: str) -> str:
    """Return ``text`` on one line, without characters that nobody sees."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    seen = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )
    return " ".join(seen.split())


@cache
def _translations() -> Translations:
    return Translations([_FOLDER / "translations"])


def speaker(language: str) -> Say:
    """Return what says sentences in ``language``."""

    def say(sentence: str, **values: object) -> str:
        found = _translations().gettext(language, sentence)
        return found % {name: plain(str(value)) for name, value in values.items()} if values else found

    return say


def compose(
    head: Letterhead, language: str, *, subject: str, title: str = "", blocks: tuple[Block, ...]
) -> Letter:
    """Return a letter with what every letter ends in: the address to check and whom to ask (G-70, G-93)."""
    say = speaker(language)
    ending = [
        paragraph(
            say(
                mark("Check the address before you sign in: it must start with %(address)s"),
                address=head.public_url,
            )
        )
    ]
    contact = " · ".join(part for part in (head.support_phone, head.support_email) if part)
    if contact:
        ending.append(paragraph(say(mark("Questions? Customer Relations: %(contact)s"), contact=contact)))
    prefix = f"[{head.environment}] " if head.environment else ""
    return Letter(
        language, plain(f"{prefix}{subject}")[:LONGEST_SUBJECT], title or subject, blocks, tuple(ending)
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render_text(head: Letterhead, letters: tuple[Letter, ...]) -> str:
    """Return the text part; a second letter is the same in the other language."""
    return _templates().get_template("letter.txt").render(head=head, letters=letters)


def render_html(head: Letterhead, letters: tuple[Letter, ...]) -> str:
    """Return the HTML part."""
    return _templates().get_template("letter.html").render(head=head, letters=letters)


@dataclass(frozen=True, slots=True)
class FormLetter:
    """A letter that is the same for everybody but for some values: rendered once, with blanks for them.

    ``text`` and ``html`` are the pieces; every second one is the number of the value that goes there.
    """

    language: str
    subject: str
    text: tuple[str, ...]
    html: tuple[str, ...]


def blank(number: int) -> str:
    """Return what stands in a letter for the value with this number until :func:`post_form` fills it in."""
    return f"~#{number}#~"


def as_form(head: Letterhead, letter: Letter) -> FormLetter:
    """Return a letter in whose sentences blanks stand, ready to be filled in many times."""
    text, html = render_text(head, (letter,)), render_html(head, (letter,))
    return FormLetter(letter.language, letter.subject, tuple(_BLANK.split(text)), tuple(_BLANK.split(html)))


def post_form(unit: Unit, form: FormLetter, values: Sequence[str], *, to: str, template: str) -> None:
    """Post the letter with the values in its blanks, as :func:`post` does."""
    if not to:
        return
    shown = [plain(value) for value in values]
    unit.courier.post_email(
        to=to,
        subject=form.subject,
        text=_filled(form.text, shown),
        html=_filled(form.html, [str(escape(value)) for value in shown]),
        template=template,
        language=form.language,
    )


def _filled(pieces: tuple[str, ...], shown: Sequence[str]) -> str:
    found = [*pieces]
    found[1::2] = [shown[int(number)] for number in pieces[1::2]]
    return "".join(found)


def post(unit: Unit, head: Letterhead, *letters: Letter, to: str, template: str) -> None:
    """Post the letter with the deed of ``unit``; an account without an address gets none."""
    if not to:
        return
    unit.courier.post_email(
        to=to,
        subject=letters[0].subject,
        text=render_text(head, letters),
        html=render_html(head, letters),
        template=template,
        language=letters[0].language,
    )
