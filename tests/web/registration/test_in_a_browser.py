"""Each page in a real browser: no sideways scrolling at 320 and 1280 pixels, nothing for axe to find (WCAG 2.2 AA)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from werkzeug.serving import make_server

from tests.support.browser import (
    LARGE,
    SMALL,
    accessibility_faults,
    faults_on_paper,
    fits,
    keep_screenshot,
    settled,
)
from tests.support.ports import free_port
from tests.support.registration_world import EMI_SUBMIT
from tests.web.registration.conftest import NORA, Pages, open_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from kernel.database import Database
    from tests.support.browser import Visitor

LONG = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewis"
"""A name in which no line can be broken."""
NEXT = "main .kit-button-row >> css=button.govuk-button:not(.govuk-button--secondary)"


@dataclass
class Site:
    """Registration's pages behind a real address."""

    pages: Pages
    url: str

    def visit(self, visitor: Visitor, who: str, language: str) -> Page:
        """Open a tab in which ``who`` is signed in and reads ``language``."""
        cookie = self.pages.browser(who).get_cookie("registration_session", domain="127.0.0.1")
        assert cookie
        values = {"registration_session": cookie.value, "registration_language": language}
        visitor.context.clear_cookies()
        visitor.context.add_cookies(
            [{"name": name, "value": value, "url": self.url} for name, value in values.items()]
        )
        return visitor.open()


@pytest.fixture
def site(sqlite_registration_database: Database) -> Iterator[Site]:
    """Serve the pages on a free port of this machine."""
    port = free_port()
    pages = open_pages(sqlite_registration_database, public_url=f"http://127.0.0.1:{port}")
    server = make_server("127.0.0.1", port, pages.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(pages, f"http://127.0.0.1:{port}")
    server.shutdown()
    thread.join()
    server.server_close()


def look(page: Page, name: str) -> None:
    """Look at the page as it stands, small and large."""
    page.wait_for_load_state()
    for size, width in ((LARGE, 1280), (SMALL, 320)):
        page.set_viewport_size(size)  # type: ignore[arg-type]  # a plain dictionary
        assert fits(page), f"{name} at {width}"
        keep_screenshot(page, f"{name}-{width}")
    assert accessibility_faults(page) == [], name
    assert faults_on_paper(page) == [], name
    page.set_viewport_size(LARGE)  # type: ignore[arg-type]


def fill_in_nora(page: Page) -> None:
    """Fill in the form of a new person."""
    for name, value in NORA.items():
        if name == "country":
            page.select_option("#country", value)
        elif name != "language":
            page.fill(f"#{name}", value)


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("fr", "dark")])
def test_every_page_of_the_administrators_can_be_seen_and_used(
    site: Site, browser: Visitor, language: str, scheme: str
) -> None:
    """Step 3 of the first story, every page on the way, with its errors."""
    page = site.visit(browser, "ra", language)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    tag = f"registration-{language}-{scheme}"

    org = f"/organizations/{site.pages.organization_id}"
    person = site.pages.world.people["pc"].person_id
    site.pages.world.grant("ra", site.pages.world.person("pc"), EMI_SUBMIT)
    for path, name in (
        ("/", "news"),
        ("/actions", "actions"),
        ("/me", "me"),
        ("/help", "help"),
        ("/requests", "requests"),
        (org, "organization"),
        (f"{org}/persons/{person}", "person"),
    ):
        page.goto(site.url + path)
        look(page, f"{tag}-{name}")
    page.goto(f"{site.url}{org}/access")
    page.click(NEXT)
    look(page, f"{tag}-type-error")
    page.check("input[value=grant]")
    page.click(NEXT)
    look(page, f"{tag}-account")
    page.click(NEXT)
    page.click(NEXT)
    look(page, f"{tag}-search-error")
    assert settled(page).evaluate("document.activeElement.className") == "govuk-error-summary"
    page.fill("#last_name", "r")
    page.click(NEXT)
    look(page, f"{tag}-select")
    page.click(NEXT)
    look(page, f"{tag}-select-error")
    page.goto(page.url.replace("/select", "/register"))
    page.fill("#last_name", "")
    page.click(NEXT)
    look(page, f"{tag}-register-error")
    fill_in_nora(page)
    page.fill("#last_name", LONG)
    page.click(NEXT)
    look(page, f"{tag}-confirm-person")
    page.click(NEXT)
    look(page, f"{tag}-roles")
    page.click(NEXT)
    look(page, f"{tag}-roles-error")
    page.check("#role")
    page.locator(NEXT).last.click()
    page.wait_for_url("**/confirm-grant")
    look(page, f"{tag}-confirm-grant")
    page.click(NEXT)
    page.wait_for_url("**/requests/*")
    look(page, f"{tag}-request-waiting")
    site.pages.world.settle()
    page.locator("#request-status .govuk-tag--green").wait_for()
    look(page, f"{tag}-request-live")
    for path, name in (("/requests", "requests"), (org, "organization")):
        page.goto(site.url + path)
        look(page, f"{tag}-{name}-long")


@pytest.mark.parametrize(("language", "scheme"), [("en", "dark"), ("fr", "light")])
def test_every_page_of_a_revocation_can_be_seen_and_used(
    site: Site, browser: Visitor, language: str, scheme: str
) -> None:
    """Step 9 of the first story."""
    site.pages.world.grant("ra", site.pages.world.person("pc"), EMI_SUBMIT)
    page = site.visit(browser, "ra", language)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    tag = f"registration-{language}-{scheme}"
    page.goto(f"{site.url}/access")
    page.check("input[value=revoke]")
    page.click(NEXT)
    page.click(NEXT)
    page.fill("#last_name", "Prime")
    page.click(NEXT)
    page.check("#person_id")
    page.click(NEXT)
    look(page, f"{tag}-held")
    page.click(NEXT)
    look(page, f"{tag}-held-error")
    page.check("#role")
    page.click(NEXT)
    look(page, f"{tag}-confirm-revoke")
    for path, name in (("/nowhere", "not-found"), ("/operator/organizations", "forbidden")):
        page.goto(site.url + path)
        look(page, f"{tag}-{name}")


@pytest.mark.parametrize(("language", "scheme"), [("en", "dark"), ("fr", "light")])
def test_every_page_of_customer_relations_can_be_seen_and_used(
    site: Site, browser: Visitor, language: str, scheme: str
) -> None:
    """Step 2 of the first story."""
    page = site.visit(browser, "cr", language)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    tag = f"registration-{language}-{scheme}"
    page.goto(f"{site.url}/operator/organizations")
    look(page, f"{tag}-operator")
    page.locator("main form button").first.click()
    page.click(NEXT)
    look(page, f"{tag}-organization-error")
    page.fill("#legal_name", "North River Power Limited")
    page.fill("#short_name", "NORTH RIVER")
    page.check("input[value=generator]")
    page.click(NEXT)
    look(page, f"{tag}-organization-confirm")
    page.click(NEXT)
    look(page, f"{tag}-organization-new")
    page.locator("main form button").first.click()
    page.fill("#last_name", "Field")
    page.click(NEXT)
    look(page, f"{tag}-nobody-found")
    page.goto(page.url.replace("/select", "/register"))
    fill_in_nora(page)
    page.click(NEXT)
    page.click(NEXT)
    page.click(NEXT)
    look(page, f"{tag}-representative-error")
    page.fill("#evidence", "Agreement 2026-11")
    page.click(NEXT)
    page.wait_for_url("**/requests/*")


def test_granting_works_without_javascript(site: Site, plain_browser: Visitor) -> None:
    """gateway.md bar 2: every flow but passkeys."""
    page = site.visit(plain_browser, "ra", "en")
    page.goto(f"{site.url}/access")
    page.check("input[value=grant]")
    page.click(NEXT)
    page.click(NEXT)
    page.fill("#last_name", "Prime")
    page.click(NEXT)
    page.check("#person_id")
    page.click(NEXT)
    page.check("#role")
    page.locator(NEXT).last.click()
    page.click(NEXT)
    page.wait_for_url("**/requests/*")
    assert "Request" in settled(page).title()


def test_a_double_click_makes_one_request(site: Site, browser: Visitor) -> None:
    """I-22: in the browser and on the server."""
    page = site.visit(browser, "ra", "en")
    page.goto(f"{site.url}/access")
    page.check("input[value=grant]")
    page.click(NEXT)
    page.click(NEXT)
    page.fill("#last_name", "Prime")
    page.click(NEXT)
    page.check("#person_id")
    page.click(NEXT)
    page.check("#role")
    page.locator(NEXT).last.click()
    page.dblclick(NEXT)
    page.wait_for_url("**/requests/*")
    granted = site.pages.browser("cr").get("/requests").text.count("Grant access roles")
    assert granted == 1
