"""Signing out: at the application, at the provider, and when the provider says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from relying_parties.app import make_applications
from tests.support.fake_op import LOGOUT_EVENT, FakeOP
from tests.web.relying_parties.conftest import EMI, PUBLIC, REPORTS, Person

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

    from kernel.clock import FrozenClock
    from relying_parties.settings import ApplicationsSettings

BACKCHANNEL = EMI + "backchannel-logout"


def send(person: Person, token: str, path: str = BACKCHANNEL) -> TestResponse:
    """Send a logout token as the provider does: without cookies, as a form."""
    return Person(person.client.application).post(path, {"logout_token": token})


def is_signed_in(person: Person) -> bool:
    """Tell whether the application knows this browser."""
    return person.get(EMI).status_code == 200


def test_signing_out_ends_the_session_here_and_at_the_provider(person: Person, op: FakeOP) -> None:
    """RP-Initiated Logout §2, §3: id_token_hint, client_id, post_logout_redirect_uri and state."""
    person.visit(EMI)
    cookie = person.client.get_cookie("emi_session", "127.0.0.1")
    assert cookie
    response = person.post(EMI + "sign-out", {"form_token": person.form_token(EMI)})
    assert response.status_code == 303
    query = parse_qs(urlsplit(response.headers["Location"]).query)
    assert query["post_logout_redirect_uri"] == [PUBLIC + EMI + "signed-out"]
    assert query["client_id"] == ["emi"]
    assert query["id_token_hint"][0].count(".") == 2
    page = person.follow(response)
    assert page.status_code == 200
    assert "signed out of Energy Market Interface and of the sign-in service" in page.text
    person.client.set_cookie("emi_session", cookie.value, domain="127.0.0.1")
    assert not is_signed_in(person)


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({"form_token": "guessed"}, {}),
        ({"form_token": "own"}, {"Origin": "https://evil.example"}),
        ({"form_token": "own"}, {"Sec-Fetch-Site": "cross-site"}),
        ({"form_token": "own"}, {"Origin": "null"}),
    ],
)
def test_nobody_else_signs_a_person_out(
    form: dict[str, str], headers: dict[str, str], person: Person
) -> None:
    """LO-01 at the relying party: only our own form with its own token ends the session."""
    person.visit(EMI)
    if form.get("form_token") == "own":
        form = {"form_token": person.form_token(EMI)}
    assert person.post(EMI + "sign-out", form, **headers).status_code == 403
    assert is_signed_in(person)


def test_looking_at_the_sign_out_address_changes_nothing(person: Person) -> None:
    """GET is inert."""
    person.visit(EMI)
    assert person.get(EMI + "sign-out").status_code == 405
    assert "You are still signed in" in person.get(EMI + "signed-out").text
    assert is_signed_in(person)


def test_signing_out_while_the_provider_is_away_ends_the_session_here(
    person: Person, settings: ApplicationsSettings, op: FakeOP, clock: FrozenClock
) -> None:
    """A worker that has never reached the provider: the page says plainly what has not ended."""
    person.visit(EMI)
    form = {"form_token": person.form_token(EMI)}
    cookie = person.client.get_cookie("emi_session", "127.0.0.1")
    assert cookie
    op.stop()
    other = Person(make_applications(settings, clock=clock))
    other.client.set_cookie("emi_session", cookie.value, domain="127.0.0.1")
    page = other.post(EMI + "sign-out", form)
    assert page.status_code == 200
    assert "you may still be signed in there" in page.text
    assert not is_signed_in(person)


def test_coming_back_with_another_state_claims_nothing_about_the_provider(person: Person) -> None:
    """RP-Initiated Logout §3: only the logout that we asked for is told as done there."""
    page = person.get(EMI + "signed-out?state=made-up")
    assert "You are signed out of Energy Market Interface." in page.text
    assert "and of the sign-in service" not in page.text


def test_a_logout_token_ends_the_session_of_its_sid(person: Person, app: Flask, op: FakeOP) -> None:
    """Back-Channel Logout §2.7, §2.8: 200, no-store, and the next request finds no session; others live."""
    person.visit(EMI)
    op.sid = "another-session"
    elsewhere = Person(app)
    elsewhere.visit(EMI)
    response = send(person, op.logout_token("emi", sid="op-session-1"))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert not is_signed_in(person)
    assert is_signed_in(elsewhere)


def test_a_logout_token_without_sid_ends_every_session_of_the_subject(
    person: Person, app: Flask, op: FakeOP
) -> None:
    """Back-Channel Logout §2.7."""
    person.visit(EMI)
    op.sid = "another-session"
    elsewhere, somebody = Person(app), Person(app)
    elsewhere.visit(EMI)
    op.account = {**op.account, "sub": "somebody-else"}
    somebody.visit(EMI)
    token = op.logout_token("emi", sub="01J9ZC3Q4R5S6T7V8W9X0Y1Z2A", sid=None)
    assert send(person, token).status_code == 200
    assert [is_signed_in(each) for each in (person, elsewhere, somebody)] == [False, False, True]


def test_a_logout_token_ends_sessions_of_its_own_client_only(person: Person, op: FakeOP) -> None:
    """A membership that goes closes one application, not the others."""
    op.access.append({"org": "1", "org_name": "ACME", "role": "reports-dispatch", "role_name": "Dispatch"})
    person.visit(EMI)
    person.visit(REPORTS)
    assert send(person, op.logout_token("emi")).status_code == 200
    assert not is_signed_in(person)
    assert person.get(REPORTS).status_code == 200


BAD: dict[str, dict[str, object]] = {
    "nonce": {"nonce": "n"},
    "wrong aud": {"aud": "reports-confidential"},
    "aud of many": {"aud": ["emi", "reports-confidential"]},
    "wrong iss": {"iss": "https://other.example"},
    "no jti": {"jti": None},
    "no events": {"events": None},
    "other event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "event no object": {"events": {LOGOUT_EVENT: True}},
    "events a list": {"events": [LOGOUT_EVENT]},
    "nobody": {"sub": None, "sid": None},
    "sid no text": {"sid": 7},
    "no iat": {"iat": None},
    "no exp": {"exp": None},
}


@pytest.mark.parametrize("case", BAD)
def test_a_forged_logout_token_ends_nothing(case: str, person: Person, op: FakeOP) -> None:
    """LO-06, Back-Channel Logout §2.6, §2.8: 400 with no-store, and the session lives."""
    person.visit(EMI)
    response = send(person, op.logout_token("emi", **BAD[case]))
    assert response.status_code == 400
    assert response.headers["Cache-Control"] == "no-store"
    assert response.get_json()["error"] == "invalid_request"
    assert is_signed_in(person)


def test_a_logout_token_works_once(person: Person, op: FakeOP, clock: FrozenClock) -> None:
    """LO-06: a reused jti is 400 and does not end the session that came after."""
    person.visit(EMI)
    token = op.logout_token("emi")
    assert send(person, token).status_code == 200
    clock.advance(timedelta(seconds=2))
    person.visit(EMI)
    assert send(person, token).status_code == 400
    assert is_signed_in(person)


def test_an_id_token_is_no_logout_token(person: Person, op: FakeOP) -> None:
    """LO-06, RFC 8725 §3.11: typed apart, whatever it says."""
    person.visit(EMI)
    for token in (
        op.sign(op.id_claims("emi")),
        op.sign(op.logout_claims("emi")),
        op.sign(op.logout_claims("emi"), typ=""),
        op.sign(op.logout_claims("emi"), typ="at+jwt"),
    ):
        assert send(person, token).status_code == 400
    assert is_signed_in(person)


@pytest.mark.parametrize("body", [{}, {"logout_token": ""}, {"logout_token": "a.b.c"}, {"token": "x"}])
def test_a_body_without_a_logout_token_is_refused(body: dict[str, str], person: Person) -> None:
    """Back-Channel Logout §2.5: exactly one logout_token."""
    assert person.post(BACKCHANNEL, body).status_code == 400


def test_a_logout_token_that_cannot_be_checked_now_is_to_be_sent_again(person: Person, op: FakeOP) -> None:
    """503 and Retry-After, so that the provider's queue keeps it; nothing is spent."""
    token = op.logout_token("emi")
    op.broken = {"/jwks"}
    response = send(person, token)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"


def test_a_logout_that_overtakes_the_sign_in_is_not_lost(person: Person, op: FakeOP) -> None:
    """The token arrives between the ID token and the session: the session never begins."""
    callback = person.to_provider(person.get(EMI).headers["Location"])
    op.change_userinfo = lambda claims: send(person, op.logout_token("emi")) and claims
    page = person.get(callback)
    assert page.status_code == 403
    assert "Your session was ended" in page.text
    assert not is_signed_in(person)


def test_who_gets_access_again_signs_in_with_the_same_provider_session(
    person: Person, op: FakeOP, clock: FrozenClock
) -> None:
    """The provider's session lives on when one application is closed; a later sign-in there is a new one."""
    person.visit(EMI)
    send(person, op.logout_token("emi"))
    clock.advance(timedelta(seconds=2))
    assert person.visit(EMI).status_code == 200


def test_a_session_that_ended_sends_no_forms(person: Person, op: FakeOP) -> None:
    """What was typed is not taken from nobody; the page says so."""
    person.visit(EMI)
    token = person.form_token(EMI)
    send(person, op.logout_token("emi"))
    page = person.post(EMI + "offers", {"form_token": token, "org": "101234"})
    assert page.status_code == 403
    assert "Nothing was sent" in page.text
