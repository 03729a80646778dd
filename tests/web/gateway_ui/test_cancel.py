"""Cancel: a person goes back to the application that waits, from any step, without a sign-in."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from idp.storage.tables import password
from kernel.tables import audit_event
from tests.support.browser import LARGE, SMALL, accessibility_faults, fits, keep_screenshot
from tests.support.forms import form_with, submit, token_of
from tests.support.gateway import (
    PASSWORD,
    Journey,
    a_gateway,
    authorize_path,
    heading_of,
    shown_secret,
    totp_code,
)
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug.test import TestResponse

    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.browser import Visitor
    from tests.support.gateway import PagesGateway

APP = "https://emi.example/"
WAITS = authorize_path("emi", APP)
BUTTON = 'id="login-cancel"'


def with_application(gateway: PagesGateway, url: str = APP) -> str:
    """Provision Nora and an application that she may open; return her id."""
    account_id = gateway.provision()
    gateway.application("emi", "EMI", url, account_id)
    return account_id


def flow_of(page: TestResponse) -> str:
    return page.request.args["flow"]


def cancelled(someone: Journey) -> str:
    """Press Cancel on the page, and return where the application is told."""
    assert someone.page is not None
    done = submit(someone.client, someone.page, {}, action=f"/sign-in/cancel?flow={flow_of(someone.page)}")
    assert done.status_code == 303
    return someone.client.get(done.headers["Location"]).headers["Location"]


def noted(gateway: PagesGateway) -> Sequence[Any]:
    with gateway.services.store.read() as connection:
        return connection.execute(
            select(audit_event)
            .where(audit_event.c.tag == "gateway:sign-in:cancelled")
            .order_by(audit_event.c.chain, audit_event.c.seq)
        ).all()


def test_who_does_not_want_to_sign_in_goes_back_to_the_application(gateway: PagesGateway) -> None:
    """RFC 6749 §4.1.2.1: access_denied, once, from the browser that was asked; a live session stays as it is."""
    account_id = with_application(gateway)
    nora = Journey(gateway)
    nora.activate()
    for someone in (Journey(gateway), nora):
        page = someone.open(authorize_path("emi", APP, prompt="login"))
        assert BUTTON in page.text
        stranger = Journey(gateway)
        stranger.open("/sign-in")
        assert BUTTON not in stranger.text
        foreign = stranger.client.post(
            f"/sign-in/cancel?flow={flow_of(page)}", data={"csrf_token": token_of(stranger.text)}
        )
        assert foreign.status_code == 410
        assert cancelled(someone).startswith(f"{APP}callback?error=access_denied")
        again = someone.client.get(f"/oauth2/authorize/resume?flow={flow_of(page)}")
        assert again.status_code == 400, "once"
        late = submit(someone.client, page, {"username": "fieldn", "password": PASSWORD})
        assert late.status_code == 410
    assert nora.open("/").request.path == "/"
    told = [(row.actor_kind, row.target, row.details) for row in noted(gateway)]
    assert told == [
        ("system", "emi", {"flow": "sign-in", "client": "emi"}),
        ("account", account_id, {"flow": "step-up", "client": "emi"}),
    ]


def test_nothing_is_given_up_where_no_application_waits(gateway: PagesGateway) -> None:
    """A sign-in for a page of our own stands where it stood."""
    visitor = Journey(gateway)
    flow = form_with(visitor.open("/sign-in").text, "username").action.partition("?flow=")[2]
    data = {"csrf_token": token_of(visitor.text)}
    stands = visitor.client.post(f"/sign-in/cancel?flow={flow}", data=data)
    assert form_with(stands.text, "username").action.endswith(flow)
    assert noted(gateway) == []


def test_every_later_step_offers_it(gateway: PagesGateway, clock: FrozenClock) -> None:
    """RFC 6749 §4.1.2.1: also to who has proved something; that is worth nothing from then on."""
    account_id = with_application(gateway)
    Journey(gateway).start_activation()  # and she leaves
    gateway.deliver()
    nora = Journey(gateway)
    seen = []

    def stands() -> None:
        seen.append(heading_of(nora.text))
        assert BUTTON in nora.text, nora.path

    nora.open(WAITS)
    nora.give_password()
    stands()
    assert nora.page is not None
    nora.send(action=f"/sign-in/mailbox/send?flow={flow_of(nora.page)}")
    stands()
    nora.send(code=gateway.mailbox_code())
    stands()
    nora.set_question()
    stands()
    for method in ("passkey", "app"):
        nora.open(f"/enrol?flow={flow_of(nora.page)}")
        nora.send(method=method)
        stands()
    secret = shown_secret(nora.text)
    nora.give_code(secret)
    stands()
    assert cancelled(nora).startswith(f"{APP}callback?error=access_denied")
    clock.advance(dt.timedelta(minutes=1))
    nora.open(WAITS)
    nora.give_password()
    stands()
    with gateway.services.store.write() as unit:
        unit.connection.execute(update(password).values(must_change=True))
    nora.give_code(secret)
    stands()
    assert cancelled(nora).startswith(f"{APP}callback?error=access_denied")
    assert seen == [
        "Confirm your mailbox",
        "Confirm your mailbox",
        "Choose a security question",
        "Set up two-step verification",
        "Create a passkey",
        "Set up an authenticator app",
        "Check and finish",
        "Enter your code",
        "Choose a new password",
    ]
    assert [row.target for row in noted(gateway)] == [account_id, account_id]
    assert heading_of(nora.open("/").text) == "Sign in", "no session came of it"


def test_a_step_for_a_page_of_our_own_has_no_button(member: tuple[Journey, str]) -> None:
    """There is nobody to tell."""
    visitor, _ = member
    visitor.open("/")
    visitor.give_password()
    assert heading_of(visitor.text) == "Enter your code"
    assert BUTTON not in visitor.text


@pytest.mark.parametrize("life", [dt.timedelta(0), dt.timedelta(days=1)], ids=["at once", "a day later"])
def test_the_way_back_says_what_to_do(gateway: PagesGateway, clock: FrozenClock, life: dt.timedelta) -> None:
    """Whoever goes back after Cancel, or after the sign-in, finds the application's name and address."""
    with_application(gateway)
    nora = Journey(gateway)
    secret = nora.activate()
    clock.advance(dt.timedelta(minutes=1))
    first, second = Journey(gateway), Journey(gateway)
    flows = [flow_of(each.open(WAITS)) for each in (first, second)]
    assert cancelled(first).startswith(f"{APP}callback?error=")
    page = second.give_password()
    done = submit(second.client, page, {"code": totp_code(secret, clock)})
    assert done.headers["Location"].startswith(f"{APP}callback?code=")
    clock.advance(life)
    for someone, flow, title in zip(
        (first, second), flows, ("You cancelled this sign-in", "This sign-in is finished"), strict=True
    ):
        for path in ("/sign-in", "/sign-in/second-step"):
            page = someone.open(f"{path}?flow={flow}")
            assert page.status_code == 410
            assert heading_of(page.text) == title
            assert "EMI" in page.text
            assert f'href="{APP}"' in page.text
            assert 'href="/"' in page.text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pages_are_accessible_and_fit_a_phone(
    sqlite_gateway_database: Database, clock: FrozenClock, browser: Visitor, language: str
) -> None:
    """WCAG 2.2 AA: a later step with its button, and the way back after it, at 320 and 1280 pixels."""
    gateway = a_gateway(sqlite_gateway_database, clock=clock, public_url=f"http://localhost:{free_port()}")
    own = f"{gateway.public_url}/"
    with_application(gateway, own)
    Journey(gateway).activate()
    cookie = {"name": "gateway_language", "value": language, "url": gateway.public_url}
    browser.context.add_cookies([cookie])  # type: ignore[list-item]  # a plain dictionary is fine
    with gateway.serve() as url:
        tab = browser.open(f"{url}{authorize_path('emi', own)}")
        tab.fill("#username", "fieldn")
        tab.fill("#password", PASSWORD)
        tab.click("#login-submit")
        step = tab.url
        for shot in ("step", "back"):
            for size in (SMALL, LARGE):
                tab.set_viewport_size(size)  # type: ignore[arg-type]  # a plain dictionary is fine
                keep_screenshot(tab, f"cancel-{shot}-{language}-{size['width']}")
                assert fits(tab)
            assert accessibility_faults(tab) == []
            if shot == "step":
                tab.click("#login-cancel")
                assert "error=access_denied" in tab.url
                tab.goto(step)
