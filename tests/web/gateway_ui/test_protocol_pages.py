"""The pages that protocol endpoints show: nothing of the request is repeated, everything a page has is there."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest

from gateway_ui.web.errors import ProtocolPages
from gateway_ui.web.messages import LOGOUT_ERRORS, REQUEST_ERRORS
from kernel.web.http import Request
from tests.support.forms import form_with, forms_of, submit
from tests.support.gateway import (
    Journey,
    PagesGateway,
    authorize_path,
    heading_of,
    numbers_of,
    totp_code,
)

if TYPE_CHECKING:
    from kernel.clock import FrozenClock

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


@pytest.mark.parametrize("code", sorted({**REQUEST_ERRORS, **LOGOUT_ERRORS}))
def test_each_known_code_has_its_sentence(pages: ProtocolPages, code: str) -> None:
    """AZ-01, AZ-02, RP-Initiated Logout §4: what happened, whom to ask, and a reference."""
    text = pages.error_page(_request(), 400, code).body.decode()
    opens = code in REQUEST_ERRORS
    assert heading_of(text) == ("We could not open the application" if opens else "We could not sign you out")
    said = REQUEST_ERRORS[code] if opens else LOGOUT_ERRORS[code]
    assert numbers_of(text) == [str(said.number)]
    assert f'<span class="kit-code">{code}</span>' in text
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
    """What the person chose on a page, then the request's ui_locales, then the browser."""
    french = pages.error_page(_request(), 400, "invalid_request", "de fr-CA en").body.decode()
    assert '<html class="govuk-template" lang="fr">' in french
    by_browser = pages.error_page(_request(accept_language="fr"), 400, "invalid_request").body.decode()
    assert 'lang="fr"' in by_browser
    html = '<html class="govuk-template" lang="fr">'
    chosen = _request(cookie="gateway_language=fr")
    for asked in ("", "en"):
        assert html in pages.error_page(chosen, 400, "invalid_request", asked).body.decode()
        assert html in pages.logout_page(chosen, action="/", language=asked).body.decode()


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


def test_a_window_that_an_application_signs_out_in_stays_its_own(pages: ProtocolPages) -> None:
    """RP-Initiated Logout §3: a popup ends on the client's page, which tells the page that opened it."""
    for onward, policy in (("https://emi.example/left", "unsafe-none"), ("", "same-origin")):
        for answer in (
            pages.logout_page(_request(), action="/oauth2/logout", onward=onward),
            pages.signed_out_page(_request(), onward=onward),
        ):
            assert answer.header("Cross-Origin-Opener-Policy") == policy


def test_the_pages_work_inside_a_request_of_the_same_application(
    gateway: PagesGateway, pages: ProtocolPages
) -> None:
    """Both mounts of a protocol face answer the same page."""
    with gateway.app.test_request_context("/oauth2/authorize"):
        inside = pages.error_page(_request(), 400, "unknown_client")
    outside = pages.error_page(_request(), 400, "unknown_client")
    assert heading_of(inside.body.decode()) == heading_of(outside.body.decode())
    assert {name for name, _ in inside.headers} == {name for name, _ in outside.headers}


EMI = "http://127.0.0.1:8002/apps/emi/"


def test_who_finds_a_colleagues_session_signs_in_as_herself(gateway: PagesGateway) -> None:
    """OIDC Core §3.1.2.1 prompt=login: on a shared computer the name of another is no dead end."""
    gateway.application("emi", "Energy Market Interface", EMI, gateway.provision())
    nora = Journey(gateway)
    nora.activate()
    nora.open(authorize_path("emi", EMI, prompt="login"))
    assert heading_of(nora.text) == "Confirm that it is you"
    assert form_with(nora.text, "username").fields["username"] == ["fieldn"]
    again = next(form.action for form in forms_of(nora.text) if form.action.startswith("/sign-in/again"))
    nora.send(action=again)
    assert heading_of(nora.text) == "Sign in"
    assert "readonly" not in nora.text
    assert "to continue to Energy Market Interface" in nora.text
    assert "/sign-in/again" not in nora.text


def test_a_sign_in_for_an_application_ends_at_the_application(
    gateway: PagesGateway, clock: FrozenClock
) -> None:
    """Story step 7: the page names the application, and the last step leads back to it with a code."""
    gateway.application("emi", "Energy Market Interface", EMI, gateway.provision())
    secret = Journey(gateway).activate()
    clock.advance(dt.timedelta(minutes=1))
    visitor = Journey(gateway)
    visitor.open(authorize_path("emi", EMI, login_hint="fieldn"))
    assert "to continue to Energy Market Interface" in visitor.text
    assert 'value="fieldn"' in visitor.text
    visitor.give_password()
    assert visitor.page is not None
    answer = submit(visitor.client, visitor.page, {"code": totp_code(secret, clock)})
    while answer.headers["Location"].startswith("/"):
        answer = visitor.client.get(answer.headers["Location"])
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{EMI}callback?")
    assert "state=state-of-the-application" in answer.headers["Location"]


def test_a_form_may_end_elsewhere_only_on_the_way_to_an_application(gateway: PagesGateway) -> None:
    """CSP form-action: its addresses lead on to any scheme (RFC 8252 §7); no page tells of an application."""
    gateway.application("emi", "Energy Market Interface", EMI)
    browser = gateway.app.test_client()
    for path, targets in ((authorize_path("emi", EMI), []), ("/sign-in", ["form-action 'self'"])):
        policy = browser.get(path, follow_redirects=True).headers["Content-Security-Policy"]
        assert [part for part in policy.split("; ") if part.startswith("form-action")] == targets
        assert "127.0.0.1" not in policy


def test_an_application_without_a_membership_shows_whom_to_ask(gateway: PagesGateway) -> None:
    """Story step 9: opening the application's address is refused by a page, not by a redirect."""
    gateway.provision()
    gateway.application("emi", "Energy Market Interface", EMI)
    nora = Journey(gateway)
    nora.activate()
    nora.open(authorize_path("emi", EMI))
    assert nora.page is not None
    assert nora.page.status_code == 403
    assert heading_of(nora.text) == "You do not have access to Energy Market Interface"
    assert 'id="whom-to-ask"' in nora.text


def test_an_address_that_is_not_registered_is_told_here(gateway: PagesGateway) -> None:
    """AZ-01: 400, our page, no redirect."""
    gateway.application("emi", "Energy Market Interface", EMI)
    visitor = Journey(gateway)
    visitor.open(authorize_path("emi", EMI, redirect_uri="https://evil.test/cb"))
    assert visitor.page is not None
    assert visitor.page.status_code == 400
    assert visitor.messages == ["5003"]
    visitor.open(authorize_path("nobody", EMI))
    assert visitor.messages == ["5002"]
    assert "evil.test" not in re.sub(r'name="return_to" value="[^"]*"', "", visitor.text)


def test_an_application_that_asks_to_sign_out_is_confirmed_by_the_person(gateway: PagesGateway) -> None:
    """LO-01: the link alone ends nothing; the button ends everything."""
    gateway.provision()
    gateway.application("emi", "Energy Market Interface", EMI)
    nora = Journey(gateway)
    nora.activate()
    page = nora.open("/oauth2/logout?client_id=emi")
    assert "Energy Market Interface asks to sign you out." in page.text
    assert heading_of(nora.open("/").text) == "Your applications"
    answer = submit(nora.client, page, {}, action="/oauth2/logout", follow=True)
    assert heading_of(answer.text) == "You are signed out"
    assert heading_of(nora.open("/").text) == "Sign in"
