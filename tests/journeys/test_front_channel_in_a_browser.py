"""Front-channel logout in a real browser: applications hear of it in frames, and nobody waits for a dead one."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from idp.usecases.register_client import ClientOrder, Registered, register_client
from kernel.audit import SYSTEM
from tests.support.browser import LARGE, SMALL, accessibility_faults, fits, keep_screenshot, settled
from tests.support.gateway import SECRET, PagesGateway, a_gateway, authorize_path
from tests.support.oidc import Op
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.browser import Visitor

Heard = list[tuple[str, dict[str, list[str]]]]


@pytest.fixture
def gateway(sqlite_gateway_database: Database, clock: FrozenClock) -> Iterator[PagesGateway]:
    """Give a Gateway that listens."""
    made = a_gateway(sqlite_gateway_database, clock=clock, public_url=f"http://localhost:{free_port()}")
    made.services.signing.ensure()
    with made.serve():
        yield made


@pytest.fixture
def application() -> Iterator[tuple[str, Heard]]:
    """Give an application that answers everything, and tells what it was asked."""
    heard: Heard = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the base class asks for
            """Answer with a page of nothing but a title."""
            asked = urlsplit(self.path)
            heard.append((asked.path, parse_qs(asked.query)))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(b"<title>application</title>")

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    # Its threads are not waited for: a browser keeps connections open that it may never use.
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()
        thread.join()


@contextmanager
def silent() -> Iterator[str]:
    """Give the address of an application that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def know(gateway: PagesGateway, name: str, address: str, callback: str) -> None:
    """Register an application that hears of a sign-out in a frame."""
    done = register_client(
        gateway.services,
        ClientOrder(
            id=name,
            name=f"The {name}",
            secret=SECRET,
            metadata={
                "redirect_uris": [f"{callback}/callback", f"{address}/callback"],
                "post_logout_redirect_uris": [f"{callback}/left"],
                "frontchannel_logout_uri": f"{address}/frame",
                "scope": "openid profile email access",
            },
        ),
        actor=SYSTEM,
    )
    assert isinstance(done, Registered), done


def sign_in(visitor: Visitor, gateway: PagesGateway, clock: FrozenClock) -> None:
    """Give the browser a session of Nora's."""
    op = Op(gateway.services, clock)
    cookie = {"name": "gateway_session", "value": op.session(op.account()), "url": gateway.public_url}
    visitor.context.add_cookies([cookie | {"sameSite": "Lax"}])  # type: ignore[list-item]


def test_the_browser_goes_on_whether_or_not_everybody_answers(
    any_browser: Visitor, gateway: PagesGateway, clock: FrozenClock, application: tuple[str, Heard]
) -> None:
    """Front-Channel Logout §3, §4: the frame brings iss and sid; then post_logout_redirect_uri, with state.

    With a script a second application never answers; without one the browser counts from when all did.
    """
    address, heard = application
    with silent() as dead:
        know(gateway, "live", address, address)
        know(gateway, "dead", dead, address)
        sign_in(any_browser, gateway, clock)
        page = any_browser.open()
        for name in ("live", "dead") if any_browser.javascript else ("live",):
            page.goto(gateway.public_url + authorize_path(name, f"{address}/"))
        page.goto(
            f"{gateway.public_url}/oauth2/logout?client_id=live&state=s&post_logout_redirect_uri={address}/left"
        )
        page.click("#logout-confirm", no_wait_after=True)
        page.wait_for_url(f"{address}/left?state=s")
    frames = [query for path, query in heard if path == "/frame"]
    assert [sorted(query) for query in frames] == [["iss", "sid"]]
    assert frames[0]["iss"] == [gateway.services.issuer]


def test_a_link_leads_on_at_once(
    plain_browser: Visitor, gateway: PagesGateway, clock: FrozenClock, application: tuple[str, Heard]
) -> None:
    """Nobody waits for a dead application, without a script either; the page says where it leads."""
    address, _heard = application
    with silent() as dead:
        know(gateway, "live", address, address)
        know(gateway, "dead", dead, address)
        sign_in(plain_browser, gateway, clock)
        page = plain_browser.open()
        page.goto(gateway.public_url + authorize_path("dead", f"{address}/"))
        page.goto(
            f"{gateway.public_url}/oauth2/logout?client_id=live&post_logout_redirect_uri={address}/left"
        )
        page.click("#logout-confirm", no_wait_after=True)
        onward = page.locator("#onward")
        onward.wait_for()
        assert "You will go on to The live in a moment." in page.locator("main").inner_text()
        for name, size in (("large", LARGE), ("small", SMALL)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            keep_screenshot(page, f"going-on-{name}")
        onward.click(no_wait_after=True)
        page.wait_for_url(f"{address}/left")


def test_signing_out_here_tells_them_on_a_page_that_stays(
    browser: Visitor, gateway: PagesGateway, clock: FrozenClock, application: tuple[str, Heard]
) -> None:
    """The page has room, no fault of accessibility, and lets frames of exactly these origins in."""
    address, heard = application
    know(gateway, "live", address, address)
    sign_in(browser, gateway, clock)
    page = browser.open(gateway.public_url + authorize_path("live", f"{address}/"))
    page.goto(f"{gateway.public_url}/sign-out")
    with page.expect_response("**/sign-out") as answer:
        page.click("#sign-out-submit")
    policy = answer.value.headers["content-security-policy"].split("; ")
    assert f"frame-src {address}" in policy
    assert "frame-ancestors 'none'" in policy
    assert settled(page).locator("h1").inner_text() == "You are signed out"
    assert [path for path, _ in heard if path == "/frame"] == ["/frame"]
    assert page.locator("iframe").get_attribute("title") == "Signing you out of The live"
    for name, size in (("large", LARGE), ("small", SMALL)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        keep_screenshot(page, f"signed-out-{name}")
        assert fits(page)
    assert accessibility_faults(page) == []
    page.goto(f"{gateway.public_url}/signed-out")
    assert page.locator("iframe").count() == 0


def test_a_form_of_another_site_signs_out_as_a_link_does(
    any_browser: Visitor, gateway: PagesGateway, clock: FrozenClock, application: tuple[str, Heard]
) -> None:
    """RP-Initiated Logout §2: the browser leaves the session's cookie out of the POST, and brings it after it."""
    address, _heard = application
    know(gateway, "live", address, address)
    sign_in(any_browser, gateway, clock)
    page = any_browser.open(f"{address}/")
    page.set_content(
        f'<form method="post" action="{gateway.public_url}/oauth2/logout">'
        '<input name="client_id" value="live"><button id="leave">Sign out</button></form>'
    )
    page.click("#leave")
    page.click("#logout-confirm")
    assert page.locator("h1").inner_text() == "You are signed out"
    page.goto(f"{gateway.public_url}/sign-out")
    assert page.locator("h1").inner_text() == "You are signed out"


def test_a_sign_out_in_a_popup_is_told_to_the_page_that_opened_it(
    browser: Visitor, gateway: PagesGateway, clock: FrozenClock, application: tuple[str, Heard]
) -> None:
    """RP-Initiated Logout §3: the question and the frames stand between two pages of one application (HTML §7.1.3)."""
    address, heard = application
    know(gateway, "live", address, address)
    sign_in(browser, gateway, clock)
    opener = browser.open(gateway.public_url + authorize_path("live", f"{address}/"))
    left = f"{gateway.public_url}/oauth2/logout?client_id=live&post_logout_redirect_uri={address}/left"
    with opener.expect_popup() as opened:
        opener.evaluate("address => { window.popup = window.open(address) }", left)
    page = opened.value
    page.click("#logout-confirm")
    page.wait_for_url(f"{address}/left")
    assert "/frame" in [path for path, _asked in heard]
    assert page.evaluate("window.opener !== null")
    assert not opener.evaluate("window.popup.closed")
