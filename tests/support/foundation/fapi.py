"""The plans FAPI 2.0 Security Profile and Message Signing: what each module asks of the provider."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from idp.domain.claims import CLAIMS_OF_SCOPE
from switchyard.visitor import Page
from tests.support.foundation import core, provider
from tests.support.foundation.fapi_tls import has_good_tls
from tests.support.foundation.fapi_variants import WHO
from tests.support.foundation.fapi_words import OF_CLIENT, OF_REQUEST, FapiWalk, is_error, short, unbound
from tests.support.tls_world import OTHER_CALLBACK

if TYPE_CHECKING:
    import httpx

    from tests.support.foundation.fapi_party import FapiParty
    from tests.support.person import Arrival

module = FapiWalk()
_PLACES = ("id_token", "userinfo")
_UNASKED = {
    *("iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr"),
    *("at_hash", "s_hash"),
}
"""Claims of an ID token that the suite expects unasked; it warns of any other."""
_OF_RESOURCES = {
    "x-fapi-auth-date": "Tue, 11 Sep 2012 19:43:31 UTC",
    "x-fapi-customer-ip-address": "198.51.100.119",
    "x-fapi-interaction-id": "c770aef3-6784-41f7-8e0e-ff5f97bddb3a",
}
"""What the suite says to a resource beside."""


@module("discovery-end-point-verification")
def discovery(party: FapiParty, name: str) -> None:
    """What the profile needs is told."""
    if party.variant.signs_in:
        core.discovery(party, name)
    op = party.op
    assert op["issuer"] == party.lab.issuer
    certified = {"tls_client_auth", "self_signed_tls_client_auth"}
    wanted = certified if party.variant.by_certificate else {"private_key_jwt"}
    assert wanted <= set(op["token_endpoint_auth_methods_supported"])
    assert {"ES256", "PS256", "EdDSA"} == set(op["dpop_signing_alg_values_supported"])
    assert op["tls_client_certificate_bound_access_tokens"] is True
    told = ("token_endpoint_auth", "id_token", "userinfo", "request_object", "authorization")
    for what in told:
        assert {"ES256", "PS256", "EdDSA"} <= set(op[f"{what}_signing_alg_values_supported"])
    for what in ("alg", "enc"):
        assert isinstance(op[f"authorization_encryption_{what}_values_supported"], list)
    assert "code" in op["response_types_supported"]
    assert "S256" in op["code_challenge_methods_supported"]
    assert op["authorization_response_iss_parameter_supported"] is True
    assert isinstance(op["require_pushed_authorization_requests"], bool)
    assert "jwt" in op["response_modes_supported"]
    assert "refresh_token" in op["grant_types_supported"]
    for what in ("authorization", "token", "pushed_authorization_request", "registration"):
        assert op[f"{what}_endpoint"].startswith("https://")
    assert provider.keys(party)


@module("happy-flow", "par-without-duplicate-parameters", "ensure-dpopproof-at-par-endpoint-binding-success")
def happy_flow(party: FapiParty, name: str) -> None:
    """Two clients push, redeem and look at a person's own with tokens that are bound; neither can use the other's.

    The second client names the key for its proofs before it proves one (RFC 9449 §10.1).
    """
    party.repeats = "without-duplicate" not in name
    has_good_tls(party.own)
    token = ""
    for who in WHO:
        party.become(who)
        assert set(party.request()["scope"].split()) <= set(party.op["scopes_supported"])
        second = {
            "state": "s" * 128,
            **({"dpop_jkt": party.dpop_key.thumbprint()} if party.variant.by_proof else {}),
        }
        tokens = party.bound_tokens(bound="at-par" in name, **(second if who == "second" else {}))
        assert tokens["claims"].keys() <= _UNASKED
        token = tokens["access_token"]
        answer = party.ask_own(token, beside=_OF_RESOURCES)
        assert answer.status_code == 200, answer.text
        if party.variant.signs_in:
            assert answer.json()["sub"] == tokens["claims"]["sub"]
        assert answer.headers["date"]
        for accepted in ("application/json;charset=UTF-8", "application/json, */*;q=0.1"):
            beside = {"Accept": accepted, "Accept-Charset": "utf-8"}
            assert party.ask_own(token, beside=beside).status_code == 200
        assert party.line().get(party.own, params={"access_token": token}).status_code in {400, 401}
    party.become("first")
    assert party.ask_own(token).status_code in {400, 401}


@module("user-rejects-authentication")
def rejected(party: FapiParty, name: str) -> None:
    """Who does not want to go on is told of to the client, as access_denied, whatever she allowed before."""
    party.person.cancels = True
    for who in WHO:
        party.become(who)
        asked = party.request(state="s" * 128)
        found = party.opened(party.visit(party.pushed(asked)))
        assert found.pop("error") == "access_denied"
        assert found.keys() <= {"error_description", "state", "iss"}
        assert found["state"] == asked["state"]
    party.person.cancels, party.person.denies = False, True
    found = party.opened(party.visit(party.pushed(party.request(prompt="consent"))))
    assert found["error"] == "access_denied"


@module(
    "ensure-authorization-request-without-state-success",
    "ensure-authorization-request-without-nonce-success",
    "ensure-authorization-request-with-64-char-nonce-success",
    "ensure-other-scope-order-succeeds",
    "ensure-authorization-request-with-long-nonce",
    "ensure-authorization-request-with-long-state",
)
def variations(party: FapiParty, name: str) -> None:
    """What is left to the client comes back as it was sent, and not at all where it was left out."""
    changes: dict[str, dict[str, str | None]] = {
        "ensure-authorization-request-without-state-success": {"state": None},
        "ensure-authorization-request-without-nonce-success": {"nonce": None},
        "ensure-authorization-request-with-64-char-nonce-success": {"nonce": "n" * 64},
        "ensure-other-scope-order-succeeds": {"scope": "email openid"},
        "ensure-authorization-request-with-long-nonce": {"nonce": "n" * 384},
        "ensure-authorization-request-with-long-state": {"state": "s" * 1_000},
    }
    party.bound_tokens(**changes[short(name)])


@module("test-claims-parameter-identity-claims")
def identity_claims(party: FapiParty, name: str) -> None:
    """Every standard claim that is told can be asked for in every form; what nobody knows is passed over."""
    standard = {"sub", *(name for names in CLAIMS_OF_SCOPE.values() for name in names)}
    wanted = sorted(standard & set(party.op["claims_supported"]))
    forms = itertools.cycle([None, {"essential": True}, {"essential": False}])
    wish: dict[str, Any] = {place: dict(zip(wanted, forms, strict=False)) for place in _PLACES}
    party.beside = frozenset(wanted)
    tokens = party.bound_tokens(claims=json.dumps({**wish, "a_place": {"a_claim": None}}))
    found = party.ask_own(tokens["access_token"]).json()
    assert found.keys() == set(wanted)
    assert {name: tokens["claims"][name] for name in wanted} == {name: found[name] for name in wanted}


@module("access-token-type-header-case-sensitivity")
def scheme_in_any_case(party: FapiParty, name: str) -> None:
    """The scheme's name is read in any case."""
    token, scheme = party.bound_tokens()["access_token"], party.variant.token_type
    spelled = (scheme.lower(), scheme.upper(), scheme.swapcase())
    assert [party.ask_own(token, scheme=each).status_code for each in spelled] == [200, 200, 200]


@module(
    "ensure-different-nonce-inside-and-outside-request-object",
    "ensure-different-state-inside-and-outside-request-object",
    "state-only-outside-request-object-not-used",
)
def beside(party: FapiParty, name: str) -> None:
    """What stands beside the name of a pushed request does not count."""
    only_outside = "only-outside" in name
    asked = party.request(**({"state": None} if only_outside else {}))
    outside = {"nonce": "another"} if "nonce" in name else {"state": "another"}
    found = party.opened(party.visit(party.pushed(asked), **outside))
    assert found.get("state") == asked.get("state")
    party.who_signed_in(party.token_answer(party.redeem(found["code"])), asked)


@module(
    "ensure-request-object-without-redirect-uri-fails",
    "ensure-redirect-uri-in-authorization-request",
    "ensure-registered-redirect-uri",
    "plain-fapi-tolerate-unregistered-redirect-uri",
    "ensure-response-type-code-idtoken-fails",
    "ensure-response-type-token-fails",
    "par-ensure-pkce-required",
    "par-plain-pkce-rejected",
)
def wrong_at_par(party: FapiParty, name: str) -> None:
    """A request that breaks the profile is refused as it is pushed."""
    changes: dict[str, dict[str, str | None]] = {
        "ensure-request-object-without-redirect-uri-fails": {"redirect_uri": None},
        "ensure-redirect-uri-in-authorization-request": {"redirect_uri": None},
        "ensure-registered-redirect-uri": {"redirect_uri": OTHER_CALLBACK},
        "plain-fapi-tolerate-unregistered-redirect-uri": {"redirect_uri": OTHER_CALLBACK},
        "ensure-response-type-code-idtoken-fails": {"response_type": "code id_token"},
        "ensure-response-type-token-fails": {"response_type": "token"},
        "par-ensure-pkce-required": {"code_challenge": None, "code_challenge_method": None},
        "par-plain-pkce-rejected": {"code_challenge_method": "plain"},
    }
    wrong = changes[short(name)]
    answer = party.push(party.request(**wrong))
    expected = {
        "code_challenge_method": {"invalid_request"},
        "redirect_uri": OF_REQUEST,
        "response_type": {"unsupported_response_type", "invalid_request", "unauthorized_client"},
    }
    is_error(answer, expected[list(wrong)[-1]])


@module("par-authorization-request-containing-request_uri-form-param")
def named_at_par(party: FapiParty, name: str) -> None:
    """Beside a request that is pushed, signed or not, stands no request_uri."""
    fields = {**party.pushes(), "request_uri": "urn:ietf:params:oauth:request_uri:unknown"}
    is_error(party.push_fields(fields), {*OF_REQUEST, "request_uri_not_supported"})


@module("ensure-unsigned-authorization-request-without-using-par-fails")
def without_par(party: FapiParty, name: str) -> None:
    """A request that was not pushed is refused."""
    found = party.person.go(party.address(party.request()))
    if isinstance(found, Page):
        assert found.status == 400
    else:
        answer = party.opened(found)
        assert answer.keys() <= {"error", "error_description", "state", "iss"}
        assert answer["error"] == "invalid_request"


@module("par-attempt-invalid-http-method")
def par_by_another_method(party: FapiParty, name: str) -> None:
    """Requests are pushed by POST, not by PUT even if all else is right."""
    endpoint = party.op["pushed_authorization_request_endpoint"]
    assert party.http.get(endpoint).status_code == 405
    assert party.line().put(endpoint, data={**party.pushes(), **party.proof()}).status_code == 405


@module("par-ensure-reused-request-uri-prior-to-auth-completion-succeeds")
def visited_twice(party: FapiParty, name: str) -> None:
    """A pushed request may be brought again until somebody completes it."""
    asked = party.request()
    name_of_it = party.pushed(asked)
    party.person.stops_at = "login-submit"
    assert isinstance(party.visit(name_of_it), Page)
    party.person.stops_at = ""
    assert "code" in party.opened(party.visit(name_of_it))


@module("par-attempt-reuse-request_uri")
def used_twice(party: FapiParty, name: str) -> None:
    """A pushed request is answered once."""
    name_of_it = party.pushed(party.request())
    assert "code" in party.opened(party.visit(name_of_it))
    _is_no_request(party, party.visit(name_of_it), {"invalid_request_uri"})


@module("par-attempt-to-use-request_uri-for-different-client")
def of_another_client(party: FapiParty, name: str) -> None:
    """A pushed request opens nothing for another client."""
    name_of_it = party.pushed(party.request())
    party.become("second")
    _is_no_request(party, party.visit(name_of_it), {*OF_REQUEST, "invalid_request_uri"})


def _is_no_request(party: FapiParty, found: Arrival | Page, errors: set[str]) -> None:
    """Check that the name of a pushed request opened nothing: a page says so, or the client is told.

    What was asked for is unknown then, and so is whether the answer was to be signed: it may be plain.
    """
    if isinstance(found, Page):
        assert found.status == 400
        return
    answer = found.answer if "error" in found.answer else party.opened(found)
    assert answer["error"] in errors
    assert "code" not in answer


@module("ensure-client-id-in-token-endpoint")
def another_name(party: FapiParty, name: str) -> None:
    """The name of another client with what proves the first is nobody."""
    code = party.code()
    party.client_id = party.variant.client_id("second")
    is_error(party.redeem(code, client_id=party.client_id), {*OF_CLIENT, "invalid_grant"})


@module("ensure-authorization-code-is-bound-to-client")
def code_of_another_client(party: FapiParty, name: str) -> None:
    """A code is redeemed by its own client only."""
    code = party.code()
    party.become("second")
    is_error(party.redeem(code), {"invalid_grant"})


@module("ensure-holder-of-key-required")
def without_key(party: FapiParty, name: str) -> None:
    """Without what tokens are bound to there are none; no endpoint speaks a TLS that is too weak."""
    told = ("authorization", "userinfo", "token", "registration")
    has_good_tls(*(party.op[f"{each}_endpoint"] for each in told))
    is_error(party.redeem(party.code(), bound=False), unbound(party))


@module("attempt-reuse-authorization-code-after-one-second")
def code_reuse(party: FapiParty, name: str) -> None:
    """A code that comes again is refused, and what it gave is taken back."""
    code = party.code()
    token = party.token_answer(party.redeem(code))["access_token"]
    is_error(party.redeem(code), {"invalid_grant"})
    assert party.ask_own(token).status_code == 401


@module("ensure-pkce-code-verifier-required", "incorrect-pkce-code-verifier-rejected")
def verifier(party: FapiParty, name: str) -> None:
    """The verifier has to be there and to fit."""
    wrong = None if name.endswith("required") else "w" * 43
    is_error(party.redeem(party.code(), code_verifier=wrong), {"invalid_grant"})


@module("refresh-token")
def refresh(party: FapiParty, name: str) -> None:
    """A refresh token gives bound tokens to its own client as often as it is brought, with what they are bound to."""
    scope = f"{party.request()['scope']} offline_access"
    last, fields = "", {}
    for who in WHO:
        party.become(who)
        first = party.bound_tokens(scope=scope, prompt="consent")
        fields = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        fields |= {"scope": scope} if who == "first" else {}
        party.dpop_key = party.another_key()
        for _ in range(2):  # the first token works again: it may be that the client lost the answer
            second = party.token_answer(party.post("token_endpoint", fields))
            assert second["token_type"] == party.variant.token_type
            assert second["access_token"] != first["access_token"]
            assert party.ask_own(second["access_token"]).status_code == 200
            _is_of_the_same_sign_in(party, first, second)
        if party.variant.by_proof or not party.variant.by_certificate:
            is_error(_of_nobody(party, fields), {*OF_CLIENT, "invalid_request", "invalid_grant"})
        is_error(party.post("token_endpoint", fields, bound=False), unbound(party))
        last = second["access_token"]
    party.become("first")
    assert party.ask_own(last).status_code == 401
    is_error(party.post("token_endpoint", fields | {"scope": scope}), {"invalid_grant"})


def _is_of_the_same_sign_in(party: FapiParty, first: dict[str, Any], second: dict[str, Any]) -> None:
    """Check an ID token that comes with a refreshed token: it tells of the same sign-in, without its nonce (OIDC Core §12.2)."""
    if not party.variant.signs_in:
        assert "id_token" not in second
        return
    claims = party.claims(second["id_token"], None, second)
    same = ("iss", "sub", "aud", "azp", "auth_time")
    assert {name: claims.get(name) for name in same} == {name: first["claims"].get(name) for name in same}


def _of_nobody(party: FapiParty, fields: dict[str, str]) -> httpx.Response:
    """Ask for tokens with what they are bound to, but without what proves the client."""
    url, by_certificate = party.op["token_endpoint"], party.variant.by_certificate
    line, named = (party.http, {"client_id": party.client_id}) if by_certificate else (party.line(), {})
    headers = {"DPoP": party.dpop("POST", url)} if party.variant.by_proof else {}
    return line.post(url, data={**named, **fields}, headers=headers)
