"""The last form of a sign-in leads straight to the application that waits; whatever is sent again leads to a page."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from tests.support.forms import form_with, submit
from tests.support.gateway import Journey, authorize_path, totp_code

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from kernel.clock import FrozenClock
    from tests.support.gateway import PagesGateway

Known = tuple[Journey, str]
APP = "https://emi.example/"
PAGE_KIT = {"Cross-Origin-Opener-Policy", "Permissions-Policy", "Vary"}


@pytest.fixture
def known(gateway: PagesGateway, clock: FrozenClock) -> Known:
    """Give Nora after her activation, with the secret of her app and an application that she may open."""
    account_id = gateway.provision()
    nora = Journey(gateway)
    secret = nora.activate()
    gateway.application("emi", "EMI", APP, account_id)
    clock.advance(dt.timedelta(minutes=1))
    return nora, secret


def _at_the_code(gateway: PagesGateway, **asked: str) -> tuple[Journey, str]:
    """Return a browser that gave the password for an application, and where its form for the code leads."""
    visitor = Journey(gateway)
    visitor.open(authorize_path("emi", APP, **asked))
    visitor.give_password()
    assert visitor.page is not None
    return visitor, form_with(visitor.text, "code").action


def _send_code(visitor: Journey, secret: str) -> TestResponse:
    assert visitor.page is not None
    code = totp_code(secret, visitor.gateway.services.store.clock)
    return submit(visitor.client, visitor.page, {"code": code})


def _kinds(answer: TestResponse) -> list[str]:
    return sorted(name for name, _ in answer.headers if name not in ("Set-Cookie", "X-Request-Id"))


def test_the_form_is_answered_as_the_endpoint_would(gateway: PagesGateway, known: Known) -> None:
    """RFC 6749 §4.1.2, AZ-25: 303, never cached, no referrer, the session's cookie, and no page of ours between."""
    visitor, _ = _at_the_code(gateway)
    answer = _send_code(visitor, known[1])
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{APP}callback?code=")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("gateway_session=")
    assert "HttpOnly" in cookie
    straight = visitor.client.get(authorize_path("emi", APP))
    assert straight.headers["Location"].startswith(f"{APP}callback?code=")
    for name in _kinds(straight):
        if name not in ("Location", "Content-Length"):
            assert answer.headers[name] == straight.headers[name], name
    assert set(_kinds(answer)) - set(_kinds(straight)) == PAGE_KIT
    assert answer.get_data() == b""


def test_a_form_post_answer_is_its_page(gateway: PagesGateway, known: Known) -> None:
    """Form Post Response Mode §2: the page that posts itself, under its own policy and no other."""
    visitor, _ = _at_the_code(gateway, response_mode="form_post")
    answer = _send_code(visitor, known[1])
    assert answer.status_code == 200
    assert f'action="{APP}callback"' in answer.text
    assert 'name="code"' in answer.text
    (policy,) = answer.headers.getlist("Content-Security-Policy")
    assert "form-action" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert "gateway_session=" in answer.headers["Set-Cookie"]


def test_what_is_sent_or_opened_again_gives_no_second_code(gateway: PagesGateway, known: Known) -> None:
    """AZ-21: the form once more, the way back, a reload; the session stays, and the page leads to the application."""
    visitor, action = _at_the_code(gateway)
    page = visitor.page
    assert page is not None
    _send_code(visitor, known[1])
    flow = action.partition("?flow=")[2]
    again = submit(visitor.client, page, {"code": "000000"})
    opened = [visitor.client.get(path) for path in (f"/sign-in?flow={flow}", action)]
    assert [answer.status_code for answer in (again, *opened)] == [410] * 3
    assert not any("code=" in str(answer.headers) for answer in (again, *opened))
    assert visitor.open(f"/oauth2/authorize/resume?flow={flow}").status_code == 400
    assert visitor.open("/").request.path == "/"
