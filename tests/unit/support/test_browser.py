"""The browser of the tests: with and without JavaScript, with a passkey device and with axe."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.support.browser import SMALL, Visitor, accessibility_faults, fits

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title></head><body><main>
<h1>A page</h1><p id="said">without</p><script>document.getElementById("said").textContent = "with"</script>
</main></body></html>"""


@pytest.fixture
def site() -> Iterator[str]:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: _PAGE, endpoint="page")
    app.add_url_rule("/poor", view_func=lambda: "<img src='data:,'>", endpoint="poor")
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_page_is_seen_with_and_without_javascript(any_browser: Visitor, site: str) -> None:
    page = any_browser.open(site)
    assert page.inner_text("#said") == ("with" if any_browser.javascript else "without")


def test_axe_finds_what_is_wrong_and_nothing_on_a_good_page(browser: Visitor, site: str) -> None:
    page = browser.open(site)
    assert accessibility_faults(page) == []
    page.set_viewport_size(SMALL)
    assert fits(page)
    page.goto(f"{site}/poor")
    assert any(fault.startswith("image-alt") for fault in accessibility_faults(page))


def test_a_passkey_device_holds_what_a_page_makes(browser: Visitor, site: str) -> None:
    page = browser.open(site.replace("127.0.0.1", "localhost"))
    device = browser.add_authenticator(page)
    page.evaluate(
        """async () => { await navigator.credentials.create({publicKey: {
            challenge: new Uint8Array(32), rp: {name: "a"}, user: {id: new Uint8Array(8), name: "a", displayName: "a"},
            pubKeyCredParams: [{type: "public-key", alg: -7}],
            authenticatorSelection: {residentKey: "required", userVerification: "required"}}}) }"""
    )
    assert len(device.credentials()) == 1


def test_tests_reach_no_other_machine() -> None:
    with pytest.raises(Exception, match=r"192\.0\.2\.1"):
        httpx.get("http://192.0.2.1/", timeout=1)
