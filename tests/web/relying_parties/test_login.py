"""Signing in at an application: the whole way, over real HTTP, with a provider that may do anything wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from relying_parties.http import Caller
from relying_parties.settings import ApplicationsSettings
from tests.support.fake_op import Answer, FakeOP
from tests.web.relying_parties.conftest import EMI, PUBLIC, REPORTS, Person

if TYPE_CHECKING:
    from flask import Flask

    from kernel.clock import FrozenClock


def test_a_person_signs_in_and_sees_who_she_is_how_and_for_whom(person: Person) -> None:
    """OpenID Connect Core §3.1; the page tells acr, amr, auth_time, organization and access role."""
    page = person.visit(EMI)
    assert page.status_code == 200
    for told in (
        "Alice Smith",
        "smithal",
        "urn:switchyard:acr:2fa",
        "pwd otp mfa",
        "1 June 2026, 07:00 EST",
        "ACME GENERATION",
        "101234",
        "emi-dispatch-data-submit",
    ):
        assert told in page.text


def test_the_request_asks_for_code_with_state_nonce_and_s256(person: Person, op: FakeOP) -> None:
    """OIDC Core §3.1.2.1, RFC 7636 §4.3, RFC 9700 §2.1.1: fresh values of 256 bits for every request."""
    person.get(EMI)
    locations = [urlsplit(person.get(EMI).headers["Location"]) for _ in range(2)]
    first, second = (parse_qs(location.query) for location in locations)
    assert first["response_type"] == ["code"]
    assert first["redirect_uri"] == [PUBLIC + EMI + "callback"]
    assert first["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


def test_signing_in_at_the_second_application_asks_for_nothing(person: Person, op: FakeOP) -> None:
    """Each application is a client and a session of its own."""
    op.access.append(
        {"org": "101234", "org_name": "ACME GENERATION", "role": "reports-dispatch", "role_name": "Dispatch"}
    )
    assert person.visit(EMI).status_code == 200
    assert person.visit(REPORTS).status_code == 200
    assert [asked["client_id"] for asked in op.asked] == ["emi", "reports-confidential"]
    assert person.client.get_cookie("emi_session", "127.0.0.1") is not None
    assert person.client.get_cookie("reports_confidential_session", "127.0.0.1") is not None


def test_the_page_that_was_asked_for_comes_after_the_sign_in(person: Person) -> None:
    """Nobody has to search twice."""
    response = person.get(EMI + "?org=101234&lang=fr")
    callback = person.get(person.to_provider(response.headers["Location"]))
    assert callback.headers["Location"] == PUBLIC + EMI + "?org=101234"


def test_several_tabs_at_once_all_finish(person: Person) -> None:
    """RP-06: each tab has a sign-in of its own, in whatever order they come back, and each only once."""
    begun = [person.get(EMI).headers["Location"] for _ in range(3)]
    callbacks = [person.to_provider(location) for location in reversed(begun)]
    assert [person.get(callback).status_code for callback in callbacks] == [303, 303, 303]
    assert [person.get(callback).status_code for callback in callbacks] == [400, 400, 400]


def test_a_hundred_tabs_leave_no_heap_of_cookies(person: Person, clock: FrozenClock) -> None:
    """The oldest sign-ins are forgotten, the newest finish."""
    for _ in range(100):
        clock.advance(timedelta(milliseconds=5))
        location = person.get(EMI).headers["Location"]
    request = person.client.get(EMI, base_url=PUBLIC).request
    assert request.headers["Cookie"].count("emi_login_") == 12
    assert person.get(person.to_provider(location)).status_code == 303


@pytest.mark.parametrize("case", ["no state", "unknown state", "other browser", "used", "no code", "twice"])
def test_an_answer_that_this_browser_did_not_ask_for_signs_nobody_in(
    case: str, person: Person, app: Flask
) -> None:
    """RP-06, ASVS 10.1.2: 400 and no session."""
    callback = person.to_provider(person.get(EMI).headers["Location"])
    other = Person(app)
    if case == "no state":
        response = person.get(callback.replace("state=", "stat="))
    elif case == "unknown state":
        response = person.get(callback.replace("state=", "state=x"))
    elif case == "other browser":
        response = other.get(callback)
        assert person.get(callback).status_code == 303
    elif case == "used":
        person.get(callback)
        person.client.delete_cookie("emi_session", domain="127.0.0.1")
        response = person.get(callback)
    elif case == "twice":
        response = person.get(callback + "&code=another")
    else:
        response = person.get(callback.replace("code=", "cod="))
    assert response.status_code == 400
    assert "emi_session" not in response.headers.get("Set-Cookie", "")
    assert other.client.get_cookie("emi_session", "127.0.0.1") is None


def test_a_callback_of_one_application_is_nothing_to_another(person: Person) -> None:
    """RP-06: the state belongs to the client that asked."""
    callback = person.to_provider(person.get(EMI).headers["Location"])
    assert person.get(callback.replace(EMI, REPORTS)).status_code == 400


def test_another_persons_code_in_my_callback_signs_nobody_in(person: Person, app: Flask, op: FakeOP) -> None:
    """RP-08, RFC 9700 §4.5: PKCE stops it, and where the provider forgets PKCE the nonce does."""
    for checks in (True, False):
        op.checks_pkce = checks
        stolen = parse_qs(urlsplit(Person(app).to_provider(person_location(app))).query)["code"][0]
        mine = person.to_provider(person.get(EMI).headers["Location"])
        own = parse_qs(urlsplit(mine).query)["code"][0]
        response = person.get(mine.replace(own, stolen))
        assert response.status_code == 400
        assert person.client.get_cookie("emi_session", "127.0.0.1") is None


def person_location(app: Flask) -> str:
    """Return where another person's sign-in leads."""
    return str(Person(app).get(EMI).headers["Location"])


@pytest.mark.parametrize(
    "change",
    [{"iss": "http://127.0.0.1:1"}, {"iss": ""}, {"iss": "with a slash"}],
    ids=["other", "missing", "slash"],
)
def test_an_answer_of_another_issuer_signs_nobody_in(
    change: dict[str, str], person: Person, op: FakeOP
) -> None:
    """RFC 9207 §2.4: the issuer must be there and be the one asked; a slash more is another."""
    value = op.issuer + "/" if change["iss"] == "with a slash" else change["iss"]
    op.change_response = lambda query: {k: v for k, v in {**query, "iss": value}.items() if v}
    page = person.visit(EMI)
    assert page.status_code == 400
    assert "Another service answered" in page.text
    assert "/token" not in op.hits


def test_the_same_browser_gets_a_new_session_with_every_sign_in(person: Person, clock: FrozenClock) -> None:
    """No fixation: the cookie changes and the old one opens nothing."""
    person.visit(EMI)
    before = person.client.get_cookie("emi_session", "127.0.0.1")
    assert before
    person.follow(person.get(f"{EMI}start?iss={issuer_of(person)}"))
    after = person.client.get_cookie("emi_session", "127.0.0.1")
    assert after
    assert after.value != before.value
    person.client.set_cookie("emi_session", before.value, domain="127.0.0.1")
    assert person.get(EMI).status_code == 303


def issuer_of(person: Person) -> str:
    """Return the issuer an application sends people to."""
    parts = urlsplit(Person(person.client.application).get(EMI).headers["Location"])
    return f"{parts.scheme}://{parts.netloc}"


def test_a_bad_id_token_signs_nobody_in(person: Person, op: FakeOP) -> None:
    """RP-03: one of many; the rest of the matrix stands in the unit tests."""
    op.change_id_token = lambda claims: {**claims, "aud": "reports-confidential"}
    page = person.visit(EMI)
    assert page.status_code == 400
    assert "does not hold" in page.text
    assert person.client.get_cookie("emi_session", "127.0.0.1") is None


def test_userinfo_about_somebody_else_signs_nobody_in(person: Person, op: FakeOP) -> None:
    """OIDC Core §5.3.2: ``sub`` of userinfo equals ``sub`` of the ID token."""
    op.change_userinfo = lambda claims: {**claims, "sub": "somebody-else"}
    assert person.visit(EMI).status_code == 400
    assert person.client.get_cookie("emi_session", "127.0.0.1") is None


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        ("access_denied", 403, "ask the Rights Administrator"),
        ("login_required", 403, "Sign in again"),
        ("temporarily_unavailable", 503, "Try again in a minute"),
        ("unmet_authentication_requirements", 403, "second factor"),
        ("invalid_scope", 502, "Tell Customer Relations"),
        ("<script>", 502, "Tell Customer Relations"),
    ],
)
def test_an_error_of_the_provider_says_whom_to_ask(
    error: str, status: int, told: str, person: Person, op: FakeOP
) -> None:
    """RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6: a page with advice, never the provider's own words."""
    op.authorize_error = error
    page = person.visit(EMI)
    assert page.status_code == status
    assert told in page.text
    assert "<script>" not in page.text


def test_a_provider_that_is_away_is_said_so(person: Person, op: FakeOP) -> None:
    """No 500: a page, status 503, and when to try again; the front page still opens."""
    op.stop()
    page = person.visit(EMI)
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "30"
    assert "cannot be reached" in page.text
    assert person.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/token", "/jwks", "/userinfo"])
def test_a_provider_that_fails_in_the_middle_is_said_so(
    path: str, person: Person, op: FakeOP, clock: FrozenClock
) -> None:
    """The sign-in can be begun again at once, and then finishes."""
    op.broken = {path}
    assert person.visit(EMI).status_code == 503
    op.broken = set()
    clock.advance(timedelta(minutes=1))
    assert person.visit(EMI).status_code == 200


def test_a_wrong_secret_is_the_operators_matter(person: Person, op: FakeOP) -> None:
    """A refusal of the client is 502 with a reference, and nobody is signed in."""
    op.clients["reports-confidential"].secret = "another"
    page = person.visit(REPORTS)
    assert page.status_code == 502
    assert "Reference" in page.text


def test_the_session_ends_when_the_provider_says_so(person: Person, op: FakeOP, clock: FrozenClock) -> None:
    """IPSIE OIDC SL1: ``session_expiry`` is honoured to the second."""
    op.change_id_token = lambda claims: {**claims, "session_expiry": op.now() + 600}
    person.visit(EMI)
    clock.advance(timedelta(seconds=599))
    assert person.get(EMI).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert person.get(EMI).status_code == 303


def test_a_session_that_nobody_uses_ends(person: Person, clock: FrozenClock) -> None:
    """Idle for an hour, it is over; used every half hour, it lives."""
    person.visit(EMI)
    for _ in range(4):
        clock.advance(timedelta(minutes=30))
        assert person.get(EMI).status_code == 200
    clock.advance(timedelta(minutes=60))
    assert person.get(EMI).status_code == 303


def test_a_key_that_the_provider_has_just_begun_to_use_is_fetched(
    person: Person, op: FakeOP, clock: FrozenClock
) -> None:
    """OIDC Core §10.1.1: an unknown kid makes the relying party look again."""
    person.visit(EMI)
    op.rotate_key("second")
    clock.advance(timedelta(seconds=21))
    person.client.delete_cookie("emi_session", domain="127.0.0.1")
    assert person.visit(EMI).status_code == 200
    assert op.hits.count("/jwks") == 2


def test_a_sign_in_that_somebody_else_begins_ends_on_the_page_he_named(person: Person, op: FakeOP) -> None:
    """OIDC Core §4: iss, target_link_uri and login_hint, by GET and by POST."""
    wish = {"iss": op.issuer, "target_link_uri": f"{PUBLIC}{EMI}?org=101234", "login_hint": "smithal"}
    for response in (
        person.client.get(EMI + "start", base_url=PUBLIC, query_string=wish),
        person.post(EMI + "start", wish),
    ):
        callback = person.get(person.to_provider(response.headers["Location"]))
        assert callback.headers["Location"] == f"{PUBLIC}{EMI}?org=101234"
        assert op.asked[-1]["login_hint"] == "smithal"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/apps/emi/",
        "//evil.example/apps/emi/",
        "http://127.0.0.1:8002@evil.example/apps/emi/",
        "http://127.0.0.1:8002.evil.example/apps/emi/",
        "http://127.0.0.1:8002/apps/reports/private/",
        "http://127.0.0.1:8002/apps/emi/../../",
        "http://127.0.0.1:8002/apps/emi/%2e%2e/x",
        "http://127.0.0.1:8002/apps/emi/\\evil",
        "http://127.0.0.1:8002/apps/emi/\r\nX: y",
        "javascript:alert(1)",
        "/apps/emi/",
    ],
)
def test_a_sign_in_leads_nowhere_but_into_the_application(target: str, person: Person, op: FakeOP) -> None:
    """OIDC Core §4: the relying party is no open redirector."""
    wish = {"iss": op.issuer, "target_link_uri": target}
    assert person.client.get(EMI + "start", base_url=PUBLIC, query_string=wish).status_code == 400


@pytest.mark.parametrize("issuer", ["", "https://other.example", "slash"])
def test_a_sign_in_begun_for_another_issuer_is_refused(issuer: str, person: Person, op: FakeOP) -> None:
    """OIDC Core §4: only the issuer we know; no mix-up."""
    wish = {"iss": op.issuer + "/" if issuer == "slash" else issuer}
    assert person.client.get(EMI + "start", base_url=PUBLIC, query_string=wish).status_code == 400


def test_who_holds_no_access_role_is_told_whom_to_ask(person: Person, op: FakeOP) -> None:
    """Signed in, but 403 with advice."""
    op.access = []
    for path in (EMI, REPORTS):
        page = person.visit(path)
        assert page.status_code == 403
        assert "Rights Administrator" in page.text


def test_the_client_publishes_its_own_public_key_and_no_more(person: Person) -> None:
    """OIDC Core §10.1: public members only; an application with a secret has no keys."""
    keys = person.get(EMI + "jwks").get_json(force=True)["keys"]
    assert set(keys[0]) == {"kty", "crv", "x", "y", "use", "alg", "kid"}
    assert person.get(REPORTS + "jwks").status_code == 404


def test_the_provider_is_asked_once_for_many_sign_ins(app: Flask, op: FakeOP) -> None:
    """Metadata and keys are kept for a while."""
    for _ in range(4):
        Person(app).visit(EMI)
    assert op.hits.count("/.well-known/openid-configuration") == 1
    assert op.hits.count("/jwks") == 1


def test_a_strong_page_asks_for_a_second_factor_and_comes_back(
    person: Person, op: FakeOP, clock: FrozenClock
) -> None:
    """RP-11: acr_values and max_age are asked for when acr is too weak, and when auth_time is too old."""
    op.access = [{"org": "7", "org_name": "ACME", "role": "reports-settlement", "role_name": "Settlement"}]
    folder = REPORTS + "folders/7/settlement/"
    op.acr, op.amr = "urn:switchyard:acr:1fa", ["pwd"]
    person.visit(REPORTS)
    response = person.get(folder)
    assert response.status_code == 303
    query = parse_qs(urlsplit(response.headers["Location"]).query)
    assert query["acr_values"] == ["urn:switchyard:acr:2fa phr"]
    assert query["max_age"] == ["3600"]
    op.acr = "urn:switchyard:acr:2fa"
    assert person.follow(response).status_code == 200
    clock.advance(timedelta(minutes=59))
    assert person.get(folder).status_code == 200
    clock.advance(timedelta(minutes=3))
    assert person.get(folder).status_code == 303


@pytest.mark.parametrize("weakness", ["acr", "no acr", "auth_time", "no auth_time"])
def test_a_step_up_that_is_not_met_opens_nothing(
    weakness: str, person: Person, op: FakeOP, clock: FrozenClock
) -> None:
    """RP-11, OIDC Core §3.1.3.7 (12, 13): asked for and not delivered is a refusal, not a loop."""
    op.access = [{"org": "7", "org_name": "ACME", "role": "reports-settlement", "role_name": "Settlement"}]
    op.acr = "urn:switchyard:acr:1fa"
    person.visit(REPORTS)
    clock.advance(timedelta(minutes=5))

    def weak(claims: dict[str, object]) -> dict[str, object]:
        strong = {**claims, "acr": "phr"}
        if weakness == "acr":
            return claims
        if weakness == "auth_time":
            return {**strong, "auth_time": op.now() - 4000}
        return {k: v for k, v in strong.items() if k != weakness.removeprefix("no ")}

    op.change_id_token = weak
    page = person.visit(REPORTS + "folders/7/settlement/")
    assert page.status_code == 403
    assert "A second factor is needed" in page.text


def test_the_provider_never_sees_a_redirect_uri_made_from_the_host_header(person: Person, op: FakeOP) -> None:
    """CVE-2025-64101 and its like: a strange Host gets no page at all."""
    response = person.client.get(EMI, base_url="http://evil.example")
    assert response.status_code == 400
    assert "evil.example" not in response.headers.get("Location", "")
    assert op.asked == []


def test_the_provider_answers_too_much(person: Person, op: FakeOP) -> None:
    """Answers are bounded: an endless userinfo is a fault, not a full memory."""
    op.change_userinfo = lambda claims: {**claims, "name": "x" * 400_000}
    assert person.visit(EMI).status_code == 502


def test_the_provider_is_not_followed_elsewhere(person: Person, op: FakeOP) -> None:
    """No redirects: a token endpoint that points elsewhere gets no code and no secret sent on."""
    op.token = lambda form, authorization: _moved(op)  # type: ignore[method-assign]
    assert person.visit(EMI).status_code == 502
    assert "/elsewhere" not in op.hits


def _moved(op: FakeOP) -> Answer:
    return Answer(307, headers={"Location": op.issuer + "/elsewhere"})


def test_nothing_of_a_sign_in_is_kept_in_the_open(person: Person, settings: ApplicationsSettings) -> None:
    """Cookies and states are stored as digests."""
    person.visit(EMI)
    cookie = person.client.get_cookie("emi_session", "127.0.0.1")
    assert cookie
    for file in Path(settings.database).parent.glob("applications.db*"):
        assert cookie.value.encode() not in file.read_bytes()


def test_httpx_is_the_only_way_out() -> None:
    """The client that calls the provider ignores proxies of the environment and follows nothing."""
    caller = Caller(ApplicationsSettings(database="x.db"))
    assert isinstance(caller._client, httpx.Client)
    assert not caller._client.follow_redirects
    assert not caller._client.trust_env
