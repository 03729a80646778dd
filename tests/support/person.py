"""A person with a browser that runs no scripts: signs in, consents and signs out by the stable ids of our pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from switchyard.visitor import Form, Page, read_page

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_MOST_STEPS = 30
SIGN_IN, CONSENT, SIGN_OUT, ANSWER = "login-submit", "consent-allow", "logout-confirm", "continue"
DENY, CANCEL = "consent-deny", "login-cancel"


class StrandedError(AssertionError):
    """The way ended on a page that the person cannot get past; the message tells what stands on it."""


@dataclass(frozen=True)
class Arrival:
    """Where a browser was sent outside of the Gateway: by redirect, or by a form that it posts."""

    url: str
    posted: dict[str, str] = field(default_factory=dict)

    @property
    def answer(self) -> dict[str, str]:
        """The parameters, from the body, the query or the fragment."""
        parts = urlsplit(self.url)
        said = parse_qs(parts.query, keep_blank_values=True) | parse_qs(
            parts.fragment, keep_blank_values=True
        )
        return {name: values[0] for name, values in said.items()} | self.posted

    @property
    def place(self) -> str:
        """The address without its query and fragment."""
        return urlsplit(self.url)._replace(query="", fragment="").geturl()


class Person:
    """Goes where a link leads and presses what the pages of the Gateway offer.

    ``pressed`` holds the ids of the buttons that were pressed, in order; the page with the button ``stops_at``
    ends the way. Who ``denies`` does not allow what a client asks for, who ``cancels`` does not even sign in. Other servers are followed when their
    origin is among ``known``; any other place ends the way.
    """

    def __init__(
        self,
        issuer: str,
        verify: ssl.SSLContext,
        *,
        user_name: str = "alice",
        password: str = "alice-in-the-lab",
        known: tuple[str, ...] = (),
    ) -> None:
        self.issuer = issuer
        self.user_name, self.password = user_name, password
        self.pressed: list[str] = []
        self.stops_at = ""
        self.denies = self.cancels = False
        self._known = (issuer, *known)
        self.browser = httpx.Client(verify=verify, timeout=30, headers={"Accept": "text/html"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self.browser.close()

    def go(self, url: str) -> Arrival | Page:
        """Go to ``url`` and on: to the application that one is sent to, or the page on which nothing is pressed."""
        return self._follow(url, None)

    def arrive(self, url: str) -> Arrival:
        """Go to ``url`` and return where one is sent.

        Raises:
            StrandedError: if the way ends on a page.
        """
        found = self.go(url)
        if isinstance(found, Page):
            raise StrandedError(f"{found} {found.text[:600]}")
        return found

    def send(self, url: str, fields: Mapping[str, str]) -> Arrival | Page:
        """Post a form of an application to ``url``, and go on from there."""
        return self._follow(url, dict(fields), origin="null")

    def forget(self) -> None:
        """Lose every cookie."""
        self.browser.cookies.clear()

    def _follow(self, url: str, fields: dict[str, Any] | None, *, origin: str = "") -> Arrival | Page:
        for _ in range(_MOST_STEPS):
            if not url.startswith(tuple(f"{each}/" for each in self._known)) and url not in self._known:
                return Arrival(url, fields or {})
            answer = (
                self.browser.get(url)
                if fields is None
                else self.browser.post(url, data=fields, headers={"Origin": origin or self.issuer})
            )
            if answer.is_redirect:
                url, fields, origin = urljoin(str(answer.url), answer.headers["location"]), None, ""
                continue
            page = read_page(str(answer.url), answer.status_code, answer.text)
            pressed = self._press(page)
            if pressed is None:
                return page
            url, fields = pressed
            origin = ""
        raise StrandedError(f"the way does not end: {self.pressed}")

    def _press(self, page: Page) -> tuple[str, dict[str, Any]] | None:
        """Return where the page's form goes when its button is pressed, and what it sends."""
        known = {CANCEL if self.cancels else SIGN_IN, DENY if self.denies else CONSENT, SIGN_OUT, ANSWER}
        for form in page.forms:
            for button in form.buttons:
                if button.id not in known:
                    continue
                if button.id == self.stops_at:
                    return None
                if button.id == SIGN_IN and self.pressed[-1:] == [SIGN_IN]:
                    return None  # the same page again says what was wrong
                self.pressed.append(button.id)
                sent = self._filled(form)
                if button.name:
                    sent[button.name] = button.value
                return button.action or form.action, sent
        return None

    def _filled(self, form: Form) -> dict[str, Any]:
        sent: dict[str, Any] = {name: held[0] for name, held in form.fields.items() if held}
        typed = {"username": self.user_name, "password": self.password}
        return sent | {form.ids[each]: text for each, text in typed.items() if each in form.ids}
