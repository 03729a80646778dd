"""The pages of the first story as a person meets them: accessible, fitting any screen, safe to go back and forth.

That the story works with and without JavaScript is told by ``test_first_story_in_a_browser``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from switchyard.people import totp
from switchyard.story import EMI_ROLE, NUMBER, REPORTS_ROLE, SHORT_NAME, STEPS, Story
from tests.support.browser import LARGE, SMALL, Visitor, accessibility_faults, fits, keep_screenshot, settled
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from switchyard.people import Person
    from tests.support.processes import RunningSite

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.timeout(300)]

_UNTIL_THE_GRANT = 6


@pytest.fixture
def story(sqlite_site: RunningSite) -> Iterator[Story]:
    """The organization stands and has its Rights Administrator; the rest is done by hand."""
    told = Story(sqlite_site.site)
    try:
        for step in STEPS[:_UNTIL_THE_GRANT]:
            step.walk(told)
        yield told
    finally:
        told.close()


def heading(page: Page) -> str:
    return settled(page).locator("h1").first.inner_text().strip()


def look(page: Page, name: str) -> None:
    """Everybody can use this page, on a telephone too; keep a picture of it if one is asked for."""
    assert accessibility_faults(page) == [], name
    page.set_viewport_size(SMALL)
    assert fits(page), name
    keep_screenshot(page, f"{name}-320")
    page.set_viewport_size(LARGE)
    assert fits(page), name
    keep_screenshot(page, f"{name}-1280")


def prove(page: Page, person: Person) -> None:
    """Answer the Gateway's sign-in pages with password and app, where they come."""
    if heading(page) == "Sign in":
        page.fill("#username", person.user_name)
        page.fill("#password", person.password)
        page.click("#login-submit")
    if heading(page) == "Enter your code":
        page.fill("#code", person.next_code())
        page.click("#code-submit")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def find_and_choose(page: Page, person: Person) -> None:
    page.fill("#last_name", person.particulars.last_name)
    page.fill("#first_name", person.particulars.first_name)
    press(page, "Search")
    page.locator("input[name=person_id]").last.check()
    press(page, "Next")


def grant(page: Page, story: Story) -> str:
    """Walk the wizard from its first page to the request (R-164..R-185); return the request's address."""
    registration, newcomer = story.site.registration, story.newcomer
    page.goto(f"{registration}/sign-in")
    prove(page, story.administrator)
    page.goto(f"{registration}/organizations/{story.organization}/access")
    look(page, "registration-request-type")
    page.check("input[name=type][value=grant]")
    press(page, "Next")
    page.check("input[name=account_kind][value=personal]")
    press(page, "Next")
    page.fill("#last_name", newcomer.particulars.last_name)
    page.fill("#first_name", newcomer.particulars.first_name)
    press(page, "Search")
    look(page, "registration-select-person")
    page.get_by_text("Register New Person").first.click()
    for name, value in newcomer.particulars.form().items():
        field = page.locator(f"[name={name}]")
        if field.count() == 0:
            continue
        if field.first.evaluate("element => element.tagName") == "SELECT":
            field.first.select_option(value)
        else:
            field.first.fill(value)
    look(page, "registration-new-person")
    press(page, "Next")
    assert newcomer.particulars.email in page.locator("main").inner_text()
    press(page, "Next")
    look(page, "registration-roles")
    for role in (EMI_ROLE, REPORTS_ROLE):
        while settled(page).locator(f"input[name=role][value={role}]").count() == 0:
            press(page, "Next page")
        page.check(f"input[name=role][value={role}]")
    press(page, "Next")
    main = page.locator("body").inner_text()
    for said in (NUMBER, SHORT_NAME, newcomer.particulars.last_name, "Dispatch data submit"):
        assert said in main, said
    look(page, "registration-confirm")
    page.go_back()
    page.go_forward()
    press(page, "Confirm")
    return page.url


def wait_until_live(page: Page, request: str) -> None:
    def live() -> bool:
        page.goto(request)
        return "All of it has been in effect since" in page.locator("main").inner_text()

    wait_until(live, "the request is active in the Gateway")


def activate(page: Page, story: Story) -> None:
    """Open the link, create the password, set question and app, and land on the dashboard (G-11..G-24)."""
    newcomer = story.newcomer
    address = newcomer.particulars.email
    newcomer.user_name = story.mail.find(r"User ID: (\S+)", to=address)
    page.goto(story.mail.link(to=address, containing="/activate/"))
    assert newcomer.particulars.last_name not in page.locator("main").inner_text()
    page.fill("[name=password]", "Short-1")
    page.fill("[name=repeat]", "Short-1")
    press(page, "Create My Account")
    assert settled(page).title().startswith("Error:")
    look(page, "gateway-activate-refused")
    page.fill("[name=password]", newcomer.password)
    page.fill("[name=repeat]", newcomer.password)
    press(page, "Create My Account")
    look(page, "gateway-question")
    question = page.locator("[name=question]").first
    if question.evaluate("element => element.tagName") == "SELECT":
        question.select_option(index=1)
    else:
        question.check()
    page.fill("[name=answer]", "somewhere quiet")
    press(page, "Save")
    look(page, "gateway-factor")
    if heading(page) == "Set up two-step verification":
        page.check("input[name=method][value=app]")
        press(page, "Continue")
    newcomer.totp_secret = (page.locator("#totp-secret").text_content() or "").replace(" ", "").strip()
    look(page, "gateway-app")
    page.fill("[name=code]", newcomer.next_code())
    press(page, "Verify")
    look(page, "gateway-finish")
    press(page, "Finish")
    assert heading(page) == "Your applications"
    look(page, "gateway-dashboard")


def test_every_page_of_the_story_can_be_used_by_everyone(
    browser: Visitor, second_browser: Visitor, story: Story
) -> None:
    """Steps 3, 6, 7, 8 and 9: grant, activate, use, sign out and in, revoke; axe is content at every stop."""
    office, home = second_browser.open(), browser.open()
    request = grant(office, story)
    wait_until_live(office, request)
    look(office, "registration-request")

    activate(home, story)
    tiles = home.locator("[data-application]")
    assert [tile.get_attribute("data-application") for tile in tiles.all()] == ["emi"]

    home.goto(story.site.emi)
    text = home.locator("main").inner_text()
    assert SHORT_NAME in text
    look(home, "emi")
    home.goto(story.site.reports)
    assert SHORT_NAME in home.locator("main").inner_text()
    look(home, "reports")

    home.goto(f"{story.site.gateway}/sign-out")
    press(home, "Sign out")
    home.goto(f"{story.site.gateway}/")
    look(home, "gateway-sign-in")
    home.fill("#username", story.newcomer.user_name)
    home.fill("#password", story.newcomer.password)
    home.click("#login-submit")
    home.fill("#code", story.newcomer.wrong_code())
    home.click("#code-submit")
    assert "That code is not correct." in home.locator("main").inner_text()
    look(home, "gateway-code")
    home.fill("#code", story.newcomer.next_code())
    home.click("#code-submit")
    assert heading(home) == "Your applications"
    home.goto(story.site.emi)
    assert SHORT_NAME in home.locator("main").inner_text()

    revoke(office, story)
    wait_until_live(office, office.url)

    def refused() -> bool:
        home.goto(story.site.emi)
        return "Rights Administrator" in home.locator("main").inner_text()

    wait_until(refused, "the application refuses")
    look(home, "gateway-no-access")
    home.goto(f"{story.site.gateway}/")
    assert settled(home).locator("[data-application=emi]").count() == 0


def revoke(page: Page, story: Story) -> None:
    page.goto(f"{story.site.registration}/organizations/{story.organization}/access")
    prove(page, story.administrator)
    page.check("input[name=type][value=revoke]")
    press(page, "Next")
    page.check("input[name=account_kind][value=personal]")
    press(page, "Next")
    find_and_choose(page, story.newcomer)
    page.check(f"input[name=role][value={EMI_ROLE}]")
    press(page, "Next")
    look(page, "registration-confirm-revoke")
    press(page, "Confirm")


def test_the_code_of_an_app_is_what_the_standard_says() -> None:
    """RFC 6238 appendix B, SHA-1, cut to six digits: the people of the story hold a true app."""
    assert totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 1) == "287082"
