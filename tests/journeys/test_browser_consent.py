"""What people let applications and devices have, in a real browser: the pages that ask, and the list."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from idp.usecases.register_client import ClientOrder, Registered, register_client
from kernel.audit import SYSTEM
from tests.support.browser import examined, settled
from tests.support.gateway import PASSWORD, Journey, PagesGateway, a_gateway, authorize_path, totp_code
from tests.support.ports import free_port
from tests.support.television import a_television

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.browser import Visitor

CROW = "https://crow.example/"
LONG = "Outage Management of Northern Transmission"
ONE_WORD = "Televisionset" * 9


@pytest.fixture
def gateway(sqlite_gateway_database: Database, clock: FrozenClock) -> Iterator[PagesGateway]:
    """Give a Gateway that listens, with somebody else's application."""
    made = a_gateway(sqlite_gateway_database, clock=clock, public_url=f"http://localhost:{free_port()}")
    made.provision()
    order = ClientOrder(
        id="crow",
        name=LONG,
        first_party=False,
        metadata={
            "redirect_uris": [f"{CROW}callback"],
            "scope": "openid profile email access offline_access",
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
            "policy_uri": f"{CROW}policy",
            "tos_uri": f"{CROW}terms",
        },
    )
    assert isinstance(register_client(made.services, order, actor=SYSTEM), Registered)
    with made.serve():
        yield made


def sign_in(page: Page, gateway: PagesGateway, clock: FrozenClock) -> None:
    """Set Nora's account up behind the scenes, and sign her in here."""
    secret = Journey(gateway).activate()
    clock.advance(dt.timedelta(minutes=1))
    page.goto(gateway.public_url)
    page.fill("#username", "fieldn")
    page.fill("#password", PASSWORD)
    page.click("#login-submit")
    page.fill("#code", totp_code(secret, clock))
    page.click("#code-submit")
    page.wait_for_url(f"{gateway.public_url}/")


def test_a_device_is_let_in(any_browser: Visitor, gateway: PagesGateway, clock: FrozenClock) -> None:
    """RFC 8628 §3.3: from the code that a person types to the list where she takes it back; no script needed."""
    gateway.services.signing.ensure()
    television = a_television(gateway)
    told = television.asks()
    page = any_browser.open()
    sign_in(page, gateway, clock)
    page.goto(f"{gateway.public_url}/device")
    page.fill("#user_code", told["user_code"].lower().replace("-", ""))
    page.click("#device-continue")
    assert settled(page).locator("#device-code").inner_text() == told["user_code"]
    page.click("#device-allow")
    assert settled(page).locator("h1").inner_text() == "Your device is connected"
    clock.advance(dt.timedelta(seconds=5))
    assert "access_token" in television.polls(told)
    page.click("#allowed-applications")
    page.get_by_role("button", name="Take this back: The <Television>").click()
    assert settled(page).locator("#none-allowed").is_visible()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_that_asks_can_be_used_by_everyone(
    browser: Visitor, gateway: PagesGateway, clock: FrozenClock, language: str
) -> None:
    """Bar 3, 4 and 38: no axe finding on a page that asks, or on what was allowed; 320 px are enough."""
    television = a_television(gateway, name=ONE_WORD)
    page = browser.open()
    page.emulate_media(reduced_motion="reduce")  # colours that are still changing have no contrast to measure
    sign_in(page, gateway, clock)
    if language == "fr":
        page.get_by_role("button", name="Français").click()
    faults: list[str] = []

    def look(name: str) -> None:
        faults.extend(examined(page, f"{name}-{language}"))

    page.goto(f"{gateway.public_url}/allowed-applications")
    look("allowed-nothing")
    page.goto(gateway.public_url + authorize_path("crow", CROW, scope="openid profile email offline_access"))
    look("consent")
    page.route(f"{CROW}**", lambda route: route.fulfill(body="<title>Crow</title>"))
    page.click("#consent-allow")
    page.wait_for_url(f"{CROW}**")
    page.goto(f"{gateway.public_url}/device")
    look("device")
    page.click("#device-continue")
    look("device-error")
    for decision in ("deny", "allow"):
        page.goto(f"{gateway.public_url}/device")
        page.fill("#user_code", television.asks()["user_code"])
        page.click("#device-continue")
        look("device-question")
        page.click(f"#device-{decision}")
        look(f"device-{decision}")
    page.goto(f"{gateway.public_url}/allowed-applications")
    assert settled(page).locator("h2").count() == 2
    look("allowed")
    assert faults == []
