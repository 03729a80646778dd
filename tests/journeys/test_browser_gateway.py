"""The Gateway's pages in a real browser: activation, passkeys, signing in, with JavaScript and without."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import examined, settled
from tests.support.gateway import (
    ANSWER,
    PASSWORD,
    Journey,
    PagesGateway,
    a_gateway,
    authorize_path,
    totp_code,
)
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.browser import Visitor


EMI = "https://apps.example/apps/emi/"
CROW = "https://apps.example/apps/crow/"


@pytest.fixture
def gateway(sqlite_gateway_database: Database, clock: FrozenClock) -> Iterator[PagesGateway]:
    """Give a Gateway that listens, with Nora's account waiting for activation."""
    made = a_gateway(sqlite_gateway_database, clock=clock, public_url=f"http://localhost:{free_port()}")
    nora = made.provision()
    made.application("emi", "Energy Market Interface", EMI, nora)
    made.application("crow", "CROW Outage Management", CROW)
    with made.serve():
        yield made


def heading(page: Page) -> str:
    """Return the heading of the page."""
    return settled(page).locator("h1").inner_text()


def create_password(page: Page, gateway: PagesGateway) -> None:
    """Open the link from the mail and create the password."""
    page.goto(gateway.public_url + gateway.activation_path())
    page.fill("#password", PASSWORD)
    page.fill("#repeat", PASSWORD)
    page.click("#activate-submit")


def set_question(page: Page) -> None:
    """Choose the first question."""
    page.check("#question")
    page.fill("#answer", ANSWER)
    page.click("#question-submit")


def set_up_app(page: Page, clock: FrozenClock) -> str:
    """Choose the authenticator app, read its key as a person would and give the code."""
    page.get_by_label("Authenticator app").check()
    page.click("#method-submit")
    page.locator("summary").first.click()
    secret = page.locator("#totp-secret").inner_text()
    assert page.locator("#qr svg").bounding_box() is not None
    page.fill("#code", totp_code(secret, clock))
    page.click("#code-submit")
    return secret


def activate(page: Page, gateway: PagesGateway, clock: FrozenClock) -> str:
    """Go from the link to the dashboard."""
    create_password(page, gateway)
    set_question(page)
    secret = set_up_app(page, clock)
    page.click("#finish-submit")
    return secret


def sign_out(page: Page) -> None:
    """Sign out by the header's link and its question."""
    page.get_by_role("link", name="Sign out").click()
    page.click("#sign-out-submit")
    assert heading(page) == "You are signed out"


def test_a_person_activates_signs_out_and_signs_in_again(
    any_browser: Visitor, gateway: PagesGateway, clock: FrozenClock
) -> None:
    """Story steps 6 and 8, bar 2: the whole way with JavaScript and without."""
    page = any_browser.open()
    secret = activate(page, gateway, clock)
    assert heading(page) == "Your applications"
    tiles = page.locator("#applications a")
    assert tiles.count() == 1
    assert "Energy Market Interface" in tiles.first.inner_text()
    sign_out(page)

    clock.advance(dt.timedelta(minutes=1))
    page.goto(gateway.public_url)
    page.fill("#username", "FieldN")
    page.fill("#password", PASSWORD)
    page.check("#remember")
    page.click("#login-submit")
    right = totp_code(secret, clock)
    page.fill("#code", right[:-1] + str((int(right[-1]) + 5) % 10))
    page.click("#code-submit")
    assert "That code is not correct." in page.locator("#code-error").inner_text()
    assert settled(page).title().startswith("Error:")
    page.fill("#code", f"{right[:3]} {right[3:]}")
    page.click("#code-submit")
    assert heading(page) == "Your applications"

    sign_out(page)
    page.goto(gateway.public_url)
    assert page.input_value("#username") == "FieldN"
    page.locator("#applications a, #login-form").first.wait_for()


def test_a_refused_password_says_why_with_and_without_a_script(
    any_browser: Visitor, gateway: PagesGateway
) -> None:
    """G-55: the reasons stand in the summary, and the first at its field; the password is typed again."""
    page = any_browser.open(gateway.public_url + gateway.activation_path())
    page.fill("#password", "short")
    page.fill("#repeat", "other")
    page.click("#activate-submit")
    summary = page.locator(".govuk-error-summary")
    assert "at least 8 characters" in summary.inner_text()
    assert "Add an upper-case letter." in summary.inner_text()
    assert "not the same" in page.locator("#repeat-error").inner_text()
    assert page.input_value("#password") == ""
    if any_browser.javascript:
        assert settled(page).evaluate("document.activeElement.className") == "govuk-error-summary"


def test_requirements_turn_to_met_while_one_types(browser: Visitor, gateway: PagesGateway) -> None:
    """gateway.md 6.3: each line that is met says so, and the count is said after a pause."""
    page = browser.open(gateway.public_url + gateway.activation_path())
    page.fill("#password", "aB")
    assert page.locator("[data-rule=upper_and_lower]").get_attribute("data-met") == "true"
    assert page.locator("[data-rule=length]").get_attribute("data-met") == "false"
    page.fill("#password", "aB cdefg<1")
    assert page.locator("[data-rule=length]").get_attribute("data-met") == "true"
    assert page.locator("[data-rule=forbidden]").get_attribute("data-met") == "false"
    assert page.locator("[data-rule=no_spaces]").get_attribute("data-met") == "false"
    page.fill("#password", PASSWORD)
    for rule in ("length", "upper_and_lower", "digit", "special", "forbidden", "no_spaces"):
        assert page.locator(f"[data-rule={rule}]").get_attribute("data-met") == "true", rule
    page.get_by_text("Requirements met: 6 of 6.").wait_for(state="attached")


def test_one_show_button_shows_both_fields(browser: Visitor, gateway: PagesGateway) -> None:
    """gateway.md 6.3: one Show for both; what is sent is hidden again."""
    page = browser.open(gateway.public_url + gateway.activation_path())
    assert settled(page).locator(".govuk-password-input button").count() == 1
    page.locator(".govuk-password-input button").click()
    assert page.get_attribute("#password", "type") == "text"
    assert page.get_attribute("#repeat", "type") == "text"


def test_a_passkey_is_made_and_signs_in_alone(browser: Visitor, gateway: PagesGateway) -> None:
    """Bar 22, WA-*: enrolment with user verification, then a sign-in without user ID, password and code."""
    page = browser.open(gateway.public_url)
    device = browser.add_authenticator(page)
    create_password(page, gateway)
    set_question(page)
    page.get_by_label("Passkey (recommended)").check()
    page.click("#method-submit")
    page.click("#passkey-button")
    page.wait_for_url("**/enrol/finish**")
    assert "Passkey" in page.locator("dl").inner_text()
    assert len(device.credentials()) == 1
    page.click("#finish-submit")
    assert heading(page) == "Your applications"
    sign_out(page)

    # The user ID field offers the passkey by itself; the virtual device takes the offer at once. Where the
    # browser does not, the button does the same.
    page.goto(gateway.public_url)
    page.wait_for_timeout(500)
    if heading(page) == "Sign in":
        page.click("#passkey-button")
    page.wait_for_url(f"{gateway.public_url}/")
    assert heading(page) == "Your applications"


def test_a_passkey_is_the_second_step_after_the_password(
    browser: Visitor, gateway: PagesGateway, clock: FrozenClock
) -> None:
    """G-32, G-36: app and passkey are both offered; each alone finishes the sign-in."""
    page = browser.open(gateway.public_url)
    device = browser.add_authenticator(page)
    create_password(page, gateway)
    set_question(page)
    set_up_app(page, clock)
    page.get_by_role("button", name="Create a passkey as well").click()
    page.click("#passkey-button")
    page.wait_for_url("**/enrol/finish**")
    assert "Passkey" in page.locator("dl").inner_text()
    page.click("#finish-submit")
    sign_out(page)

    device.verify_person(verified=False)
    page.goto(gateway.public_url)
    page.fill("#username", "fieldn")
    page.fill("#password", PASSWORD)
    page.click("#login-submit")
    assert heading(page) == "Enter your code"
    device.verify_person(verified=True)
    page.click("#passkey-button")
    page.wait_for_url(f"{gateway.public_url}/")
    assert heading(page) == "Your applications"


def test_a_passkey_that_nobody_confirms_is_said_in_words(browser: Visitor, gateway: PagesGateway) -> None:
    """gateway.md 6.1: no jargon, no blame; the other ways remain."""
    page = browser.open()
    browser.add_authenticator(page)
    page.goto(gateway.public_url)
    page.click("#passkey-button")
    line = page.locator("form[data-passkey] [role=alert]")
    line.wait_for()
    assert re.match("The passkey was not used|Your browser could not use", line.inner_text())
    assert page.locator("#login-submit").is_enabled()


def test_tabs_and_the_way_back_never_break(
    any_browser: Visitor, gateway: PagesGateway, clock: FrozenClock
) -> None:
    """Bar 31: three tabs are signed in one after the other; Back leads on."""
    secret = Journey(gateway).activate()
    tabs = [any_browser.open(gateway.public_url) for _ in range(3)]
    for page in tabs:
        clock.advance(dt.timedelta(minutes=1))
        page.fill("#username", "fieldn")
        page.fill("#password", PASSWORD)
        page.click("#login-submit")
        page.fill("#code", totp_code(secret, clock))
        page.click("#code-submit")
        assert heading(page) == "Your applications"
    for page in tabs:
        page.go_back()
        page.wait_for_load_state()
        assert heading(page) in ("Your applications", "Sign in", "Enter your code")
        page.reload()
        assert heading(page) == "Your applications"


def test_an_expired_sign_in_says_so(any_browser: Visitor, gateway: PagesGateway, clock: FrozenClock) -> None:
    """The page offers to start again, and a button does it."""
    page = any_browser.open(gateway.public_url)
    clock.advance(dt.timedelta(hours=2))
    page.fill("#username", "fieldn")
    page.fill("#password", PASSWORD)
    page.click("#login-submit")
    assert heading(page) == "This sign-in has expired"
    page.get_by_role("button", name="Start again").click()
    assert heading(page) == "Sign in"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_can_be_used_by_everyone(  # noqa: PLR0915 - one way through all pages
    browser: Visitor, gateway: PagesGateway, clock: FrozenClock, language: str
) -> None:
    """Bar 3, 4 and 38: no axe finding on any page or error state, light and dark; 320 px without sideways scroll."""
    page = browser.open()
    page.emulate_media(reduced_motion="reduce")  # colours that are still changing have no contrast to measure
    page.goto(gateway.public_url)
    if language == "fr":
        page.get_by_role("button", name="Français").click()
        assert heading(page) == "Ouvrir une session"
    faults: list[str] = []

    def look(name: str) -> None:
        faults.extend(examined(page, f"gateway-{name}-{language}"))

    def send(button: str) -> None:
        page.click(f"#{button}")
        page.wait_for_load_state()

    look("sign-in")
    page.locator("summary").click()
    look("sign-in-help")
    send("login-submit")
    look("sign-in-error")
    for path in ("help", "legal", "supported-browsers", "privacy", "accessibility", "signed-out", "nowhere"):
        page.goto(f"{gateway.public_url}/{path}")
        look(path)
    page.goto(f"{gateway.public_url}/activate/{'A' * 43}")
    look("activate-dead")
    page.goto(f"{gateway.public_url}/sign-in?flow={'A' * 43}")
    look("expired")
    page.goto(gateway.public_url + gateway.activation_path())
    look("activate")
    page.fill("#password", "short")
    send("activate-submit")
    look("activate-error")
    create_password(page, gateway)
    look("question")
    send("question-submit")
    look("question-error")
    set_question(page)
    look("method")
    send("method-submit")
    look("method-error")
    page.locator("input[value=passkey]").check()
    send("method-submit")
    look("passkey")
    page.locator(".govuk-back-link").click()
    page.locator("input[value=app]").check()
    send("method-submit")
    page.locator("summary").first.click()
    look("app")
    secret = page.locator("#totp-secret").inner_text()
    send("code-submit")
    look("app-error")
    page.fill("#code", totp_code(secret, clock))
    send("code-submit")
    look("finish")
    send("finish-submit")
    look("dashboard")
    page.goto(gateway.public_url + authorize_path("crow", CROW))
    look("no-access")
    page.goto(gateway.public_url + authorize_path("crow", EMI))
    look("request-error")
    page.goto(f"{gateway.public_url}/oauth2/logout?client_id=emi")
    look("logout")
    page.goto(f"{gateway.public_url}/sign-out")
    look("sign-out")
    send("sign-out-submit")
    clock.advance(dt.timedelta(minutes=1))
    page.goto(gateway.public_url)
    page.fill("#username", "fieldn")
    page.fill("#password", PASSWORD)
    send("login-submit")
    look("code")
    send("code-submit")
    look("code-error")
    assert faults == []
