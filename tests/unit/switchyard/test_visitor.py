"""The browser without a screen: what it reads from a page and what it sends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import flask
import pytest
from werkzeug.serving import make_server

from switchyard.visitor import LostError, Visitor, read_page

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORM = """<!doctype html><html><head><title>Order - Shop</title></head><body><h1>Your  order</h1>
<a href="/news">All <b>news</b></a>
<form method="post" action="/language"><button name="language" value="fr">Français</button></form>
<form method="post"><input type="hidden" name="csrf" value="t&amp;1"><input name="who" value="">
<input type="radio" id="r1" name="size" value="s"><label for="r1">Small</label>
<input type="radio" id="r2" name="size" value="l" checked><label for="r2">Large</label>
<input type="checkbox" name="extra" value="a" checked><input type="checkbox" name="extra" value="b">
<select name="country"><option value="CA" selected>Canada</option><option value="US">United States</option></select>
<textarea name="note">
first</textarea><input disabled name="off" value="x">
<button name="go" value="back">Go Back</button><button name="go" value="on">Continue</button></form>
<script>var text = "not shown"</script></body></html>"""


def test_a_page_is_read_with_its_heading_links_forms_and_choices() -> None:
    page = read_page("http://a.example/order", 200, _FORM)
    assert (page.title, page.heading) == ("Order - Shop", "Your order")
    assert page.link("all news") == "http://a.example/news"
    assert "not shown" not in page.text
    form = page.form()
    assert form.names == {"csrf", "who", "size", "extra", "country", "note"}
    assert form.fields["csrf"] == ["t&1"]
    assert form.fields["note"] == ["first"]
    assert {(choice.name, choice.label, choice.value) for choice in form.choices} >= {
        ("country", "United States", "US"),
        ("size", "Small", "s"),
    }


@pytest.fixture
def shop() -> Iterator[str]:
    app = flask.Flask(__name__)

    @app.get("/order")
    def order() -> str:
        return _FORM

    @app.post("/order")
    def take() -> flask.wrappers.Response:
        sent = flask.request.form.to_dict(flat=False)
        response = flask.redirect(
            flask.url_for("done", **{name: ",".join(values) for name, values in sent.items()}), 303
        )
        response.set_cookie("seen", "yes")
        return response  # type: ignore[return-value]

    @app.get("/done")
    def done() -> str:
        query = " ".join(f"{name}={value}" for name, value in sorted(flask.request.args.items()))
        return f"<h1>Done</h1><p>{query} cookie={flask.request.cookies.get('seen')}</p>"

    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_form_is_sent_as_a_browser_sends_it(shop: str) -> None:
    with Visitor() as visitor:
        visitor.open(f"{shop}/order")
        visitor.submit({"who": "Jim", "size": "s", "extra": ["a", "b"]}, press="Continue")
        page = visitor.expect(
            "Done", "csrf=t&1", "who=Jim", "size=s", "extra=a,b", "country=CA", "go=on", "cookie=yes"
        )
        assert page.url.startswith(f"{shop}/done")
        assert "off=" not in page.text


def test_what_is_not_on_the_page_is_named(shop: str) -> None:
    with Visitor() as visitor:
        visitor.open(f"{shop}/order")
        with pytest.raises(LostError, match="no field"):
            visitor.submit({"wrong": "x"})
        with pytest.raises(LostError, match="no form 'Pay'"):
            visitor.submit(press="Pay")
        with pytest.raises(LostError, match="no link"):
            visitor.follow("Pay")
        with pytest.raises(LostError, match="expected 404"):
            visitor.expect(status=404)
        with pytest.raises(LostError, match="does not stand"):
            visitor.expect("Paid")
