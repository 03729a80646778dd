"""The way back to an application in a real browser, which holds each redirect after a form against our policy."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from idp.usecases.register_client import ClientOrder, Registered, register_client
from kernel.audit import SYSTEM
from tests.support.browser import settled
from tests.support.gateway import (
    PASSWORD,
    SECRET,
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    onward = ""


class _Six(_Server):
    address_family = socket.AF_INET6


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the name that the base class asks for
        """Lead on to another server, if this one is told of any; else be where the way ends.

        A form of nobody's is refused, as frameworks refuse it that look for forged forms.
        """
        assert isinstance(self.server, _Server)
        if self.headers.get("Origin") == "null":
            self.send_error(403)
            return
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        onward = self.server.onward
        self.send_response(303 if onward else 200)
        self.send_header("Location" if onward else "Content-Type", onward or "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"" if onward else b"<title>arrived</title>")

    do_POST = do_GET  # noqa: N815 - the name that the base class asks for

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def a_server(host: str, onward: str = "") -> Iterator[str]:
    """Give the address of a server that leads ``onward``."""
    six = ":" in host
    with (_Six if six else _Server)((host, 0), _Answer) as server:
        server.onward = onward
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://{f'[{host}]' if six else host}:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


_POST = """([address, fields]) => {
    const form = document.createElement('form');
    Object.assign(form, {method: 'post', action: address});
    for (const [name, value] of fields) {
        form.append(Object.assign(document.createElement('input'), {type: 'hidden', name, value}));
    }
    document.body.append(form);
    HTMLFormElement.prototype.submit.call(form);
}"""


@pytest.fixture
def gateway(sqlite_gateway_database: Database, clock: FrozenClock) -> Iterator[PagesGateway]:
    """Give a Gateway that listens."""
    made = a_gateway(sqlite_gateway_database, clock=clock, public_url=f"http://localhost:{free_port()}")
    made.services.signing.ensure()
    made.provision()
    with made.serve():
        yield made


def know(gateway: PagesGateway, address: str, *, first_party: bool) -> None:
    """Register the application that comes back to ``address``."""
    order = ClientOrder(
        id="emi",
        name="Energy Market Interface",
        first_party=first_party,
        secret=SECRET,
        metadata={
            "redirect_uris": [f"{address}callback"],
            "post_logout_redirect_uris": [f"{address}left"],
            "scope": "openid profile email access",
            "grant_types": ["authorization_code"],
        },
    )
    assert isinstance(register_client(gateway.services, order, actor=SYSTEM), Registered)


def sign_in(page: Page, secret: str, clock: FrozenClock) -> None:
    """Type what Nora types."""
    page.fill("#username", "fieldn")
    page.fill("#password", PASSWORD)
    page.click("#login-submit")
    page.fill("#code", totp_code(secret, clock))
    page.click("#code-submit")


@pytest.mark.parametrize(
    ("host", "mode", "first_party"),
    [("127.0.0.1", "query", True), ("127.0.0.1", "form_post", False), ("::1", "query", True)],
)
def test_an_application_leads_on_to_wherever_it_likes(
    any_browser: Visitor,
    gateway: PagesGateway,
    clock: FrozenClock,
    host: str,
    mode: str,
    *,
    first_party: bool,
) -> None:
    """CSP3 form-action: brokers, and addresses of IPv6 that no policy can name (RFC 8252 §7.3), are reached.

    A browser of Chromium's kind stops at the first redirect after a form that the page with the form does not
    allow, also where another server redirects.
    """
    secret = Journey(gateway).activate()
    clock.advance(dt.timedelta(minutes=1))
    with a_server("127.0.0.1") as end, a_server(host, f"{end}home") as address:
        know(gateway, address, first_party=first_party)
        page = any_browser.open(gateway.public_url + authorize_path("emi", address, response_mode=mode))
        sign_in(page, secret, clock)
        if not first_party:
            page.click("#consent-allow")
        if mode == "form_post" and not any_browser.javascript:
            assert settled(page).locator("h1").inner_text().startswith("One more step")
            assert page.locator("meta[name=viewport]").count() == 1, "or a phone shows it as small as a stamp"
            page.click("#continue")
        page.wait_for_url(f"{end}home")
        left = {"client_id": "emi", "post_logout_redirect_uri": f"{address}left"}
        page.goto(f"{gateway.public_url}/oauth2/logout?{urlencode(left)}")
        page.click("#logout-confirm")
        page.wait_for_url(f"{end}home")
        assert settled(page).title() == "arrived"


@pytest.mark.parametrize("first_party", [True, False])
def test_a_sign_in_in_a_popup_is_told_to_the_page_that_opened_it(
    browser: Visitor, gateway: PagesGateway, clock: FrozenClock, *, first_party: bool
) -> None:
    """OIDC Core §3.1.2.1 display=popup: the two windows know each other before and afterwards (HTML §7.1.3)."""
    secret = Journey(gateway).activate()
    clock.advance(dt.timedelta(minutes=1))
    with a_server("127.0.0.1") as address:
        know(gateway, address, first_party=first_party)
        opener = browser.open(address)
        asked = gateway.public_url + authorize_path("emi", address, display="popup")
        with opener.expect_popup() as opened:
            opener.evaluate("address => { window.popup = window.open(address) }", asked)
        page = opened.value
        page.click("form[action='/language'] button")
        settled(page)
        page.click("#disclaimer a")
        assert urlsplit(settled(page).url).path == "/legal", "what the page itself says to read before"
        page.go_back()
        settled(page)
        sign_in(page, secret, clock)
        if not first_party:
            page.click("#consent-allow")
        page.wait_for_url(f"{address}callback*")
        assert page.evaluate("window.opener !== null")
        assert not opener.evaluate("window.popup.closed")


def test_a_long_form_of_another_site_meets_the_live_session(
    browser: Visitor, gateway: PagesGateway, clock: FrozenClock
) -> None:
    """OIDC Core §3.1.2.1: our own form brings the cookies by itself, whatever the fields of the other are called."""
    secret = Journey(gateway).activate()
    clock.advance(dt.timedelta(minutes=1))
    with a_server("127.0.0.1") as address:
        know(gateway, address, first_party=True)
        asked = authorize_path("emi", address)
        page = browser.open(gateway.public_url + asked)
        sign_in(page, secret, clock)
        page.wait_for_url(f"{address}callback*")
        page.goto(f"{address}elsewhere")
        fields = [*parse_qsl(urlsplit(asked).query), ("x_long", "x" * 9_000), ("submit", "Sign in")]
        page.evaluate(_POST, [f"{gateway.public_url}/oauth2/authorize", fields])
        page.wait_for_url(f"{address}callback?code=*")
