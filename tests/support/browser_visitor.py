"""A person of the story in a real browser: the same interface as the browser without a screen.

What stands on a page is read from the page's own HTML; what is done is done with the mouse and the keyboard, on
what the person can see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin

from switchyard.visitor import Form, LostError, Page, Values, read_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from playwright.sync_api import Locator
    from playwright.sync_api import Page as Tab

    from tests.support.browser import Visitor


class BrowserVisitor:
    """One person in a real browser; ``open_browser`` gives a fresh profile."""

    def __init__(self, open_browser: Callable[[], Visitor]) -> None:
        self._open_browser = open_browser
        self.browser = open_browser()
        self.tab: Tab = self.browser.open()
        self.page = Page("about:blank", 0, "")

    def another(self) -> BrowserVisitor:
        """Return a stranger with a profile of her own."""
        return BrowserVisitor(self._open_browser)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the profile."""
        self.browser.context.close()

    def open(self, url: str) -> Page:
        """Go to ``url`` and return the page on which that ends."""
        answer = self.tab.goto(urljoin(self.page.url, url), wait_until="load")
        return self._look(answer.status if answer is not None else 200)

    def follow(self, wanted: str) -> Page:
        """Click the link whose text or address contains ``wanted``."""
        address = self.page.link(wanted)
        for link in self.tab.locator("a").all():
            if urljoin(self.page.url, link.get_attribute("href") or "") == address and link.is_visible():
                return self._click(link)
        raise LostError(f"the link {wanted!r} cannot be seen on {self.page}")

    def submit(
        self, values: Mapping[str, Values] | None = None, *, press: str = "", form: Form | None = None
    ) -> Page:
        """Fill in a form of the page and press a button; a form of the page before is found by going back."""
        if form is not None and not self._shows(form):
            self.tab.go_back(wait_until="load")
            self._look(200)
            if not self._shows(form):
                # Going back led on to where that form had led: there is nothing left to press.
                return self.page
        number, chosen = self._number_of(values or {}, press, form)
        place = self.tab.locator("form").nth(number)
        for name, value in (values or {}).items():
            self._fill(place, chosen, name, value)
        return self._click(_button(place, press))

    def expect(self, *wanted: str, status: int = 200) -> Page:
        """Return the page if it has that status and all the words."""
        if self.page.status != status:
            raise LostError(f"expected {status}, got {self.page}")
        missing = [word for word in wanted if word.casefold() not in self.page.text.casefold()]
        if missing:
            raise LostError(f"{missing} does not stand on {self.page}")
        return self.page

    def _shows(self, form: Form) -> bool:
        return any(each.action == form.action and each.names == form.names for each in self.page.forms)

    def _number_of(self, values: Mapping[str, Values], press: str, form: Form | None) -> tuple[int, Form]:
        forms = self.page.forms
        if form is not None and form not in forms:
            form = next(each for each in forms if each.action == form.action and each.names == form.names)
        if form is None and not press:
            form = next((each for each in forms if set(values) <= each.names and values), None)
        chosen = form or self.page.form(press)
        return forms.index(chosen), chosen

    def _fill(self, place: Locator, form: Form, name: str, value: Values) -> None:
        if any(choice.name == name for choice in form.choices):
            wanted = {value} if isinstance(value, str) else set(value)
            field = place.locator(f'[name="{name}"]')
            if field.first.evaluate("each => each.tagName") == "SELECT":
                field.select_option(list(wanted))
                return
            for box in field.all():
                box.set_checked(True) if box.get_attribute("value") in wanted else None
            return
        if form.fields.get(name) is None:
            raise LostError(f"no field {name} on {self.page}")
        place.locator(f'[name="{name}"]').fill(value if isinstance(value, str) else value[0])

    def _click(self, target: Locator) -> Page:
        with self.tab.expect_navigation(wait_until="load") as navigation:
            target.click()
        answer = navigation.value
        return self._look(answer.status if answer is not None else 200)

    def _look(self, status: int) -> Page:
        self.page = read_page(self.tab.url, status, self.tab.content())
        return self.page


def _button(place: Locator, press: str) -> Locator:
    named = place.get_by_role("button", name=press, exact=True)
    if press and named.count():
        return named.first
    loose = (
        place.get_by_role("button", name=press) if press and "/" not in press else place.locator("nothing")
    )
    return loose.first if loose.count() else place.locator("button[type=submit], button:not([type])").first
