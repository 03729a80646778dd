"""Signing in through the Gateway, signing out, and being signed out (step 3 and 9 of the first story; SE-10)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from registration.domain.sign_in import LogoutNotice
from tests.support.forms import form_with, submit, token_of
from tests.web.registration.conftest import GATEWAY, NORA

if TYPE_CHECKING:
    from tests.web.registration.conftest import Pages

GUARDED = [
    "/actions", "/me", "/requests", "/requests/10001", "/access", "/operator/organizations", "/organizations/x",
    "/organizations/x/access", "/organizations/x/persons/y", "/drafts/x/account", "/drafts/x/search", "/drafts/x/select",
    "/drafts/x/register", "/drafts/x/confirm-person", "/drafts/x/roles", "/drafts/x/confirm-grant", "/drafts/x/revoke",
    "/drafts/x/confirm-revoke", "/drafts/x/confirm-contact", "/drafts/x/confirm-end", "/drafts/x/confirm-representative",
    "/drafts/x/organization", "/drafts/x/confirm-organization",
]  # fmt: skip


@pytest.mark.parametrize("path", GUARDED)
def test_a_stranger_is_sent_to_sign_in_and_comes_back(pages: Pages, path: str) -> None:
    """Nothing of the registry is shown to nobody."""
    response = pages.stranger().get(path)
    assert response.status_code == 303
    assert parse_qs(urlsplit(response.location).query)["return_to"] == [path]


@pytest.mark.parametrize(
    "path", ["/organizations/x/access", "/operator/organizations/new", "/drafts/x/confirm-grant"]
)
def test_a_form_of_a_stranger_is_refused(pages: Pages, path: str) -> None:
    """A session that ended between page and form changes nothing."""
    client = pages.stranger()
    token = token_of(client.get("/").text)
    response = client.post(path, data={"csrf_token": token})
    assert response.status_code == 403
    assert "You are signed out" in response.text


def test_what_was_typed_outlives_the_session(pages: Pages) -> None:
    """The form waits for its owner; one press sends it, and nobody types fifteen fields twice."""
    client = pages.browser("ra")
    here = pages.begin(client)
    submit(client, client.get(f"{here}/search"), {"last_name": "Field"})
    form = client.get(f"{here}/register")
    pages.world.clock.advance(dt.timedelta(minutes=31))
    sent = submit(client, form, {**NORA, "last_name": "O'Field-Côté"})
    assert sent.status_code == 303
    kept = parse_qs(urlsplit(sent.location).query)["return_to"][0]
    assert pages.sign_in(client, "ra", kept).location == kept
    page = client.get(kept)
    assert "nothing was changed" in page.text
    assert submit(client, page, {}, action=f"{here}/register").location == f"{here}/confirm-person"
    assert "O&#39;Field-Côté" in client.get(f"{here}/confirm-person").text


def test_several_values_of_one_field_are_kept(pages: Pages) -> None:
    client = pages.browser("ra")
    here = pages.begin(client)
    roles = pages.register(client, here)
    ticked = roles.text.split('name="role" type="checkbox" value="')[1:3]
    keys = [each.partition('"')[0] for each in ticked]
    pages.world.clock.advance(dt.timedelta(minutes=31))
    sent = submit(client, roles, {"role": keys})
    kept = parse_qs(urlsplit(sent.location).query)["return_to"][0]
    pages.sign_in(client, "ra", kept)
    assert submit(client, client.get(kept), {}, action=f"{here}/roles").location == f"{here}/confirm-grant"
    assert form_with(client.get(f"{here}/roles").text, "role").fields["role"] == keys


def test_what_was_typed_is_nobody_elses(pages: Pages) -> None:
    """Not of whoever signs in next at that computer, nor of a browser that never was signed in (RG-19)."""
    client = pages.browser("ra")
    form = client.get(f"{pages.begin(client)}/search")
    pages.world.clock.advance(dt.timedelta(minutes=31))
    sent = submit(client, form, {"last_name": "Field"})
    kept = parse_qs(urlsplit(sent.location).query)["return_to"][0]
    assert client.get(kept).location.startswith("/sign-in?return_to=")
    pages.sign_in(client, "pc")
    assert client.get(kept).status_code == 404
    other = pages.stranger()
    token = token_of(other.get("/").text)
    other.set_cookie("registration_session", "A" * 43)
    assert other.post("/drafts/x/search", data={"csrf_token": token}).status_code == 403


def test_a_draft_that_is_no_kept_form_is_not_shown_as_one(pages: Pages) -> None:
    client = pages.browser("ra")
    draft = pages.begin(client).rpartition("/")[2]
    assert client.get(f"/kept/{draft}").status_code == 404


@pytest.mark.parametrize("cookie", ["x", "A" * 43, "' OR 1=1", "A" * 5000, "%00", "a.b.c"])
def test_a_session_cookie_that_is_none_of_ours_opens_nothing(pages: Pages, cookie: str) -> None:
    """SE-10: treated as anonymous."""
    bare = pages.app.test_client(use_cookies=False)
    response = bare.get("/actions", headers={"Cookie": f"registration_session={cookie}"})
    assert response.status_code == 303
    assert response.location.startswith("/sign-in")


def test_signing_in_leads_to_the_gateway_and_back_to_the_page(pages: Pages) -> None:
    """OIDC Core §3.1.2: state and nonce travel, the cookie is HttpOnly and Lax."""
    client = pages.stranger()
    begun = client.get("/sign-in?return_to=/requests?page=2")
    assert begun.status_code == 303
    assert begun.location.startswith(f"{GATEWAY}/oauth2/authorize?")
    finished = pages.sign_in(client, "ra", "/requests?page=2")
    assert finished.status_code == 303
    assert finished.location == "/requests?page=2"
    cookie = next(
        value for value in finished.headers.getlist("Set-Cookie") if "registration_session" in value
    )
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Rita" in client.get("/actions").text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_signing_in_never_leads_to_another_site(pages: Pages, target: str) -> None:
    """No open redirect."""
    assert pages.sign_in(pages.stranger(), "ra", target).location == "/"


def test_an_answer_without_its_attempt_is_refused(pages: Pages) -> None:
    """SE-06: login CSRF, a foreign state, a state of another browser, and one that was spent."""
    client = pages.stranger()
    assert client.get("/callback?code=good&state=made-up").status_code == 403
    assert client.get("/callback?code=good").status_code == 403
    pages.world.drain()
    pages.provider.subject = pages.subject_of("ra")
    begun = client.get("/sign-in")
    state = parse_qs(urlsplit(begun.location).query)["state"][0]
    assert pages.stranger().get(f"/callback?code=good&state={state}").status_code == 403
    assert client.get(f"/callback?code=good&state={state}&state={state}").status_code == 403


def test_an_answer_is_looked_at_once(pages: Pages) -> None:
    """The second callback with the same state finds nothing."""
    client = pages.stranger()
    finished = pages.sign_in(client, "ra")
    assert finished.status_code == 303
    again = client.get(finished.request.full_path)
    assert again.status_code == 403


def test_an_error_of_the_gateway_is_shown_without_its_words(pages: Pages) -> None:
    """What stands in the address of an answer is not repeated on the page."""
    client = pages.stranger()
    state = parse_qs(urlsplit(client.get("/sign-in").location).query)["state"][0]
    page = client.get(f"/callback?error=access_denied&error_description=<b>no</b>&state={state}")
    assert page.status_code == 403
    assert "<b>no</b>" not in page.text
    assert "access_denied" not in page.text


def test_a_gateway_account_the_registry_does_not_know_is_turned_away(pages: Pages) -> None:
    """Only people of the registry get in."""
    client = pages.stranger()
    pages.provider.subject = "unknown"
    state = parse_qs(urlsplit(client.get("/sign-in").location).query)["state"][0]
    page = client.get(f"/callback?code=good&state={state}")
    assert page.status_code == 403
    assert "Rights Administrator" in page.text
    assert client.get("/actions").status_code == 303


def test_an_unreachable_gateway_is_said_in_one_sentence(pages: Pages) -> None:
    """503, and a way to try again."""
    pages.provider.reachable = False
    page = pages.stranger().get("/sign-in")
    assert page.status_code == 503
    assert "The Gateway cannot be reached" in page.text
    assert 'href="/sign-in"' in page.text


def test_signing_out_ends_the_session_here_and_leads_to_the_gateway(pages: Pages) -> None:
    """OIDC RP-Initiated Logout 1.0; the form may end at the Gateway's origin."""
    client = pages.browser("ra")
    page = client.get("/actions")
    assert f"form-action 'self' {GATEWAY}" in page.headers["Content-Security-Policy"]
    stolen = client.get_cookie("registration_session", domain="127.0.0.1")
    left = submit(client, page, {}, action="/sign-out")
    assert left.location.startswith(f"{GATEWAY}/oauth2/logout?id_token_hint=")
    assert stolen
    client.set_cookie("registration_session", stolen.value, domain="127.0.0.1")
    assert client.get("/actions").status_code == 303


def test_a_link_cannot_sign_anybody_out(pages: Pages) -> None:
    """SE-05: GET changes nothing."""
    client = pages.browser("ra")
    assert client.get("/sign-out").status_code == 405
    assert client.get("/actions").status_code == 200


def test_a_checked_logout_token_ends_the_session(pages: Pages) -> None:
    """OIDC Back-Channel Logout 1.0: posted by the Gateway without any cookie or form token."""
    client = pages.browser("ra")
    now = pages.world.clock.now()
    notice = LogoutNotice("jti-1", "gateway-session-1", None, now, now + dt.timedelta(minutes=2))
    pages.provider.notices["checked"] = notice
    heard = pages.app.test_client(use_cookies=False).post(
        "/backchannel-logout", data={"logout_token": "checked"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert heard.status_code == 200
    assert heard.headers["Cache-Control"] == "no-store"
    assert client.get("/actions").status_code == 303


@pytest.mark.parametrize(
    "data",
    [{}, {"logout_token": "forged"}, {"logout_token": ["checked", "checked"]}, {"logout_token": "x" * 20000}],
)
def test_a_logout_token_that_is_not_valid_ends_nothing(pages: Pages, data: dict[str, str]) -> None:
    """BCL §2.8: 400."""
    client = pages.browser("ra")
    heard = pages.app.test_client(use_cookies=False).post("/backchannel-logout", data=data)
    assert heard.status_code == 400
    assert heard.json["error"] == "invalid_request"
    assert client.get("/actions").status_code == 200


def test_a_logout_token_that_cannot_be_checked_may_come_again(pages: Pages) -> None:
    """LO-07, BCL §2.8: 400 would tell the Gateway that it is not wanted, and the session would go on."""
    pages.provider.reachable = False
    heard = pages.app.test_client(use_cookies=False).post(
        "/backchannel-logout", data={"logout_token": "checked"}
    )
    assert (heard.status_code, heard.headers["Cache-Control"]) == (503, "no-store")
    assert heard.headers["Retry-After"]
