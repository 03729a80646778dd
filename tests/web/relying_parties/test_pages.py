"""The pages in a real browser: the whole way with and without JavaScript, accessible, from 320 pixels on."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from relying_parties.app import make_applications
from tests.support.browser import SMALL, Visitor, accessibility_faults, fits, keep_screenshot
from tests.support.fake_op import FakeOP
from tests.support.ports import free_port
from tests.web.relying_parties.conftest import EMI, PUBLIC, REPORTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from kernel.clock import FrozenClock
    from relying_parties.settings import ApplicationsSettings


@pytest.fixture
def place(settings: ApplicationsSettings, op: FakeOP, clock: FrozenClock) -> Iterator[str]:
    """The applications on a port of their own; yields their address."""
    public = f"http://127.0.0.1:{free_port()}"
    for client in op.clients.values():
        client.redirect_uri = client.redirect_uri.replace(PUBLIC, public)
    moved = tuple(replace(each, public_url=public) for each in settings.applications)
    app = make_applications(replace(settings, applications=moved, web_services=()), clock=clock)
    server = make_server("127.0.0.1", int(public.rpartition(":")[2]), app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield public
    server.shutdown()
    thread.join()
    server.server_close()


def submit_an_offer(page: Page, place: str) -> None:
    """Sign in, fill the form, check it and submit it."""
    page.goto(place + EMI)
    page.get_by_label("Delivery date").fill("2026-06-02")
    page.get_by_label("From hour ending").fill("8")
    page.get_by_label("To hour ending").fill("20")
    page.get_by_label("Quantity (MW)").fill("45.5")
    page.get_by_label("Price ($/MWh)").fill("38.25")
    page.get_by_role("button", name="Check the offer").click()
    page.get_by_role("button", name="Submit to the market").click()


def test_a_person_signs_in_submits_an_offer_and_signs_out(any_browser: Visitor, place: str) -> None:
    """With JavaScript and without; the policy lets the sign-out form lead on to the provider and back."""
    page = any_browser.open()
    submit_an_offer(page, place)
    assert page.get_by_role("status").inner_text() == "Offer EMI-000001 was submitted."
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{place}{EMI}signed-out?**")
    assert "and of the sign-in service" in page.inner_text("main")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_is_accessible_and_fits_a_small_screen(
    language: str, browser: Visitor, place: str, op: FakeOP
) -> None:
    """WCAG 2.2 AA by axe, and no sideways scrolling, at 1280 and at 320 pixels, in both languages."""
    op.access += [{**op.access[0], "role": role} for role in ("reports-settlement", "reports-dispatch")]
    page = browser.open()
    submit_an_offer(page, place)
    page.goto(f"{place}/?lang={language}")
    paths = (
        "/",
        EMI,
        f"{EMI}offers/1",
        f"{EMI}callback?state=made-up",
        REPORTS,
        f"{REPORTS}folders/101234/settlement/",
        f"{REPORTS}folders/101234/dispatch/nothing",
        f"{REPORTS}signed-out",
    )
    for size in (page.viewport_size, SMALL):
        assert size
        page.set_viewport_size(size)
        for path in paths:
            page.goto(place + path)
            keep_screenshot(page, f"applications-{language}-{size['width']}-{paths.index(path)}")
            assert accessibility_faults(page) == [], path
            assert fits(page), path
            assert page.locator("html").get_attribute("lang") == language


def test_a_refused_form_shows_its_faults_first(browser: Visitor, place: str) -> None:
    """The summary has the focus and leads to each field."""
    page = browser.open(place + EMI)
    page.get_by_role("button", name="Check the offer").click()
    expect(page.locator(".summary")).to_be_focused()
    assert accessibility_faults(page) == []
    page.get_by_role("link", name="Enter the price as a number").click()
    expect(page.get_by_label("Price ($/MWh)")).to_be_focused()
