"""The plans Config, Basic, Implicit, Hybrid and their Form Post plans: what each module asks of the provider."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import time
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from joserfc import jwt

from idp.domain.claims import CLAIMS_OF_SCOPE
from switchyard.visitor import Page
from tests.support.foundation import provider
from tests.support.foundation.party import CHALLENGE, Party
from tests.support.foundation.registered import another, grants_of
from tests.support.foundation.registry import Walk
from tests.support.oidc import claims_of
from tests.support.person import SIGN_IN
from tests.support.processes import wait_until
from tests.support.tls_world import OTHER_CALLBACK, SECOND_SECRET, SECRET, a_key

module = Walk()
_OFFLINE = "openid offline_access"
_VISIBLE = re.compile(r"[\x21-\x7e]{16,}")
_THE_WEB_IS_THERE = dt.datetime(1990, 1, 1, tzinfo=dt.UTC).timestamp()
"""The suite takes no earlier time for a person's."""
_FORMS = {
    "locale": re.compile(r"[a-z]{2,3}(-[A-Z]{2})?"),
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "phone_number": re.compile(r"\+[0-9][0-9 ().-]{5,}"),
}


@module("oidcc-discovery-endpoint-verification")
def discovery(party: Party, name: str) -> None:
    """The document says what the standard wants of providers at which clients register themselves."""
    op = provider.document(party)
    assert {"code", "id_token", "id_token token"} <= set(op["response_types_supported"])
    assert {"public", "pairwise"} >= set(op["subject_types_supported"]) > set()
    for what in ("id_token", "userinfo", "request_object"):
        assert "RS256" in op[f"{what}_signing_alg_values_supported"]
        assert "none" not in op[f"{what}_signing_alg_values_supported"]
    assert {"authorization_code", "implicit", "refresh_token"} <= set(op["grant_types_supported"])
    assert {"client_secret_basic", "client_secret_post", "private_key_jwt"} <= set(
        op["token_endpoint_auth_methods_supported"]
    )
    for what in ("request", "request_uri", "claims"):
        assert op[f"{what}_parameter_supported"] is True
    assert "openid" in op["scopes_supported"]
    assert {"sub", "name", "email", "address", "phone_number"} <= set(op["claims_supported"])
    assert op["code_challenge_methods_supported"] == ["S256"]
    assert provider.keys(party)


@module(
    "oidcc-server",
    "oidcc-idtoken-signature",
    "oidcc-userinfo-get",
    "oidcc-ensure-request-with-unknown-parameter-succeeds",
    "oidcc-display-page",
    "oidcc-display-popup",
    "oidcc-ui-locales",
    "oidcc-claims-locales",
    "oidcc-login-hint",
    "oidcc-ensure-request-with-valid-pkce-succeeds",
    "oidcc-ensure-other-scope-order-succeeds",
)
def sign_in(party: Party, name: str) -> None:
    """A sign-in, with what the module adds to the request, ends with good tokens and a userinfo of the same person."""
    added: dict[str, dict[str, str | None]] = {
        "oidcc-ensure-request-with-unknown-parameter-succeeds": {"extra": "foobar"},
        "oidcc-display-page": {"display": "page"},
        "oidcc-display-popup": {"display": "popup"},
        "oidcc-ui-locales": {"ui_locales": "se"},
        "oidcc-claims-locales": {"claims_locales": "se"},
        "oidcc-login-hint": {"login_hint": "bob@example.com"},
        "oidcc-ensure-request-with-valid-pkce-succeeds": {
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        },
        "oidcc-ensure-other-scope-order-succeeds": {"scope": "email openid"},
    }
    tokens = party.tokens(**added.get(name, {}))
    if "access_token" in tokens:
        assert party.userinfo(tokens["access_token"])["sub"] == tokens["claims"]["sub"]


@module("oidcc-userinfo-post-header", "oidcc-userinfo-post-body")
def userinfo(party: Party, name: str) -> None:
    """Userinfo answers a POST, with the token in its header or in its body."""
    tokens = party.tokens()
    found = party.userinfo(tokens["access_token"], way=name.removeprefix("oidcc-userinfo-"))
    assert found["sub"] == tokens["claims"]["sub"]


@module("oidcc-response-type-missing")
def response_type_missing(party: Party, name: str) -> None:
    """A request without a response type is refused as such, in the way that it asked for."""
    refusal = party.refused(response_type=None)
    assert refusal["error"] in {"invalid_request", "unsupported_response_type"}


@module("oidcc-ensure-request-without-nonce-succeeds-for-code-flow")
def without_nonce(party: Party, name: str) -> None:
    """No nonce in the request, none in the ID token."""
    assert "nonce" not in party.tokens(nonce=None)["claims"]


@module("oidcc-ensure-request-without-nonce-fails")
def nonce_missing(party: Party, name: str) -> None:
    """Where an ID token comes at once, a request has to have a nonce."""
    assert party.refused(nonce=None)["error"] == "invalid_request"


@module(
    "oidcc-scope-profile", "oidcc-scope-email", "oidcc-scope-address", "oidcc-scope-phone", "oidcc-scope-all"
)
def scope(party: Party, name: str) -> None:
    """Userinfo has every claim that the scope opens, in the form that the standard gives it, and the ID token none.

    Where nobody gets an access token to ask userinfo with, the ID token has them (OIDC Core §5.4).
    """
    kind = name.removeprefix("oidcc-scope-")
    scopes = ("profile", "email", "address", "phone") if kind == "all" else (kind,)
    _opened(party, party.tokens(scope=f"openid {' '.join(scopes)}"), scopes)


@module("oidcc-alternate-happy-flow")
def other_order(party: Party, name: str) -> None:
    """Neither the order of the scopes matters nor that of the parameters."""
    asked = party.request(scope="email openid")
    _opened(party, party.tokens_for(dict(reversed(asked.items()))), ("email",))


def _opened(party: Party, tokens: dict[str, Any], scopes: tuple[str, ...]) -> None:
    opened = {claim for each in scopes for claim in CLAIMS_OF_SCOPE[each]}
    if "access_token" in tokens:
        found = party.userinfo(tokens["access_token"])
        assert found.pop("sub") == tokens["claims"]["sub"]
        assert not tokens["claims"].keys() & found.keys()
    else:
        found = {name: told for name, told in tokens["claims"].items() if name in opened}
    assert found.keys() == opened
    for claim, value in found.items():
        _has_its_form(claim, value)


def _has_its_form(claim: str, value: Any) -> None:
    if claim in {"email_verified", "phone_number_verified"}:
        assert isinstance(value, bool)
    elif claim == "updated_at":
        assert isinstance(value, int)
        assert _THE_WEB_IS_THERE < value < time.time() + 300
    elif claim == "address":
        assert all(isinstance(each, str) and each for each in value.values())
    else:
        assert isinstance(value, str)
        assert value.strip() not in {"", "null"}
    if claim in {"profile", "picture", "website"}:
        assert urlsplit(value).scheme == "https"
    if claim == "birthdate":
        assert dt.date.fromisoformat(value).year >= 1850
    if claim in _FORMS:
        assert _FORMS[claim].fullmatch(value)
    if claim == "zoneinfo":
        assert value in available_timezones()


@module("oidcc-prompt-login")
def prompt_login(party: Party, name: str) -> None:
    """prompt=login asks again, and the second ID token tells a later sign-in of the same person."""
    first = party.tokens()["claims"]
    wait_until(lambda: time.time() >= first["auth_time"] + 1, "the next second")
    party.person.pressed.clear()
    second = party.tokens(prompt="login")["claims"]
    assert SIGN_IN in party.person.pressed
    assert (second["sub"], second["auth_time"] > first["auth_time"]) == (first["sub"], True)


@module("oidcc-prompt-none-not-logged-in")
def prompt_none_without_session(party: Party, name: str) -> None:
    """prompt=none without a session is an error of the right name."""
    assert party.refused(prompt="none")["error"] in {"login_required", "interaction_required"}
    assert SIGN_IN not in party.person.pressed


@module("oidcc-prompt-none-logged-in", "oidcc-max-age-10000", "oidcc-id-token-hint")
def in_a_session(party: Party, name: str) -> None:
    """A second request in a live session needs nobody, and tells the time of the one sign-in."""
    first = party.tokens(**({"max_age": "15000"} if "max-age" in name else {}))
    party.person.pressed.clear()
    added: dict[str, dict[str, str | None]] = {
        "oidcc-prompt-none-logged-in": {"prompt": "none"},
        "oidcc-max-age-10000": {"max_age": "10000"},
        "oidcc-id-token-hint": {"prompt": "none", "id_token_hint": first["id_token"]},
    }
    second = party.tokens(**added[name])["claims"]
    assert SIGN_IN not in party.person.pressed
    assert {each: second[each] for each in ("sub", "auth_time")} == {
        each: first["claims"][each] for each in ("sub", "auth_time")
    }


@module("oidcc-max-age-1")
def max_age_1(party: Party, name: str) -> None:
    """A sign-in older than max_age is done again, and auth_time is true."""
    first = party.tokens()["claims"]
    wait_until(lambda: time.time() >= first["auth_time"] + 2, "the sign-in to be older than a second")
    party.person.pressed.clear()
    second = party.tokens(max_age="1")["claims"]
    assert SIGN_IN in party.person.pressed
    assert second["auth_time"] > first["auth_time"]


@module("oidcc-ensure-request-with-acr-values-succeeds")
def acr_values(party: Party, name: str) -> None:
    """Who asks for every class that is offered is told one of them."""
    offered = party.op["acr_values_supported"]
    assert party.tokens(acr_values=" ".join(offered))["claims"]["acr"] in offered


@module("oidcc-codereuse", "oidcc-codereuse-30seconds")
def code_reuse(party: Party, name: str) -> None:
    """A code that comes a second time is refused, and what it gave is taken back."""
    code = party.answer()["code"]
    tokens = party.token_answer(party.redeem(code))
    assert party.userinfo(tokens["access_token"])["sub"]
    party.no_tokens(party.redeem(code), "invalid_grant")
    assert party.is_dead(tokens["access_token"])


@module("oidcc-ensure-registered-redirect-uri")
def unregistered_redirect_uri(party: Party, name: str) -> None:
    """Nobody is sent to an address that the client did not register."""
    party.stopped(redirect_uri=f"{party.redirect_uri}/nobody-registered-this")


@module("oidcc-ensure-post-request-succeeds")
def post_request(party: Party, name: str) -> None:
    """The authorization endpoint takes a form too."""
    asked = party.request()
    arrived = party.person.send(party.op["authorization_endpoint"], asked)
    assert not isinstance(arrived, Page), arrived
    tokens = party.token_answer(party.redeem(party.check(arrived, asked)["code"]))
    party.claims(tokens["id_token"], asked["nonce"])


@module("oidcc-server-client-secret-post")
def client_secret_post(party: Party, name: str) -> None:
    """The secret may stand in the body, for a client that says so."""
    other = another(party, "foundation-post", token_endpoint_auth_method="client_secret_post")
    asked = other.request()
    code = other.check(other.person.arrive(other.address(asked)), asked)["code"]
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": other.redirect_uri,
        "client_id": other.client_id,
        "client_secret": other.secret,
    }
    tokens = other.token_answer(other.http.post(other.op["token_endpoint"], data=fields))
    other.claims(tokens["id_token"], asked["nonce"])


@module("oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported")
def unsigned_request_uri(party: Party, name: str) -> None:
    """An address that nobody registered is not fetched; the error names what is wrong."""
    address = party.lab.documents.put("/request-object", b"x")
    found = party.go(request_uri=address)
    error = "" if isinstance(found, Page) else found.answer["error"]
    assert error in {"", "invalid_request_uri", "request_uri_not_supported"}
    assert "/request-object" not in party.lab.documents.asked


@module(
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
    "oidcc-ensure-request-object-with-redirect-uri",
)
def unsigned_request_object(party: Party, name: str) -> None:
    """An unsigned request object is refused as such, whatever it says; nobody is sent where it says."""
    held = party.request(redirect_uri=OTHER_CALLBACK)
    token = jwt.encode({"alg": "ES256"}, held, a_key("x"), algorithms=["ES256"])
    unsigned = f"{_part({'alg': 'none'})}.{token.split('.')[1]}."
    found = party.go(request=unsigned)
    if isinstance(found, Page):
        assert found.status == 400
    else:
        assert found.place == party.redirect_uri
        assert found.answer["error"] in {"invalid_request_object", "request_not_supported"}


def _part(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@module("oidcc-claims-essential")
def claims_essential(party: Party, name: str) -> None:
    """An essential claim is where it was asked for: at userinfo, and of the ID token if that alone is issued."""
    wanted = {"name": {"essential": True}}
    if party.response_type == "id_token":
        assert party.tokens(claims=json.dumps({"id_token": wanted}))["claims"]["name"]
        return
    tokens = party.tokens(claims=json.dumps({"userinfo": wanted}))
    assert party.userinfo(tokens["access_token"])["name"]
    assert "name" not in tokens["claims"]


@module("oidcc-refresh-token")
def refresh_token(party: Party, name: str) -> None:
    """A refresh gives new tokens of the same sign-in, and works for its own client alone."""
    clients = (("foundation", SECRET), ("foundation-second", SECOND_SECRET))
    grants = [*grants_of(party.response_type), "refresh_token"]
    refreshed(*(another(party, *each, grant_types=grants) for each in clients))
    assert "refresh_token" in party.op["grant_types_supported"]


def refreshed(party: Party, other: Party) -> None:
    """Refresh the tokens of two clients of one person; none of them is of use to the other."""
    _refresh(party, scope=_OFFLINE)
    last = _refresh(other)
    party.no_tokens(party.post("token_endpoint", last | {"scope": _OFFLINE}), "invalid_grant")


def _refresh(party: Party, **named: str) -> dict[str, str]:
    """Sign in and refresh once, a second later; return what would refresh again."""
    first = party.tokens(scope=_OFFLINE, prompt="consent")
    fields = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert _VISIBLE.fullmatch(first["refresh_token"])
    wait_until(lambda: time.time() >= first["claims"]["iat"] + 1, "the next second")
    second = party.token_answer(party.post("token_endpoint", fields | named))
    assert second["token_type"].lower() == "bearer"
    assert second["access_token"] != first["access_token"]
    assert _VISIBLE.fullmatch(second["refresh_token"])
    claims = party.claims(second["id_token"], claims_of(second["id_token"]).get("nonce"))
    assert claims.get("nonce") in {None, first["claims"]["nonce"]}
    for each in ("iss", "sub", "aud", "azp", "auth_time"):
        assert claims.get(each) == first["claims"].get(each)
    assert claims["iat"] > first["claims"]["iat"]
    assert party.userinfo(second["access_token"])["sub"] == claims["sub"]
    return fields | {"refresh_token": second["refresh_token"]}
