"""The sign-in page: what it refuses, what it never tells, and what stands on it in which order."""

from __future__ import annotations

import datetime as dt
import gzip
import re
from typing import TYPE_CHECKING

import pytest

from idp.usecases.start_login import start_login
from tests.support.forms import form_with, submit, token_of
from tests.support.gateway import PASSWORD, Journey, a_gateway, heading_of, numbers_of, title_of

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.gateway import PagesGateway

Member = tuple[Journey, str]


def _likeness(page: object) -> tuple[object, ...]:
    """Return an answer without what is random in every answer: form tokens, nonces, references, flows."""
    status, body, headers = page.status_code, page.text, dict(page.headers)  # type: ignore[attr-defined]
    body = re.sub(r'(name="csrf_token" value|flow)="?=?[^"&]+', r"\1", body)
    headers = {name: re.sub(r"nonce-[^']+", "nonce", value) for name, value in headers.items()}
    headers.pop("X-Request-Id")
    headers.pop("Content-Length")
    return status, body, headers


def test_wrong_unknown_locked_and_waiting_accounts_get_the_same_answer(
    gateway: PagesGateway, member: Member
) -> None:
    """EN-01, G-26, 6.3: status, body, headers and cookies do not tell whether an account exists."""
    gateway.provision("waitingw", given_name="Will", family_name="Waiting", email="will@acme.example")
    answers = []
    for name in ("fieldn", "nobody99", "waitingw"):
        visitor = Journey(gateway)
        visitor.open("/sign-in")
        visitor.page = submit(visitor.client, visitor.page, {"username": name, "password": "Wrong+guess77"})
        answers.append(_likeness(visitor.page))
        assert visitor.messages == ["1001"]
    bodies = {
        answer[1].replace(f'value="{name}"', "")
        for answer, name in zip(answers, ("fieldn", "nobody99", "waitingw"), strict=True)
    }
    assert len(bodies) == 1
    assert len({answer[0] for answer in answers}) == 1
    assert answers[0][2] == answers[1][2] == answers[2][2]


def test_a_locked_account_looks_like_a_wrong_password(gateway: PagesGateway, member: Member) -> None:
    """LK-*, EN-01: after ten failures even the right password gets the one sentence, and nothing else."""
    visitor = Journey(gateway)
    visitor.open("/sign-in")
    for _ in range(10):
        visitor.give_password(password="Wrong+guess77")
    visitor.give_password()
    assert visitor.page.status_code == 422
    assert visitor.messages == ["1001"]


def test_an_empty_form_names_both_fields_and_keeps_the_name(gateway: PagesGateway) -> None:
    """WCAG 3.3.1: each field says what is missing; the title begins with Error; the password is never echoed."""
    visitor = Journey(gateway)
    visitor.open("/sign-in")
    visitor.send(username="", password="")
    assert visitor.messages == ["1004", "1005"]
    assert title_of(visitor.text).startswith("Error: Sign in")
    visitor.send(username="fieldn", password="")
    assert visitor.messages == ["1005"]
    assert 'value="fieldn"' in visitor.text
    visitor.send(username="nobody99", password="Wrong+guess77")
    assert "Wrong+guess77" not in visitor.text


@pytest.mark.parametrize("name", ["username", "password", "remember"])
def test_a_field_that_comes_twice_is_no_form_of_ours(gateway: PagesGateway, name: str) -> None:
    """LG-12: doubled keys are answered with 400."""
    visitor = Journey(gateway)
    page = visitor.open("/sign-in")
    form = form_with(page.text, "username")
    data = [
        ("csrf_token", token_of(page.text)),
        ("username", "a"),
        ("password", "b"),
        (name, "c"),
        (name, "d"),
    ]
    body = "&".join(f"{key}={value}" for key, value in data)
    answer = visitor.client.post(form.action, data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400


@pytest.mark.parametrize("body", ['{"username":["a"],"password":{}}', "null", "[]"])
def test_json_is_not_read(gateway: PagesGateway, body: str) -> None:
    """LG-12: arrays, objects and null never reach a check."""
    visitor = Journey(gateway)
    page = visitor.open("/sign-in")
    action = form_with(page.text, "username").action
    assert visitor.client.post(action, data=body, content_type="application/json").status_code == 400


def test_no_other_site_signs_a_person_in(gateway: PagesGateway, member: Member) -> None:
    """SE-05, SE-06: no token, another browser's token, another origin, another site: 403, and no session."""
    visitor = Journey(gateway)
    page = visitor.open("/sign-in")
    action = form_with(page.text, "username").action
    data = {"username": "fieldn", "password": PASSWORD}
    stranger = Journey(gateway)
    foreign = token_of(stranger.open("/sign-in").text)
    own = token_of(page.text)
    answers = [
        visitor.client.post(action, data=data),
        visitor.client.post(action, data={**data, "csrf_token": foreign}),
        visitor.client.post(
            action, data={**data, "csrf_token": own}, headers={"Origin": "https://evil.test"}
        ),
        visitor.client.post(action, data={**data, "csrf_token": own}, headers={"Origin": "null"}),
        visitor.client.post(
            action, data={**data, "csrf_token": own}, headers={"Sec-Fetch-Site": "cross-site"}
        ),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    assert not any("gateway_session" in str(answer.headers.getlist("Set-Cookie")) for answer in answers)


@pytest.mark.parametrize("value", ["x", "'; drop table session; --", "é" * 20, "A" * 4096, "", "null"])
def test_a_malformed_session_cookie_is_nobody(gateway: PagesGateway, value: str) -> None:
    """SE-10, SE-09: whatever stands in the cookie, one is asked to sign in; never an error."""
    client = gateway.app.test_client()
    answer = client.get("/", headers={"Cookie": f"gateway_session={value}".encode().decode("latin-1")})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in?flow=")


def test_what_an_application_hints_is_escaped(gateway: PagesGateway) -> None:
    """AZ-15, SE-15: a hint is a value of the field and nothing else."""
    visitor = Journey(gateway)
    visitor.open("/help")
    browser = visitor.client.get_cookie("gateway_browser")
    assert browser is not None
    flow = start_login(
        gateway.services,
        browser=browser.value,
        request={"kind": "page", "path": "/"},
        client_name='<script>alert("{{7*7}}")</script>',
        login_hint='"><script>alert(1)</script>',
    )
    visitor.open(f"/sign-in?flow={flow}")
    assert "<script>alert" not in visitor.text
    assert "{{7*7}}" in visitor.text


def test_the_page_stands_in_the_order_of_the_specification(gateway: PagesGateway) -> None:
    """gateway.md 6.2, G-26 to G-28, G-39, LG-15, R 3.3.8: fields, help, address, disclaimer, footer."""
    text = Journey(gateway).open("/sign-in").text
    marks = [
        "govuk-skip-link",
        'lang="fr"',
        "kit-strip",
        "<h1",
        'id="username"',
        'id="password"',
        'name="remember"',
        'id="login-submit"',
        'id="passkey-button"',
        "Need help signing in?",
        'id="address-check"',
        'id="disclaimer"',
        "/supported-browsers",
        "/privacy",
        "/accessibility",
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert 'autocomplete="username webauthn"' in text
    assert 'autocapitalize="none"' in text
    assert 'autocomplete="current-password"' in text
    assert gateway.public_url in text[text.index('id="address-check"') :]
    assert "1-888-555-0100" in text
    assert "mailto:help@operator.example" in text


def test_the_environment_is_named_in_strip_and_title(
    gateway: PagesGateway, sqlite_gateway_database: Database
) -> None:
    """gateway.md 6.1, WCAG 1.4.1: the Sandbox says so in words; production is calm."""
    assert title_of(Journey(gateway).open("/sign-in").text) == "Sign in \u2013 Gateway (Sandbox)"
    production = a_gateway(sqlite_gateway_database, environment="")
    text = Journey(production).open("/sign-in").text
    assert title_of(text) == "Sign in \u2013 Gateway"
    assert "kit-strip" not in text


def test_the_application_one_continues_to_is_named(gateway: PagesGateway) -> None:
    """gateway.md 6.2: the second line of the heading."""
    visitor = Journey(gateway)
    visitor.open("/help")
    browser = visitor.client.get_cookie("gateway_browser")
    assert browser is not None
    flow = start_login(
        gateway.services,
        browser=browser.value,
        request={"kind": "page", "path": "/"},
        client_name="Energy Market Interface",
    )
    assert "to continue to Energy Market Interface" in visitor.open(f"/sign-in?flow={flow}").text


def test_passkeys_are_not_offered_where_browsers_refuse_them(sqlite_gateway_database: Database) -> None:
    """WebAuthn §5.1.2: a bare network address is no relying party id, so the page does not promise one."""
    gateway = a_gateway(sqlite_gateway_database, public_url="http://127.0.0.1:8000")
    text = Journey(gateway).open("/sign-in").text
    assert "passkey-button" not in text
    assert "passkey." not in text


def test_the_user_id_is_remembered_only_after_the_right_password(
    gateway: PagesGateway, member: Member
) -> None:
    """G-26, EN-01: the cookie never tells whether an account exists; unticking forgets it."""
    visitor, _secret = member
    visitor.open("/sign-in")
    visitor.send(username="nobody99", password="Wrong+guess77", remember="yes")
    assert visitor.client.get_cookie("gateway_user") is None
    visitor.send(username="fieldn", password=PASSWORD, remember="yes")
    assert visitor.client.get_cookie("gateway_user") is not None
    text = visitor.open("/sign-in").text
    assert 'id="username" name="username" type="text"' in text
    assert 'value="fieldn"' in text
    assert "checked" in text
    page = visitor.page
    assert page is not None
    form = form_with(page.text, "username")
    answer = visitor.client.post(
        form.action,
        data={"csrf_token": form.fields["csrf_token"], "username": "fieldn", "password": PASSWORD},
        follow_redirects=True,
    )
    assert heading_of(answer.text) == "Enter your code"
    assert visitor.client.get_cookie("gateway_user") is None


def test_a_step_that_was_not_reached_leads_back_to_the_first_unmet_one(gateway: PagesGateway) -> None:
    """AZ-21: whatever step is called, empty or filled in, the flow stands where it stood."""
    visitor = Journey(gateway)
    page = visitor.open("/sign-in")
    token = token_of(page.text)
    flow = form_with(page.text, "username").action.partition("?flow=")[2]
    for path in (
        "/sign-in/second-step",
        "/sign-in/new-password",
        "/sign-in/mailbox",
        "/sign-in/mailbox/send",
        "/enrol",
        "/enrol/question",
        "/enrol/app",
        "/enrol/passkey",
        "/enrol/finish",
    ):
        answer = visitor.client.post(f"{path}?flow={flow}", data={"csrf_token": token, "code": "123456"})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/sign-in?flow={flow}"), path
    answer = visitor.client.post(f"/enrol/passkey/options?flow={flow}", data={"csrf_token": token})
    assert answer.status_code == 409


def test_another_browser_cannot_go_on_with_a_flow(gateway: PagesGateway) -> None:
    """AZ-21, SE-06: a flow belongs to its browser; elsewhere it has expired."""
    visitor = Journey(gateway)
    flow = form_with(visitor.open("/sign-in").text, "username").action.partition("?flow=")[2]
    stranger = Journey(gateway)
    stranger.open(f"/sign-in?flow={flow}")
    assert stranger.page is not None
    assert stranger.page.status_code == 410
    assert heading_of(stranger.text) == "We cannot go on with this sign-in"
    assert f"Allow cookies for {gateway.public_url}" in stranger.text, "it may be the same, without cookies"
    stranger.open(f"/sign-in?flow={flow}")
    assert heading_of(stranger.text) == "This sign-in has expired"
    stranger.send(action=f"/sign-in/again?flow={flow}")
    assert heading_of(stranger.text) == "Sign in"


def test_an_expired_sign_in_starts_again_towards_the_same_place(member: Member, clock: FrozenClock) -> None:
    """The page says that it expired, and the goal is kept."""
    visitor, secret = member
    visitor.open("/help")
    browser = visitor.client.get_cookie("gateway_browser")
    assert browser is not None
    flow = start_login(
        visitor.gateway.services,
        browser=browser.value,
        request={"kind": "page", "path": "/legal"},
        client_name="Energy Market Interface",
    )
    clock.advance(dt.timedelta(hours=2))
    visitor.open(f"/sign-in?flow={flow}")
    assert heading_of(visitor.text) == "This sign-in has expired"
    assert "Energy Market Interface" in visitor.text
    visitor.send(action=f"/sign-in/again?flow={flow}")
    visitor.give_password()
    visitor.give_code(secret)
    assert visitor.path == "/legal"


def test_three_tabs_all_finish(member: Member, clock: FrozenClock) -> None:
    """Bar 31: sign-ins begun in several tabs of one browser all come to their end."""
    first, secret = member
    tabs = [first, Journey(first.gateway, browser=first.client), Journey(first.gateway, browser=first.client)]
    for tab in tabs:
        tab.open("/sign-in")
    for tab in tabs:
        tab.give_password()
        clock.advance(dt.timedelta(seconds=60))
        tab.give_code(secret)
        assert tab.path == "/"
        assert heading_of(tab.text) == "Your applications"


def test_going_back_after_the_end_goes_on(member: Member) -> None:
    """The pages of a finished flow lead on; nothing breaks and nothing is asked twice."""
    visitor, secret = member
    page = visitor.open("/sign-in")
    flow = form_with(page.text, "username").action.partition("?flow=")[2]
    visitor.give_password()
    second = visitor.page
    assert second is not None
    visitor.give_code(secret)
    assert visitor.path == "/"
    for path in ("/sign-in", "/sign-in/second-step", "/enrol/finish"):
        assert heading_of(visitor.open(f"{path}?flow={flow}").text) == "Your applications"
    again = submit(visitor.client, second, {"code": "123456"}, follow=True)
    assert heading_of(again.text) == "Your applications"


def test_the_password_goes_nowhere_but_to_our_own_page(gateway: PagesGateway) -> None:
    """SE-07, SE-13: no framing, no caching, no inline script, forms end here."""
    answer = gateway.app.test_client().get("/sign-in", follow_redirects=True)
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in answer.headers["Vary"]
    assert not re.search(r"<script(?![^>]*src=)", answer.text)
    assert not re.search(r"\sstyle=|\son\w+=", answer.text)


def test_cookies_over_tls_carry_the_host_prefix(
    sqlite_gateway_database: Database, clock: FrozenClock
) -> None:
    """SE-02: __Host-, Secure, HttpOnly, Path=/, SameSite=Lax, no Domain, on every cookie of the way in."""
    gateway = a_gateway(sqlite_gateway_database, clock=clock, public_url="https://gateway.example")
    gateway.provision()
    client = gateway.app.test_client()
    seen: list[str] = []
    original = client.open

    def watched(*args: object, **kwargs: object) -> object:
        answer = original(*args, **kwargs)  # type: ignore[arg-type]
        for one in (*answer.history, answer):
            seen.extend(one.headers.getlist("Set-Cookie"))
        return answer

    client.open = watched  # type: ignore[method-assign, assignment]
    Journey(gateway, browser=client).activate()
    assert {cookie.partition("=")[0] for cookie in seen} >= {
        "__Host-gateway_browser",
        "__Host-gateway_session",
    }
    for cookie in seen:
        assert cookie.startswith("__Host-gateway_")
        for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
            assert attribute in cookie
        assert "Domain" not in cookie


def test_the_page_is_light(gateway: PagesGateway) -> None:
    """gateway.md 6.2: with style and scripts at most 60 KB gzip, all of it ours."""
    client = gateway.app.test_client()
    page = client.get("/sign-in", follow_redirects=True)
    parts = set(re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', page.text))
    weight = len(gzip.compress(page.data))
    for part in parts:
        weight += len(client.get(part, headers={"Accept-Encoding": "gzip"}).data)
    assert weight <= 60 * 1024
    assert not re.search(r'(?:src|href)="https?://', page.text)


def test_signing_in_twice_needs_no_second_sign_in(member: Member) -> None:
    """Whoever is signed in and opens the sign-in page sees the dashboard."""
    visitor, secret = member
    visitor.open("/sign-in")
    visitor.give_password()
    visitor.give_code(secret)
    assert heading_of(visitor.open("/sign-in").text) == "Your applications"
    assert numbers_of(visitor.text) == []


def test_who_mistyped_a_password_keeps_the_sign_in_in_another_language(gateway: PagesGateway) -> None:
    """G-26: the refused form stands at an address that can be opened, and the language switch leads there."""
    visitor = Journey(gateway)
    visitor.open("/sign-in")
    action = form_with(visitor.text, "username").action
    refused = visitor.give_password(password="Wrong+guess77")
    assert refused.status_code == 422
    back = submit(visitor.client, refused, {"language": "fr"})
    assert back.headers["Location"] == action
    assert form_with(visitor.open(action).text, "username").action == action
