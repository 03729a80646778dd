"""A browser without a screen: walks our pages by real HTTP, as a person without JavaScript would.

Owns a cookie jar, reads links and forms from the HTML, and submits forms with their hidden fields. It knows
no page of ours; who walks says what to press. Used by the demonstration and by the journeys of the tests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Self
from urllib.parse import urlencode, urljoin, urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPACE = re.compile(r"\s+")
_HIDDEN_TEXT = {"script", "style", "template", "head"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
Values = str | list[str]


class LostError(Exception):
    """The page is not the one that was expected; the message tells what stands on it."""


@dataclass
class Choice:
    """A radio button, checkbox or option of a list."""

    name: str
    value: str
    label: str = ""
    chosen: bool = False
    id: str = ""


@dataclass
class Button:
    """What submits a form."""

    text: str
    name: str = ""
    value: str = ""
    action: str = ""
    id: str = ""


@dataclass
class Form:
    """One form of a page: where it goes, what it holds, what submits it."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    choices: list[Choice] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    """The name of each field that has an id, by that id."""

    @property
    def names(self) -> set[str]:
        """The names of everything that can be filled in."""
        return set(self.fields) | {choice.name for choice in self.choices}


@dataclass
class Page:
    """What one sees: status, address, heading, text, links and forms."""

    url: str
    status: int
    html: str
    title: str = ""
    heading: str = ""
    text: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)

    def link(self, wanted: str) -> str:
        """Return the address of the first link whose text or address contains `wanted`.

        Raises:
            LostError: if there is none.
        """
        for text, address in self.links:
            if wanted.casefold() in text.casefold() or wanted in address:
                return urljoin(self.url, address)
        raise LostError(f"no link {wanted!r} on {self}: {[text for text, _ in self.links]}")

    def form(self, wanted: str = "") -> Form:
        """Return the form with a button or address that contains `wanted`, or else the main one.

        Raises:
            LostError: if there is none.
        """
        for form in self.forms:
            if wanted and (
                wanted in form.action or any(wanted.casefold() == b.text.casefold() for b in form.buttons)
            ):
                return form
        if wanted:
            for form in self.forms:
                if any(wanted.casefold() in b.text.casefold() for b in form.buttons):
                    return form
            raise LostError(
                f"no form {wanted!r} on {self}: {[b.text for f in self.forms for b in f.buttons]}"
            )
        return max(self.forms, key=lambda form: len(form.names), default=None) or self._nothing()

    def _nothing(self) -> Form:
        raise LostError(f"no form on {self}")

    def __str__(self) -> str:
        """Tell in one line where one is."""
        errors = " ".join(re.findall(r"(?<=Error:)[^.]+\.?", self.text))
        return f"{self.status} {self.url} {self.heading or self.title!r}{' | ' + errors if errors else ''}"


class _Reader(HTMLParser):
    """Collects what a page offers."""

    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self._page = page
        self._open: list[str] = []
        self._form: Form | None = None
        self._link: tuple[str, list[str]] | None = None
        self._button: tuple[Button, list[str]] | None = None
        self._label: tuple[str, list[str]] | None = None
        self._option: tuple[Choice, list[str]] | None = None
        self._select = ""
        self._area: tuple[str, list[str]] | None = None
        self._heading: list[str] | None = None
        self._title: list[str] | None = None
        self._labels: dict[str, str] = {}
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open what the tag opens."""
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append(tag)
        opener = getattr(self, f"_open_{tag}", None)
        if opener is not None:
            opener(given)

    def handle_endtag(self, tag: str) -> None:
        """Close what the tag closes."""
        while self._open and self._open.pop() != tag:
            pass
        closer = getattr(self, f"_close_{tag}", None)
        if closer is not None:
            closer()

    def handle_data(self, data: str) -> None:
        """Give the text to everything that is open."""
        for taker in (self._link, self._button, self._label, self._option, self._area):
            if taker is not None:
                taker[1].append(data)
        if self._heading is not None:
            self._heading.append(data)
        if self._title is not None:
            self._title.append(data)
        if not _HIDDEN_TEXT.intersection(self._open):
            self._text.append(data)

    def finish(self) -> None:
        """Join labels and choices, and give the text to the page."""
        self._page.text = _squeezed("\n".join(self._text))
        for form in self._page.forms:
            for choice in form.choices:
                choice.label = choice.label or self._labels.get(choice.id, "")

    def _open_title(self, _given: Mapping[str, str]) -> None:
        if not self._page.title:
            self._title = []

    def _close_title(self) -> None:
        if self._title is not None:
            self._page.title, self._title = _squeezed("".join(self._title)), None

    def _open_h1(self, _given: Mapping[str, str]) -> None:
        self._heading = []

    def _close_h1(self) -> None:
        if self._heading is not None:
            self._page.heading, self._heading = _squeezed("".join(self._heading)), None

    def _open_a(self, given: Mapping[str, str]) -> None:
        self._link = (given.get("href", ""), [])

    def _close_a(self) -> None:
        if self._link is not None:
            self._page.links.append((_squeezed("".join(self._link[1])), self._link[0]))
            self._link = None

    def _open_form(self, given: Mapping[str, str]) -> None:
        action = urljoin(self._page.url, given.get("action") or self._page.url)
        self._form = Form(action, given.get("method", "get").lower())
        self._page.forms.append(self._form)

    def _close_form(self) -> None:
        self._form = None

    def _open_input(self, given: Mapping[str, str]) -> None:
        kind, name = given.get("type", "text").lower(), given.get("name", "")
        if self._form is None or "disabled" in given:
            return
        if kind in {"submit", "image"}:
            self._form.buttons.append(Button(given.get("value", ""), name, given.get("value", "")))
        elif not name or kind in {"button", "reset", "file"}:
            return
        elif kind in {"radio", "checkbox"}:
            choice = Choice(name, given.get("value", "on"), chosen="checked" in given, id=given.get("id", ""))
            self._form.choices.append(choice)
        else:
            self._form.fields.setdefault(name, []).append(given.get("value", ""))
            if "id" in given:
                self._form.ids[given["id"]] = name

    def _open_button(self, given: Mapping[str, str]) -> None:
        if given.get("type", "submit") == "submit" and self._form is not None:
            action = urljoin(self._page.url, given["formaction"]) if "formaction" in given else ""
            button = Button("", given.get("name", ""), given.get("value", ""), action, given.get("id", ""))
            self._button = (button, [])
            self._form.buttons.append(self._button[0])

    def _close_button(self) -> None:
        if self._button is not None:
            self._button[0].text = _squeezed("".join(self._button[1]))
            self._button = None

    def _open_label(self, given: Mapping[str, str]) -> None:
        self._label = (given.get("for", ""), [])

    def _close_label(self) -> None:
        if self._label is not None:
            self._labels[self._label[0]] = _squeezed("".join(self._label[1]))
            self._label = None

    def _open_select(self, given: Mapping[str, str]) -> None:
        self._select = given.get("name", "")

    def _close_select(self) -> None:
        self._select = ""

    def _open_option(self, given: Mapping[str, str]) -> None:
        if self._form is not None and self._select:
            choice = Choice(self._select, given.get("value", ""), chosen="selected" in given)
            self._form.choices.append(choice)
            self._option = (choice, [])

    def _close_option(self) -> None:
        if self._option is not None:
            self._option[0].label = _squeezed("".join(self._option[1]))
            self._option = None

    def _open_textarea(self, given: Mapping[str, str]) -> None:
        self._area = (given.get("name", ""), [])

    def _close_textarea(self) -> None:
        if self._area is not None and self._form is not None and self._area[0]:
            self._form.fields.setdefault(self._area[0], []).append("".join(self._area[1]).removeprefix("\n"))
        self._area = None


def _squeezed(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def read_page(url: str, status: int, html: str) -> Page:
    """Return the page that `html` makes."""
    page = Page(url, status, html)
    reader = _Reader(page)
    reader.feed(html)
    reader.close()
    reader.finish()
    return page


class Visitor:
    """One person's browser. A context manager that closes its connections."""

    def __init__(self, name: str = "somebody", *, timeout: float = 30.0) -> None:
        self.name = name
        self.client = httpx.Client(
            follow_redirects=True,
            timeout=timeout,
            headers={"User-Agent": "Switchyard-Visitor/1", "Accept": "text/html", "Accept-Language": "en"},
        )
        self.page = Page("about:blank", 0, "")

    def another(self) -> Self:
        """Return the browser of somebody else: another jar of cookies."""
        return type(self)()

    def __enter__(self) -> Self:
        """Open the browser."""
        return self

    def __exit__(self, *_reason: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self.client.close()

    def open(self, url: str) -> Page:
        """Go to `url` and return the page on which that ends."""
        return self._show(self.client.get(urljoin(self.page.url, url)))

    def follow(self, wanted: str) -> Page:
        """Click the link whose text or address contains `wanted`."""
        return self.open(self.page.link(wanted))

    def submit(
        self, values: Mapping[str, Values] | None = None, *, press: str = "", form: Form | None = None
    ) -> Page:
        """Fill in a form of the page and press a button.

        `press` is the button's text (or a part of the form's address); without it the form that has these
        fields and its first button are meant. Values go to fields by name; every other field is sent as the
        page had it.

        Raises:
            LostError: if the page has no such form or the form no such field.
        """
        chosen = form or self._meant(press, set(values or {}))
        unknown = set(values or {}) - chosen.names
        if unknown:
            raise LostError(f"no field {sorted(unknown)} in the form of {self.page}: {sorted(chosen.names)}")
        sent = _filled(chosen, values or {})
        button = _pressed(chosen, press)
        if button is not None and button.name:
            sent.append((button.name, button.value))
        target = (button.action if button is not None else "") or chosen.action
        if chosen.method == "get":
            return self.open(urlsplit(target)._replace(query=urlencode(sent)).geturl())
        page = urlsplit(self.page.url)
        body: dict[str, list[str]] = {}
        for name, value in sent:
            body.setdefault(name, []).append(value)
        headers = {"Origin": f"{page.scheme}://{page.netloc}", "Referer": self.page.url}
        return self._show(self.client.post(target, data=body, headers=headers))

    def _meant(self, press: str, names: set[str]) -> Form:
        if not press and names:
            for form in self.page.forms:
                if names <= form.names:
                    return form
        return self.page.form(press)

    def expect(self, *wanted: str, status: int = 200) -> Page:
        """Return the page if it has that status and all the words.

        Raises:
            LostError: naming what is missing.
        """
        if self.page.status != status:
            raise LostError(f"expected {status}, got {self.page}")
        missing = [word for word in wanted if word.casefold() not in self.page.text.casefold()]
        if missing:
            raise LostError(f"{missing} does not stand on {self.page}")
        return self.page

    def _show(self, answer: httpx.Response) -> Page:
        self.page = read_page(str(answer.url), answer.status_code, answer.text)
        return self.page


def _filled(form: Form, values: Mapping[str, Values]) -> list[tuple[str, str]]:
    sent: list[tuple[str, str]] = []
    for name, present in form.fields.items():
        given = values.get(name)
        sent += [(name, value) for value in (present if given is None else _several(given))]
    named = {choice.name for choice in form.choices}
    for name in sorted(named):
        if name in values:
            sent += [(name, value) for value in _several(values[name])]
        else:
            sent += [(name, choice.value) for choice in form.choices if choice.name == name and choice.chosen]
    return sent


def _several(given: Values) -> list[str]:
    return [given] if isinstance(given, str) else given


def _pressed(form: Form, press: str) -> Button | None:
    wanted = press.casefold()
    for button in form.buttons:
        if wanted and button.text.casefold() == wanted:
            return button
    for button in form.buttons:
        if wanted and wanted in button.text.casefold():
            return button
    return form.buttons[0] if form.buttons else None
