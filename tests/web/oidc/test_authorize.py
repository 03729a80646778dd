"""The authorization endpoint: refusals, sessions, and the way through a login flow."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from kernel.web.http import FORM
from tests.support.forms import form_with
from tests.support.oidc import CALLBACK, ISSUER, claims_of, returned
from tests.support.sign_in_flows import finish, flow_of, flow_token

if TYPE_CHECKING:
    from tests.support.oidc import Op


def test_an_unregistered_redirect_uri_is_a_page_and_an_audit_row(op: Op) -> None:
    """AZ-01: no Location, no code, and the refusal is written down."""
    op.client()
    answer = op.authorize(op.session(op.account()), redirect_uri="https://evil.example/cb")
    assert answer.status == 400
    assert answer.header("location") == ""
    assert b"evil" not in answer.body
    (row,) = op.audit("gateway:authorization:refused")
    assert row.outcome == "refused"


def test_refusals_of_pages_are_not_written_without_bound(op: Op) -> None:
    """OB-*: anybody may send a broken request; the audit is not filled by one address."""
    op.client()
    for _ in range(40):
        assert op.authorize(redirect_uri="https://evil.example/cb").status == 400
    assert len(op.audit("gateway:authorization:refused")) == 30


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_errors_carry_state_and_issuer(op: Op, changes: dict[str, str], error: str) -> None:
    """AZ-12, AZ-16, PK-02: state back, iss on every error."""
    op.client()
    answer = returned(op.authorize(**changes))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "st", ISSUER)


def test_attackers_text_is_never_our_message(op: Op) -> None:
    """AZ-15: nothing of the request stands in an error."""
    op.client()
    bad = "<script>alert(1)</script>"
    for name in ("scope", "prompt", "max_age", "acr_values", "ui_locales", "login_hint", "error_description"):
        answer = op.authorize(**{name: bad, "scope": bad if name == "scope" else "openid"})
        assert b"alert" not in answer.body
        assert "alert" not in answer.header("location")


@pytest.mark.parametrize("state", ["'\"<>&+%=", "a\r\nSet-Cookie: x=y", "x" * 2000, "état 日本 🂡", " a+b "])
def test_state_comes_back_as_it_was(op: Op, state: str) -> None:
    """AZ-14: byte for byte in the query, escaped in a page, and no header is split."""
    op.client()
    cookie = op.session(op.account())
    assert returned(op.authorize(cookie, state=state))["state"] == state
    page = op.authorize(cookie, state=state, response_mode="form_post")
    assert page.status == 200
    assert all("\n" not in value for _name, value in page.headers)


def test_a_text_that_is_no_utf_8_is_a_page(op: Op) -> None:
    """AZ-14: a lone surrogate's encoding is refused, not guessed."""
    op.client()
    query = urlencode(op.ask()) + "&login_hint=%ED%A0%80"
    assert op.call("GET", "/oauth2/authorize", query=query).status == 400


def test_without_a_session_one_is_sent_to_sign_in(op: Op) -> None:
    """The request waits in a flow bound to this browser; hints stay out of it."""
    op.client()
    answer = op.authorize(login_hint="fieldn")
    flow = flow_of(op, flow_token(answer))
    assert flow.client_name == "The emi"
    assert flow.login_hint == "fieldn"
    assert flow.request["kind"] == "authorize"
    assert "set-cookie" not in {name.lower() for name, _ in answer.headers}


def test_a_browser_without_a_secret_gets_one(op: Op) -> None:
    """SE-02: __Host-, Secure, HttpOnly, Lax, the whole path."""
    op.client()
    answer = op.call("GET", "/oauth2/authorize", query=urlencode(op.ask()))
    cookie = answer.header("set-cookie")
    assert cookie.startswith("__Host-gateway_browser=")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize("cookie", ["x", "' OR 1=1 --", "é" * 43, "a" * 8192, "A" * 43])
def test_a_malformed_session_cookie_is_nobody(op: Op, cookie: str) -> None:
    """SE-10: garbage is anonymous, never an error."""
    op.client()
    assert flow_token(op.authorize(cookie))


def test_a_live_session_gets_a_code_without_a_question(op: Op) -> None:
    """Single sign-on: 303, code, state, iss; nothing is cached and no CORS is offered (AZ-24, AZ-25)."""
    op.client()
    answer = op.authorize(op.session(op.account()))
    assert set(returned(answer)) == {"code", "state", "iss"}
    assert answer.header("cache-control") == "no-store"
    assert not any(name.lower().startswith("access-control") for name, _ in answer.headers)


def test_other_methods_do_nothing(op: Op) -> None:
    """AZ-24: no CORS preflight, and a HEAD issues no code."""
    op.client()
    cookie = op.session(op.account())
    for method in ("HEAD", "OPTIONS", "PUT"):
        answer = op.call(method, "/oauth2/authorize", query=urlencode(op.ask()), headers=op.cookies(cookie))
        assert answer.status == 405
        assert not any(name.lower().startswith("access-control") for name, _ in answer.headers)
    assert op.audit("gateway:authorization:granted") == []


def test_form_post_brings_the_answer_in_a_form(op: Op) -> None:
    """Form Post Response Mode, trap T1 and T2: errors and codes alike, under a policy that lets it leave."""
    op.client()
    cookie = op.session(op.account())
    for changes, word in (({}, b'name="code"'), ({"prompt": "none", "max_age": "0"}, b'name="error"')):
        answer = op.authorize(cookie, response_mode="form_post", **changes)
        assert answer.status == 200
        assert word in answer.body
        assert f'action="{CALLBACK}"'.encode() in answer.body
        assert b'<span lang="fr">Continuer</span>' in answer.body, "where scripts are off, in both languages"
        policy = answer.header("content-security-policy")
        assert "form-action" not in policy
        style = answer.body.partition(b"<style>")[2].partition(b"</style>")[0]
        assert f"style-src 'sha256-{b64encode(sha256(style).digest()).decode()}'" in policy
        assert answer.header("referrer-policy") == "strict-origin", "or browsers say Origin: null"
        assert "unsafe" not in policy


def test_a_posted_request_meets_its_session_by_a_get(op: Op) -> None:
    """OIDC Core §3.1.2.1: POST is served; a cross-site form brings no Lax cookie, so it comes back as a GET."""
    op.client()
    cookie = op.session(op.account())
    with_cookie = op.post("/oauth2/authorize", op.ask(), headers=op.cookies(cookie))
    assert "code" in returned(with_cookie)
    without = op.post("/oauth2/authorize", op.ask())
    assert without.status == 303
    assert without.header("location") == f"{ISSUER}/oauth2/authorize?{urlencode(op.ask())}"


def test_a_posted_request_too_long_for_an_address_meets_its_session_by_our_own_form(op: Op) -> None:
    """OIDC Core §3.1.2.1: a live session is seen, and no other tab loses the browser's secret (AZ-21)."""
    op.client()
    cookie = op.session(op.account())
    asked = {**op.ask(), "x_long": '"<&>' * 3_000}
    foreign = op.post("/oauth2/authorize", asked, headers={"origin": "https://rp.example"})
    assert (foreign.status, foreign.header("set-cookie")) == (200, "")
    page = foreign.body.decode()
    form = form_with(page, "x_long")
    assert (form.method, form.action.partition("?")[0]) == ("post", f"{ISSUER}/oauth2/authorize")
    assert {name: value for name, (value,) in form.fields.items()} == asked
    own = {"origin": ISSUER}
    assert "code" in returned(op.post("/oauth2/authorize", asked, headers=own | op.cookies(cookie)))
    nobody = op.post("/oauth2/authorize", asked, headers=own)
    assert nobody.header("location").startswith(f"{ISSUER}/sign-in?"), "asked once more, and not for ever"
    vouched = {"origin": "null", "sec-fetch-site": "same-origin"}
    nobody = op.post("/oauth2/authorize", asked, headers=vouched)
    assert nobody.header("location").startswith(f"{ISSUER}/sign-in?"), "a browser that never tells origins"


def test_a_posted_request_that_stays_foreign_is_refused(op: Op) -> None:
    """OIDC Core §3.1.2.1, SE-06: our form in a sandboxed window is nobody's, and is not sent round for ever."""
    op.client()
    asked = {**op.ask(), "x_long": "x" * 9_000}
    sandboxed = {"origin": "null", "sec-fetch-site": "cross-site"}
    form = form_with(op.post("/oauth2/authorize", asked, headers=sandboxed).body.decode(), "x_long")
    path, _, query = form.action.removeprefix(ISSUER).partition("?")
    again = op.call(
        "POST", path, query=query, body=urlencode(asked).encode(), headers={"content-type": FORM, **sandboxed}
    )
    assert (again.status, again.header("set-cookie")) == (400, "")
    assert b"<form" not in again.body
    own = {"content-type": FORM, "origin": ISSUER}
    ours = op.call("POST", path, query=query, body=urlencode(asked).encode(), headers=own)
    assert ours.header("location").startswith(f"{ISSUER}/sign-in?")


@pytest.mark.parametrize("media", ["application/json", "text/plain", "multipart/form-data; boundary=x"])
def test_a_posted_request_is_a_form(op: Op, media: str) -> None:
    """OIDC Core §3.1.2.1."""
    answer = op.call("POST", "/oauth2/authorize", body=b"{}", headers={"content-type": media})
    assert answer.status == 400
    assert answer.header("content-type").startswith("text/html")


def test_an_account_without_membership_meets_a_page(op: Op) -> None:
    """The application's own memberships open it; others see whom to ask, and no code is made."""
    op.client(application_key="emi")
    account = op.account()
    op.member(account, application_key="reports")
    cookie = op.session(account)
    answer = op.authorize(cookie)
    assert answer.status == 403
    assert answer.header("location") == ""
    assert returned(op.authorize(cookie, prompt="none"))["error"] == "access_denied"
    assert op.audit("gateway:authorization:granted") == []
    op.member(account)
    assert "code" in returned(op.authorize(cookie))


@pytest.mark.parametrize(
    "changes", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}, {"max_age": "1"}]
)
def test_prompt_login_and_max_age_ask_again(op: Op, changes: dict[str, str]) -> None:
    """AZ-18: a live session is not enough; with prompt=none the client hears so."""
    op.client()
    cookie = op.session(op.account(), age=dt.timedelta(seconds=3))
    flow = flow_of(op, flow_token(op.authorize(cookie, **changes)))
    assert flow.demands.fresh
    if "max_age" in changes:
        assert returned(op.authorize(cookie, prompt="none", **changes))["error"] == "login_required"


def test_a_young_enough_session_passes_max_age(op: Op) -> None:
    """OIDCC MaxAge10000: nobody is asked, and auth_time is when she really signed in (trap T6)."""
    op.client()
    cookie = op.session(op.account(), age=dt.timedelta(minutes=30))
    signed_in = int((op.clock.now() - dt.timedelta(minutes=30)).timestamp())
    assert claims_of(op.tokens(cookie, max_age="10000")["id_token"])["auth_time"] == signed_in


def test_a_stronger_class_is_asked_for_although_a_session_lives(op: Op) -> None:
    """Step-up: acr_values count with a live session; a session that is strong enough is left in peace."""
    op.client()
    account = op.account()
    weak = op.session(account, acr="urn:switchyard:acr:1fa", amr=("pwd",))
    flow = flow_of(op, flow_token(op.authorize(weak, acr_values="urn:switchyard:acr:2fa")))
    assert (flow.account_id, flow.demands.acr) == (account, ("urn:switchyard:acr:2fa",))
    strong = op.session(account, acr="phr")
    assert "code" in returned(op.authorize(strong, acr_values="urn:switchyard:acr:2fa"))


def test_an_id_token_hint_names_the_person(op: Op) -> None:
    """OIDC Core §3.1.2.1: another person than the one hinted at is asked; a foreign hint is refused."""
    op.client()
    nora, omar = op.account("nora"), op.account("omar")
    hint = op.tokens(op.session(nora))["id_token"]
    assert "code" in returned(op.authorize(op.session(nora), id_token_hint=hint))
    other = op.session(omar)
    assert returned(op.authorize(other, id_token_hint=hint, prompt="none"))["error"] == "login_required"
    flow = flow_of(op, flow_token(op.authorize(other, id_token_hint=hint)))
    assert flow.session_id is None, "the flow must not build on another person's session"
    assert returned(op.authorize(other, id_token_hint=hint[:-4] + "AAAA"))["error"] == "invalid_request"


def test_what_another_client_was_told_is_no_hint(op: Op) -> None:
    """OIDC Core §3.1.2.1: an ID token of this provider for somebody else tells this client nothing."""
    op.client()
    op.client("other")
    cookie = op.session(op.account())
    theirs = op.redeem(op.code(cookie, client_id="other"), headers=op.basic("other")).json()["id_token"]
    for more in ({}, {"prompt": "none"}):
        assert returned(op.authorize(cookie, id_token_hint=theirs, **more))["error"] == "invalid_request"


def test_a_request_goes_on_after_the_sign_in_exactly_once(op_on_both: Op) -> None:
    """AZ-21: the flow is taken up once, in its own browser, by the session it opened."""
    op = op_on_both
    op.client()
    account = op.account()
    token = flow_token(op.authorize())
    cookie = op.session(account)
    assert op.get("/oauth2/authorize/resume", cookie, flow=token).status == 400, "not finished yet"
    finish(op, token, account, cookie)
    stranger = {"cookie": f"__Host-gateway_browser={'x' * 43}; __Host-gateway_session={cookie}"}
    foreign = op.call("GET", "/oauth2/authorize/resume", query=f"flow={token}", headers=stranger)
    assert foreign.status == 400, "another browser"
    answer = returned(op.get("/oauth2/authorize/resume", cookie, flow=token))
    assert op.redeem(answer["code"]).status == 200
    assert op.get("/oauth2/authorize/resume", cookie, flow=token).status == 400, "a second visit"


def test_another_session_cannot_take_a_finished_flow_over(op: Op) -> None:
    """AZ-21, CVE-2026-18963: the code goes to the session which that very flow opened, or to nobody."""
    op.client()
    account = op.account()
    token = flow_token(op.authorize())
    finish(op, token, account, op.session(account))
    answer = returned(op.get("/oauth2/authorize/resume", op.session(op.account("omar")), flow=token))
    assert answer["error"] == "login_required"


def test_a_person_other_than_the_hinted_one_is_told_to_the_client(op: Op) -> None:
    """OIDC Core §3.1.2.1: signing in as somebody else does not satisfy an id_token_hint."""
    op.client()
    nora, omar = op.account("nora"), op.account("omar")
    hint = op.tokens(op.session(nora))["id_token"]
    token = flow_token(op.authorize(id_token_hint=hint))
    cookie = op.session(omar)
    finish(op, token, omar, cookie)
    answer = returned(op.get("/oauth2/authorize/resume", cookie, flow=token))
    assert answer["error"] == "login_required"


@pytest.mark.parametrize("query", ["", "flow=", "flow=x", "flow=" + "x" * 5000, "flow=%00", "flow=%ff"])
def test_a_resume_without_a_flow_is_a_page(op: Op, query: str) -> None:
    """AZ-21: never a server error, never a code."""
    answer = op.call("GET", "/oauth2/authorize/resume", query=query, headers=op.cookies(""))
    assert answer.status == 400
    assert answer.header("content-type").startswith("text/html")


def test_an_ended_or_deactivated_account_has_no_session(op: Op) -> None:
    """LO-04, UI-05: the row decides, not the cookie."""
    op.client()
    account = op.account()
    cookie = op.session(account)
    op.set_account(account, active=False)
    assert flow_token(op.authorize(cookie))


def test_a_native_client_comes_back_to_any_loopback_port(op: Op) -> None:
    """AZ-07, RFC 8252 §7.3: PKCE and no secret."""
    op.client(
        "cli",
        application_type="native",
        token_endpoint_auth_method="none",
        redirect_uris=["http://127.0.0.1/cb"],
    )
    answer = op.authorize(op.session(op.account()), client_id="cli", redirect_uri="http://127.0.0.1:50123/cb")
    assert answer.header("location").startswith("http://127.0.0.1:50123/cb?code=")
    code = parse_qs(urlsplit(answer.header("location")).query)["code"][0]
    done = op.redeem(code, headers={}, client_id="cli", redirect_uri="http://127.0.0.1:50123/cb")
    assert done.status == 200


def test_parameters_of_a_posted_request_come_from_the_body_only(op: Op) -> None:
    """OIDC Core §3.1.2.1: the query of a POST is not looked at."""
    op.client()
    answer = op.call(
        "POST",
        "/oauth2/authorize",
        query=urlencode(op.ask()),
        body=b"client_id=nobody",
        headers={"content-type": FORM, **op.cookies(op.session(op.account()))},
    )
    assert answer.status == 400
