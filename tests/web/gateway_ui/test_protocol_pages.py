"""The pages that protocol endpoints show: nothing of the request is repeated, everything a page has is there."""

from __future__ import annotations

import pytest

from gateway_ui.web.errors import ProtocolPages
from gateway_ui.web.messages import REQUEST_ERRORS
from kernel.web.http import Request
from tests.support.forms import form_with
from tests.support.gateway import Journey, PagesGateway, heading_of, numbers_of

ATTACK = "<script>alert(1)</script>"


@pytest.fixture
def pages(gateway: PagesGateway) -> ProtocolPages:
    """Give the pages as the wiring hands them to the protocol side."""
    return ProtocolPages(gateway.app, gateway.public_url)


def _request(query: str = "", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", "/oauth2/authorize", query, named)


@pytest.mark.parametrize(
    "name", ["scope", "prompt", "client_id", "error_hint", "error_description", "ui_locales"]
)
def test_nothing_of_the_request_is_shown(pages: ProtocolPages, name: str) -> None:
    """AZ-15: script in any parameter; our own sentence, a policy, no redirect."""
    answer = pages.error_page(_request(f"{name}={ATTACK}"), 400, ATTACK, ATTACK)
    text = answer.body.decode()
    assert answer.status == 400
    assert ATTACK not in text
    assert numbers_of(text) == ["5001"]
    assert "frame-ancestors 'none'" in answer.header("Content-Security-Policy")
    assert answer.header("Location") == ""
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("Content-Type").startswith("text/html")


@pytest.mark.parametrize("code", sorted(REQUEST_ERRORS))
def test_each_known_code_has_its_sentence(pages: ProtocolPages, code: str) -> None:
    """AZ-01, AZ-02: what happened, whom to ask, and a reference."""
    text = pages.error_page(_request(), 400, code).body.decode()
    assert heading_of(text) == "We could not open the application"
    assert numbers_of(text) == [str(REQUEST_ERRORS[code].number)]
    assert "help@operator.example" in text


def test_who_has_no_access_is_told_whom_to_ask(pages: ProtocolPages, gateway: PagesGateway) -> None:
    """Story step 9, G-91: 403, the application's name, the way back to the dashboard."""
    gateway.provision()
    nora = Journey(gateway)
    nora.activate()
    session = nora.client.get_cookie("gateway_session")
    assert session is not None
    answer = pages.no_access_page(
        _request(cookie=f"gateway_session={session.value}"), "Energy <Market> Interface"
    )
    text = answer.body.decode()
    assert answer.status == 403
    assert heading_of(text) == "You do not have access to Energy <Market> Interface"
    assert "Energy <Market>" not in text
    assert "You are signed in as Nora Field." in text
    assert "Rights Administrator or Applicant Representative" in text
    assert 'href="/"' in text


def test_the_pages_speak_the_readers_language(pages: ProtocolPages) -> None:
    """The request's ui_locales, then the cookie, then the browser."""
    french = pages.error_page(_request(), 400, "invalid_request", "de fr-CA en").body.decode()
    assert '<html class="govuk-template" lang="fr">' in french
    by_browser = pages.error_page(_request(accept_language="fr"), 400, "invalid_request").body.decode()
    assert 'lang="fr"' in by_browser
    by_cookie = pages.error_page(_request(cookie="gateway_language=fr"), 400, "invalid_request").body.decode()
    assert 'lang="fr"' in by_cookie


def test_signing_out_for_an_application_is_asked_first(pages: ProtocolPages) -> None:
    """RP-Initiated Logout §2: the question has the button logout-confirm, and carries the fields it was given."""
    answer = pages.logout_page(
        _request(), action="/oauth2/logout", fields=(("hint", '"><b>'),), client_name="Reports <site>"
    )
    text = answer.body.decode()
    form = form_with(text, "hint")
    assert form.action == "/oauth2/logout"
    assert form.fields["hint"] == ['"><b>']
    assert "csrf_token" in form.fields
    assert 'id="logout-confirm"' in text
    assert "Reports &lt;site&gt; asks to sign you out." in text


def test_the_signed_out_page_shows_no_name(pages: ProtocolPages) -> None:
    """After the end nobody is named."""
    answer = pages.signed_out_page(_request())
    assert answer.status == 200
    assert heading_of(answer.body.decode()) == "You are signed out"


def test_the_pages_work_inside_a_request_of_the_same_application(
    gateway: PagesGateway, pages: ProtocolPages
) -> None:
    """Both mounts of a protocol face answer the same page."""
    with gateway.app.test_request_context("/oauth2/authorize"):
        inside = pages.error_page(_request(), 400, "unknown_client")
    outside = pages.error_page(_request(), 400, "unknown_client")
    assert heading_of(inside.body.decode()) == heading_of(outside.body.decode())
    assert {name for name, _ in inside.headers} == {name for name, _ in outside.headers}
