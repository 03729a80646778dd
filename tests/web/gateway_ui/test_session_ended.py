"""Whoever sends a form after her session ended is told that nothing was done, and signs in to do it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from idp.usecases.sessions import find_session
from tests.support.browser import SMALL, accessibility_faults, fits, keep_screenshot
from tests.support.forms import submit, token_of
from tests.support.gateway import PASSWORD, Journey, heading_of
from tests.support.television import a_television

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from tests.support.browser import Visitor

ENDED = "Your session has ended, and nothing was changed."
NEW = "Lighthouse+Gravel77"
COOKIE = "gateway_session"


def signed_in(member: tuple[Journey, str]) -> Journey:
    """Return the browser of ``member``, signed in."""
    someone, secret = member
    someone.open("/")
    someone.give_password()
    someone.give_code(secret)
    assert heading_of(someone.text) == "Your applications"
    return someone


def live(someone: Journey) -> str:
    """Return the token of the session of a browser."""
    cookie = someone.client.get_cookie(COOKIE)
    assert cookie is not None
    return cookie.value


def test_signing_out_everywhere_after_the_session_ended_is_not_said_to_be_done(
    member: tuple[Journey, str], clock: FrozenClock
) -> None:
    """UI-05, ASVS 7.4.3: whose own session ended proves nobody; the thief's goes on, and the page must not lie."""
    home, secret = member
    signed_in(member)
    page = home.open("/sign-out")
    clock.advance(dt.timedelta(minutes=20))
    thief = signed_in((Journey(home.gateway), secret))
    clock.advance(dt.timedelta(minutes=15))
    home.page = submit(home.client, page, {"everywhere": "yes"}, follow=True)
    assert heading_of(home.text) == "Sign in"
    assert ENDED in home.text
    stolen = live(thief)
    assert find_session(home.gateway.services, stolen) is not None
    home.give_password()
    home.give_code(secret)
    assert heading_of(home.text) == "Do you want to sign out?"
    home.page = submit(home.client, home.page, {"everywhere": "yes"}, follow=True)
    assert heading_of(home.text) == "You are signed out"
    assert find_session(home.gateway.services, stolen) is None


def test_a_second_click_on_signing_out_everywhere_finds_it_done(member: tuple[Journey, str]) -> None:
    """UI-05: the first click did it, so the answer to the second one says so."""
    home = signed_in(member)
    page, token = home.open("/sign-out"), live(home)
    for _click in range(2):
        home.client.set_cookie(COOKIE, token)
        answer = submit(home.client, page, {"everywhere": "yes"}, follow=True)
        assert heading_of(answer.text) == "You are signed out"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/change-password", {"current": PASSWORD, "password": NEW, "repeat": NEW}),
        ("/allowed-applications", {"client": "crow"}),
        ("/second-steps/01HAPP0000000000000000000A/name", {"label": "Phone"}),
        ("/operator/clients/crow/disable", {"reason": "leaked"}),
    ],
)
def test_a_form_that_comes_after_the_session_ended_changes_nothing_and_says_so(
    member: tuple[Journey, str], path: str, fields: dict[str, str]
) -> None:
    """SE-04: after "Change password", a sign-in page without a word reads as if it was changed."""
    nora = signed_in(member)
    token = token_of(nora.open("/change-password").text)
    nora.client.delete_cookie(COOKIE)
    nora.page = nora.client.post(path, data={"csrf_token": token, **fields}, follow_redirects=True)
    assert heading_of(nora.text) == "Sign in"
    assert ENDED in nora.text
    nora.give_password(password="wrong")
    assert ENDED not in nora.text
    nora.give_password()
    assert heading_of(nora.text) == "Enter your code"


@pytest.mark.parametrize(
    "path", ["/", "/change-password", "/allowed-applications", "/second-steps", "/device"]
)
def test_who_opens_a_page_without_a_session_is_asked_to_sign_in_and_nothing_else(
    nora: Journey, path: str
) -> None:
    """Nothing was sent, so there is nothing to say."""
    nora.open(path)
    assert heading_of(nora.text) == "Sign in"
    assert ENDED not in nora.text


def test_the_code_of_a_device_is_not_typed_again_after_the_session_ended(
    member: tuple[Journey, str], clock: FrozenClock
) -> None:
    """RFC 8628 §3.3: the sign-in leads back to the question about this very device."""
    nora, secret = member
    code = a_television(nora.gateway).asks()["user_code"]
    signed_in(member)
    nora.open("/device")
    nora.client.delete_cookie(COOKIE)
    nora.send(user_code=code)
    assert ENDED in nora.text
    clock.advance(dt.timedelta(minutes=1))
    nora.give_password()
    nora.give_code(secret)
    assert "Connect a device to" in heading_of(nora.text)
    assert code in nora.text


def test_the_page_that_says_it_is_accessible(nora: Journey, browser: Visitor) -> None:
    """G-94, WCAG 2.2 AA: in English and in French, at 320 px."""
    with nora.gateway.serve() as url:
        page = browser.open(f"{url}/sign-in")
        page.goto(f"{page.url}&ended=yes")
        page.set_viewport_size(SMALL)  # type: ignore[arg-type]
        for words in ("Your session has ended", "Votre session est terminée"):
            assert words in page.inner_text("#session-ended")
            assert fits(page)
            assert accessibility_faults(page) == []
            keep_screenshot(page, f"session-ended-{words[4:6]}")
            page.locator("header form button").click()
