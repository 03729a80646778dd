"""Somebody who is signed in changes the password; password managers find the page."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from kernel.tables import audit_event
from tests.support.browser import LARGE, SMALL, accessibility_faults, fits, keep_screenshot
from tests.support.gateway import PASSWORD, Journey, PagesGateway, a_gateway, heading_of
from tests.support.ports import free_port
from tests.support.staff import take_session

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.browser import Visitor

PAGE = "/change-password"
NEW = "Lighthouse+Gravel77"


def _audit(gateway: PagesGateway, tag: str) -> int:
    with gateway.services.store.read() as connection:
        return len(connection.execute(select(audit_event.c.seq).where(audit_event.c.tag == tag)).all())


def _wrong(nora: Journey, current: str) -> None:
    nora.open(PAGE)
    nora.send(current=current, password=NEW, repeat=NEW)


def test_the_well_known_address_leads_to_the_page(gateway: PagesGateway, nora: Journey) -> None:
    """A Well-Known URL for Changing Passwords, §2: a redirect, and other well-known addresses are not there."""
    answer = nora.client.get("/.well-known/change-password")
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    missing = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"
    assert nora.client.get(missing).status_code == 404
    assert heading_of(nora.open("/.well-known/change-password").text) == "Sign in"
    nora.activate()
    assert heading_of(nora.open("/.well-known/change-password").text) == "Change your password"


def test_a_password_is_changed_by_the_present_one(member: tuple[Journey, str], clock: FrozenClock) -> None:
    """G-73: other sessions end, this one stays, the holder is written to, the audit has it."""
    other, secret = member
    gateway = other.gateway
    other.open("/")
    other.give_password()
    other.give_code(secret)
    assert heading_of(other.text) == "Your applications"
    clock.advance(dt.timedelta(minutes=1))
    nora = Journey(gateway)
    nora.open("/")
    nora.give_password()
    nora.give_code(secret)
    assert f'id="change-password" href="{PAGE}"' in nora.text
    nora.open(PAGE)
    nora.send(current=PASSWORD, password=NEW, repeat=NEW)
    assert "Your password is changed." in nora.text
    assert heading_of(nora.open("/").text) == "Your applications"
    assert heading_of(other.open("/").text) == "Sign in"
    other.give_password(password=PASSWORD)
    assert other.messages == ["1001"]
    other.give_password(password=NEW)
    assert heading_of(other.text) == "Enter your code"
    gateway.deliver()
    subjects = [str(letter.payload["subject"]) for letter in gateway.mail.to("nora@acme.example")]
    assert "[Sandbox] Your password was changed" in subjects
    assert _audit(gateway, "gateway:password:changed") == 1


def test_a_wrong_present_password_is_refused_and_counted(nora: Journey) -> None:
    """LG-07: as a failure of a sign-in, until this browser waits; a session alone changes nothing."""
    nora.activate()
    gateway = nora.gateway
    nora.open(PAGE)
    nora.send(current="", password=NEW, repeat=NEW)
    assert nora.messages == ["3019"]
    for _try in range(gateway.services.settings.lock_after):
        _wrong(nora, "Not+The+Password1")
        assert nora.messages == ["3020"]
    assert _audit(gateway, "gateway:password:change-refused") == gateway.services.settings.lock_after
    _wrong(nora, PASSWORD)
    assert nora.page is not None
    assert (nora.page.status_code, nora.messages) == (429, ["1003"])
    assert int(nora.page.headers["Retry-After"]) > 0
    assert _audit(gateway, "gateway:password:changed") == 0


def test_a_new_password_obeys_the_policy_and_is_no_earlier_one(nora: Journey) -> None:
    """G-53, G-48: all reasons at once; whoever does not know the present one learns nothing of earlier ones."""
    nora.activate()
    nora.open(PAGE)
    nora.send(current=PASSWORD, password=PASSWORD, repeat=PASSWORD)
    assert nora.messages == ["3017"]
    nora.send(current="Not+The+Password1", password=PASSWORD, repeat=PASSWORD)
    assert nora.messages == ["3020"]
    nora.send(current="Not+The+Password1", password="short", repeat="other")
    assert nora.messages[0] == "3020"
    assert {"3002", "3018"} <= {*nora.messages}
    assert PASSWORD not in nora.text
    nora.send(current=PASSWORD, password=NEW, repeat=NEW)
    assert "Your password is changed." in nora.text


def test_the_form_of_another_site_changes_nothing(nora: Journey) -> None:
    """SE-05."""
    nora.activate()
    data = {"current": PASSWORD, "password": NEW, "repeat": NEW}
    assert nora.client.post(PAGE, data=data).status_code == 403
    assert Journey(nora.gateway).client.post(PAGE, data=data).status_code == 403
    assert _audit(nora.gateway, "gateway:password:changed") == 0


@pytest.mark.parametrize("stopped_at", ["code", "review"])
def test_a_sign_in_under_way_ends_with_the_password_that_it_went_by(
    member: tuple[Journey, str], clock: FrozenClock, stopped_at: str
) -> None:
    """Who knew the former password and stopped in the middle finishes nothing, and enrols nothing."""
    stranger, secret = member
    stranger.open("/" if stopped_at == "code" else "/second-steps/add")
    stranger.give_password()
    if stopped_at == "review":
        stranger.give_code(secret)
    clock.advance(dt.timedelta(minutes=1))
    nora = Journey(stranger.gateway)
    nora.open("/")
    nora.give_password()
    nora.give_code(secret)
    clock.advance(dt.timedelta(minutes=1))
    nora.open(PAGE)
    nora.send(current=PASSWORD, password=NEW, repeat=NEW)
    assert _audit(nora.gateway, "gateway:password:changed") == 1
    if stopped_at == "code":
        stranger.give_code(secret)
    else:
        stranger.finish()
    assert stranger.page is not None
    assert stranger.page.status_code == 410
    assert heading_of(stranger.open("/").text) == "Sign in"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_is_accessible_and_fits_a_phone(
    sqlite_gateway_database: Database, clock: FrozenClock, browser: Visitor, language: str
) -> None:
    """WCAG 2.2 AA: the form, its errors and its success at 320 and 1280 pixels."""
    gateway = a_gateway(sqlite_gateway_database, clock=clock, public_url=f"http://localhost:{free_port()}")
    gateway.provision()
    nora = Journey(gateway)
    nora.activate()
    with gateway.serve() as url:
        take_session(browser, nora, url, language)
        tab = browser.open(f"{url}{PAGE}")
        for number, (current, new) in enumerate((("", ""), ("wrong", "short"), (PASSWORD, NEW))):
            for size in (SMALL, LARGE):
                tab.set_viewport_size(size)  # type: ignore[arg-type]  # a plain dictionary is fine
                keep_screenshot(tab, f"own-password-{number}-{language}-{size['width']}")
                assert fits(tab)
            assert accessibility_faults(tab) == []
            tab.fill("#current", current)
            tab.fill("#password", new)
            tab.fill("#repeat", new)
            tab.click("#password-submit")
        assert tab.locator(".govuk-notification-banner--success").count() == 1
        keep_screenshot(tab, f"own-password-done-{language}-1280")
        assert accessibility_faults(tab) == []
