"""What the applications do with what they know: bids and offers, report folders, web services, pages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.datastructures import WWWAuthenticate

from relying_parties.app import make_applications
from tests.support.fake_op import ClientAtOP, FakeOP
from tests.web.relying_parties.conftest import EMI, PUBLIC, REPORTS, Person

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from kernel.clock import FrozenClock
    from relying_parties.settings import ApplicationsSettings

OFFER = {
    "org": "101234",
    "resource": "ACMEGENE-LT.G1",
    "delivery_date": "2026-06-02",
    "first_hour": "8",
    "last_hour": "20",
    "quantity": "45.5",
    "price": "38,25",
}


def send(person: Person, path: str, **form: str) -> TestResponse:
    """Send a form of the Energy Market Interface with its own token."""
    return person.post(path, {"form_token": person.form_token(EMI), **form})


def view_only(op: FakeOP) -> None:
    """Give the account the role that may look."""
    op.access = [
        {
            "org": "101234",
            "org_name": "ACME GENERATION",
            "role": "emi-dispatch-data-view",
            "role_name": "View",
        }
    ]


def test_who_may_submit_keeps_a_draft_checks_it_and_submits_it(person: Person) -> None:
    """The deed, its confirmation page, and one submission."""
    person.visit(EMI)
    response = send(person, EMI + "offers", **OFFER)
    assert response.status_code == 303
    confirm = person.follow(response)
    assert "Nothing has been sent to the market yet." in confirm.text
    assert "38.25 $/MWh" in confirm.text
    done = person.follow(send(person, EMI + "offers/1/submit"))
    assert "Offer EMI-000001 was submitted." in done.text
    assert "Submitted" in done.text
    assert "submit-offer" not in person.get(EMI + "offers/1").text


def test_a_draft_can_be_discarded_and_what_is_submitted_cannot(person: Person) -> None:
    """What reached the market stays."""
    person.visit(EMI)
    send(person, EMI + "offers", **OFFER)
    assert "was discarded" in person.follow(send(person, EMI + "offers/1/discard")).text
    assert person.get(EMI + "offers/1").status_code == 404
    send(person, EMI + "offers", **OFFER)
    send(person, EMI + "offers/2/submit")
    send(person, EMI + "offers/2/discard")
    assert person.get(EMI + "offers/2").status_code == 200


def test_who_may_only_look_finds_the_form_at_rest_and_cannot_send_it(person: Person, op: FakeOP) -> None:
    """The server decides, not the page."""
    view_only(op)
    page = person.visit(EMI)
    assert "<fieldset disabled>" in page.text
    assert "check-offer" not in page.text
    assert send(person, EMI + "offers", **OFFER).status_code == 403


def test_nobody_acts_for_an_organization_that_gave_no_role(person: Person, op: FakeOP) -> None:
    """Another organization's number in the form is refused, another's offer is not found."""
    person.visit(EMI)
    send(person, EMI + "offers", **OFFER)
    assert send(person, EMI + "offers", **{**OFFER, "org": "999999"}).status_code == 403
    op.access = [{**op.access[0], "org": "555555", "org_name": "OTHER"}]
    stranger = Person(person.client.application)
    stranger.visit(EMI)
    assert stranger.get(EMI + "offers/1").status_code == 404
    assert send(stranger, EMI + "offers/1/submit").status_code == 404


def test_who_acts_for_two_organizations_chooses(person: Person, op: FakeOP) -> None:
    """Each with its own role."""
    op.access.append(
        {"org": "200", "org_name": "NORTH WIND", "role": "emi-dispatch-data-view", "role_name": "View"}
    )
    person.visit(EMI)
    assert "<fieldset>" in person.get(EMI + "?org=101234").text
    assert "<fieldset disabled>" in person.get(EMI + "?org=200").text
    assert "ACME GENERATION</h1>" in person.get(EMI + "?org=nonsense").text


def test_a_form_with_mistakes_names_each_and_keeps_what_was_typed(person: Person) -> None:
    """Every refusal says what to enter; nothing typed is lost, nothing is trusted."""
    person.visit(EMI)
    page = send(
        person,
        EMI + "offers",
        **{**OFFER, "resource": "X", "first_hour": "21", "quantity": '"><script>', "price": "9999"},
    )
    assert page.status_code == 422
    assert "<title>Error:" in page.text
    for told in ("Choose a resource", "may not be before", "quantity as a number", "price as a number"):
        assert page.text.count(told) == 2
    assert "&#34;&gt;&lt;script&gt;" in page.text


def test_a_form_from_elsewhere_changes_nothing(person: Person) -> None:
    """The form's own token and the browser's own word for where it comes from."""
    person.visit(EMI)
    assert person.post(EMI + "offers", OFFER).status_code == 403
    token = person.form_token(EMI)
    response = person.post(EMI + "offers", {**OFFER, "form_token": token}, Origin="https://evil.example")
    assert response.status_code == 403
    assert person.get(EMI + "offers/1").status_code == 404


def test_submitting_asks_for_a_second_factor(person: Person, op: FakeOP) -> None:
    """RP-11: one factor may look and draft, not submit."""
    op.acr = "urn:switchyard:acr:1fa"
    person.visit(EMI)
    response = send(person, EMI + "offers", **OFFER)
    assert "acr_values=" in person.get(response.headers["Location"].removeprefix(PUBLIC)).headers["Location"]
    assert "acr_values=" in send(person, EMI + "offers/1/submit").headers["Location"]
    op.acr = "phr"
    assert "submit-offer" in person.visit(EMI + "offers/1").text


def as_script(person: Person, path: str) -> TestResponse:
    """Ask for a page as a script of it would."""
    return person.client.get(path, base_url=PUBLIC, headers={"Accept": "application/json"})


def test_a_script_is_told_what_is_missing_and_the_browser_is_sent_for_it(person: Person, op: FakeOP) -> None:
    """RFC 9470 §3, §4: the challenge names classes and age, and a request with just these is met."""
    op.acr = "urn:switchyard:acr:1fa"
    person.visit(EMI)
    send(person, EMI + "offers", **OFFER)
    told = as_script(person, EMI + "offers/1")
    assert told.status_code == 401
    assert told.get_json()["error"] == "insufficient_user_authentication"
    challenge = WWWAuthenticate.from_header(told.headers["WWW-Authenticate"])
    assert challenge is not None
    assert (challenge.type, challenge.get("error")) == ("bearer", "insufficient_user_authentication")
    sent = parse_qs(urlsplit(person.get(EMI + "offers/1").headers["Location"]).query)
    assert sent["acr_values"] == [challenge.get("acr_values")] == ["urn:switchyard:acr:2fa phr"]
    assert sent["max_age"] == [challenge.get("max_age")] == ["3600"]
    op.acr = "phr"
    assert "submit-offer" in person.visit(EMI + "offers/1").text
    assert as_script(person, EMI + "offers/1").status_code == 200


def test_a_service_for_people_challenges_a_token_of_a_weak_or_old_sign_in(
    settings: ApplicationsSettings, clock: FrozenClock, op: FakeOP
) -> None:
    """RFC 9470 §3: 401 with acr_values and max_age; a token without a sign-in behind it is one of them."""
    service = replace(settings.web_services[0], acr=("urn:switchyard:acr:2fa", "phr"), max_age_minutes=5)
    app = make_applications(replace(settings, applications=(), web_services=(service,)), clock=clock)
    person, audience = Person(app), PUBLIC + "/ws/emim/"
    strong = {"acr": "phr", "auth_time": op.now() - 240}
    for weak in (
        {},
        {"acr": "phr"},
        {**strong, "acr": "urn:switchyard:acr:1fa"},
        {**strong, "auth_time": op.now() - 600},
    ):
        refused = call(person, op.access_token("emi", audience, "mim.query", **weak))
        assert refused.status_code == 401
        assert refused.get_json()["error"] == "insufficient_user_authentication"
        challenge = WWWAuthenticate.from_header(refused.headers["WWW-Authenticate"])
        assert challenge is not None
        assert challenge.get("error") == "insufficient_user_authentication"
        assert challenge.get("acr_values") == "urn:switchyard:acr:2fa phr"
        assert challenge.get("max_age") == "300"
    assert call(person, op.access_token("emi", audience, "mim.query", **strong)).status_code == 200


def reports_for(op: FakeOP, *roles: str) -> None:
    """Give the account report roles."""
    op.access = [
        {"org": "101234", "org_name": "ACME GENERATION", "role": role, "role_name": role} for role in roles
    ]


def test_only_the_folders_of_ones_roles_are_there(person: Person, op: FakeOP) -> None:
    """Settlement role: the settlement folder; others are 403, unknown ones 404."""
    reports_for(op, "reports-settlement")
    page = person.visit(REPORTS)
    assert "folders/101234/settlement/" in page.text
    assert "folders/101234/dispatch/" not in page.text
    assert person.get(REPORTS + "folders/101234/dispatch/").status_code == 403
    assert person.get(REPORTS + "folders/999/settlement/").status_code == 403
    assert person.get(REPORTS + "folders/101234/nothing/").status_code == 404


def test_a_report_is_downloaded_as_a_file(person: Person, op: FakeOP) -> None:
    """The same figures at every download."""
    reports_for(op, "reports-dispatch")
    person.visit(REPORTS)
    folder = person.get(REPORTS + "folders/101234/dispatch/")
    names = re.findall(r'href="([^"]+\.csv)"', folder.text)
    assert len(names) == 14
    file = person.get(names[0])
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert file.data == person.get(names[0]).data
    assert person.get(names[0].replace("_v1", "_v2")).status_code == 404


def test_the_web_service_answers_who_called(person: Person, op: FakeOP) -> None:
    """RFC 9068 §4."""
    token = op.access_token("APIIESO00001", PUBLIC + "/ws/emim/", "mim.query mim.submit")
    response = call(person, token)
    assert response.status_code == 200
    assert response.get_json()["client_id"] == "APIIESO00001"
    assert response.get_json()["scope"] == ["mim.query", "mim.submit"]


def call(person: Person, token: str | None) -> TestResponse:
    """Call the web service."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return person.client.get("/ws/emim/", base_url=PUBLIC, headers=headers)


def test_the_web_service_refuses_who_has_no_token_and_says_where_to_get_one(person: Person) -> None:
    """RFC 6750 §3.1: no reason without a token; RFC 9728 §5.1: where the metadata is."""
    response = call(person, None)
    assert response.status_code == 401
    challenge = response.headers["WWW-Authenticate"]
    assert "error=" not in challenge
    place = f"{PUBLIC}/.well-known/oauth-protected-resource/ws/emim"
    assert f'resource_metadata="{place}"' in challenge
    assert person.get(place.removeprefix(PUBLIC)).get_json()["resource"] == PUBLIC + "/ws/emim/"


@pytest.mark.parametrize("case", ["audience", "issuer", "old", "id token", "nonsense", "client", "bound"])
def test_the_web_service_refuses_tokens_that_are_not_for_it(case: str, person: Person, op: FakeOP) -> None:
    """RFC 9068 §4, RFC 8725 §3.12: typ, iss, aud, exp, client_id; a bound token is no bearer token."""
    audience = PUBLIC + "/ws/emim/"
    tokens = {
        "audience": op.access_token("m", "https://elsewhere.example", "mim.query"),
        "issuer": op.access_token("m", audience, "mim.query", iss=op.issuer + "/"),
        "old": op.access_token("m", audience, "mim.query", exp=op.now() - 61),
        "id token": op.sign({**op.id_claims(audience), "client_id": "m", "scope": "mim.query", "jti": "1"}),
        "nonsense": "not.a.token",
        "client": op.access_token("m", audience, "mim.query", client_id=None),
        "bound": op.access_token("m", audience, "mim.query", cnf={"jkt": "x"}),
    }
    response = call(person, tokens[case])
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_the_web_service_refuses_a_token_without_its_scope(person: Person, op: FakeOP) -> None:
    """RFC 6750 §3.1: 403 and the scope that is needed."""
    response = call(person, op.access_token("m", PUBLIC + "/ws/emim/", "mim.submit"))
    assert response.status_code == 403
    assert 'scope="mim.query"' in response.headers["WWW-Authenticate"]


def test_the_front_page_lists_the_applications_without_a_sign_in(person: Person, op: FakeOP) -> None:
    """In English and French, the choice kept in a cookie."""
    assert "Energy Market Interface" in person.get("/").text
    assert "Interface du marché de l\N{RIGHT SINGLE QUOTATION MARK}énergie" in person.get("/?lang=fr").text
    assert '<html lang="fr">' in person.get("/").text
    assert op.hits == []


def test_the_browsers_language_is_taken_if_none_was_chosen(person: Person) -> None:
    """Accept-Language, of which only the beginning is read."""
    for header, expected in (("fr-CA,fr;q=0.9,en;q=0.8", "fr"), ("de,en;q=0.5", "en"), ("x" * 9000, "en")):
        page = person.client.get("/", base_url=PUBLIC, headers={"Accept-Language": header})
        assert f'<html lang="{expected}">' in page.text


def test_every_page_speaks_french_when_asked(person: Person, op: FakeOP) -> None:
    """The provider is told the language too."""
    page = person.visit(EMI + "?lang=fr")
    assert op.asked[-1]["ui_locales"] == "fr"
    assert "Votre accès" in page.text
    assert "1 juin 2026, 07 h 00 HNE" not in page.text
    assert "1er juin 2026, 07 h 00 HNE" in page.text


@pytest.mark.parametrize(
    "path", ["/", "/nothing", EMI, EMI + "callback", EMI + "nothing", "/healthz", "/ws/emim/"]
)
def test_every_answer_carries_the_security_headers(path: str, person: Person) -> None:
    """Errors and redirects too; no inline script or style, no frame, no store."""
    response = person.get(path)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "same-origin"


def test_style_sheets_have_names_of_their_content_and_are_kept(person: Person) -> None:
    """A new sheet has a new address."""
    link = re.search(r'href="(/static/base\.css\?v=[0-9a-f]{12})"', person.get("/").text)
    assert link
    response = person.get(link[1])
    assert "max-age=31536000" in response.headers["Cache-Control"]
    response.close()


def test_on_https_cookies_are_bound_to_the_host(settings: ApplicationsSettings) -> None:
    """``__Host-``, Secure, HttpOnly, SameSite=Lax, and HSTS."""
    emi = replace(settings.applications[0], public_url="https://apps.example.com")
    app = make_applications(replace(settings, applications=(emi,), web_services=()))
    response = app.test_client().get(EMI, base_url="https://apps.example.com")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-emi_login_")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
    assert "Domain" not in cookie
    assert "max-age=31536000" in response.headers["Strict-Transport-Security"]


def test_too_much_is_refused_early(person: Person) -> None:
    """Bodies are bounded."""
    response = person.post(EMI + "backchannel-logout", {"logout_token": "x" * 100_000})
    assert response.status_code == 413


def test_the_process_says_that_it_lives(person: Person) -> None:
    """Whatever name the asker uses for the host."""
    response = person.client.get("/healthz", base_url="http://10.0.0.7:9999")
    assert (response.status_code, response.text) == (200, "ok\n")


def test_an_application_of_any_name_can_be_stood_in(
    settings: ApplicationsSettings, op: FakeOP, clock: FrozenClock
) -> None:
    """Kind plain: who she is, and her access."""
    reports = settings.applications[1]
    crow = replace(
        reports, client_id="crow", path="/apps/crow/", name="CROW", kind="plain", reader="Plan an outage."
    )
    op.clients["crow"] = ClientAtOP(PUBLIC + "/apps/crow/callback", secret=crow.client_secret)
    page = Person(make_applications(replace(settings, applications=(crow,)), clock=clock)).visit(
        "/apps/crow/"
    )
    assert page.status_code == 200
    assert "Plan an outage." in page.text
    assert "ACME GENERATION" in page.text
