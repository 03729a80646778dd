"""Filling in forms as a person does: hidden fields travel along, nothing is posted that the page does not offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

Values = Mapping[str, str | Sequence[str]]


@dataclass
class Form:
    """One form of a page: where it goes and what it would send untouched."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select = ""
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        name = values.get("name") or ""
        if tag == "form":
            self._open = Form(values.get("action") or "", (values.get("method") or "get").lower())
            self.forms.append(self._open)
        elif self._open is None:
            return
        elif tag == "input" and name and "disabled" not in values:
            self._open.names.add(name)
            kind = values.get("type") or "text"
            if kind not in ("checkbox", "radio") or "checked" in values:
                self._open.fields.setdefault(name, []).append(values.get("value") or "")
        elif tag == "button" and name:
            self._open.names.add(name)
            self._open.buttons.append((name, values.get("value") or ""))
        elif tag == "select" and name:
            self._open.names.add(name)
            self._select = name
        elif tag == "option" and self._select and "selected" in values:
            self._open.fields[self._select] = [values.get("value") or ""]
        elif tag == "textarea" and name:
            self._open.names.add(name)
            self._area = name

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area and self._open is not None:
            self._open.fields.setdefault(self._area, []).append(data.removeprefix("\n"))


def forms_of(html: str) -> list[Form]:
    """Return the forms of a page in order."""
    parser = _Forms()
    parser.feed(html)
    return parser.forms


def form_with(html: str, *names: str, action: str | None = None) -> Form:
    """Return the first form that has all the named fields or buttons (and goes to ``action``)."""
    for form in forms_of(html):
        if set(names) <= form.names and action in (None, form.action):
            return form
    raise AssertionError(f"no form with {names} {action or ''} on the page")


def submit(
    client: FlaskClient,
    page: TestResponse,
    values: Values | None = None,
    *,
    action: str | None = None,
    follow: bool = False,
) -> TestResponse:
    """Fill ``values`` into the form of ``page`` that has these fields, and send it.

    Fields that the form does not have are an error: a person could not have filled them in.
    """
    chosen = form_with(page.text, *(values or {}), action=action)
    data: dict[str, str | Sequence[str]] = {**chosen.fields, **(values or {})}
    target = chosen.action or page.request.path
    if chosen.method == "get":
        return client.get(target, query_string=data, follow_redirects=follow)
    return client.post(target, data=data, follow_redirects=follow)


def token_of(html: str) -> str:
    """Return a form token of the page."""
    return form_with(html, "csrf_token").fields["csrf_token"][0]
