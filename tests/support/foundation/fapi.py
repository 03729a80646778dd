"""The plans FAPI 2.0 Security Profile and Message Signing: what each module asks of the provider."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

from switchyard.visitor import Page
from tests.support.foundation import core
from tests.support.foundation.registered import assertion
from tests.support.foundation.registry import Walk
from tests.support.signatures import a_signing_key
from tests.support.tls_world import OTHER_CALLBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.support.foundation.fapi_party import FapiParty

module = Walk()
_SP = "fapi2-security-profile-final"
_REQUEST = {"invalid_request", "invalid_request_object"}
_CLIENT = {"invalid_client"}


def named(*names: str, walk: Walk = module) -> Callable[[Any], Any]:
    """Register a check for modules of these plans, without the words that all their names begin with."""
    return walk(*(f"{_SP}-{name}" for name in names))


def is_error(answer: httpx.Response, errors: set[str]) -> None:
    """Check a refusal of an endpoint."""
    assert answer.status_code in {400, 401}, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    said = answer.json()
    assert said["error"] in errors, said
    assert said.keys() <= {"error", "error_description", "error_uri"}


@named("discovery-end-point-verification")
def discovery(party: FapiParty, name: str) -> None:
    """What the profile needs is told."""
    core.discovery(party, name)
    op = party.op
    certified = {"tls_client_auth", "self_signed_tls_client_auth"}
    wanted = certified if party.variant.by_certificate else {"private_key_jwt"}
    assert wanted <= set(op["token_endpoint_auth_methods_supported"])
    assert {"ES256", "PS256", "EdDSA"} == set(op["dpop_signing_alg_values_supported"])
    assert op["tls_client_certificate_bound_access_tokens"] is True
    for told in ("token_endpoint_auth_signing_alg", "id_token_signing_alg", "request_object_signing_alg"):
        assert {"ES256", "PS256", "EdDSA"} <= set(op[f"{told}_values_supported"])
    assert "S256" in op["code_challenge_methods_supported"]
    assert op["authorization_response_iss_parameter_supported"] is True
    assert "jwt" in op["response_modes_supported"]


@named("happy-flow", "par-without-duplicate-parameters", "ensure-dpopproof-at-par-endpoint-binding-success")
def happy_flow(party: FapiParty, name: str) -> None:
    """A pushed request, a code, tokens that are bound, and userinfo with them."""
    tokens = party.bound_tokens()
    answer = party.ask_userinfo(tokens["access_token"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["sub"] == tokens["claims"]["sub"]


@named("user-rejects-authentication")
def rejected(party: FapiParty, name: str) -> None:
    """Who does not allow it is told of to the client, as access_denied."""
    party.person.denies = True
    asked = party.request(prompt="consent")
    found = party.opened(party.visit(party.pushed(asked)))
    assert found["error"] == "access_denied"
    assert found["state"] == asked["state"]


@named(
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
    party.bound_tokens(**changes[name.removeprefix(f"{_SP}-")])


@named("test-claims-parameter-identity-claims")
def identity_claims(party: FapiParty, name: str) -> None:
    """Every standard claim that is told can be asked for singly, and is in the ID token then."""
    wanted = ("name", "given_name", "family_name", "email", "phone_number", "address", "birthdate")
    wish = json.dumps({"userinfo": {each: {"essential": True} for each in wanted}})
    tokens = party.bound_tokens(claims=wish)
    assert set(wanted) <= party.ask_userinfo(tokens["access_token"]).json().keys()


@named("access-token-type-header-case-sensitivity")
def scheme_in_any_case(party: FapiParty, name: str) -> None:
    """The scheme's name is read in any case."""
    token, scheme = party.bound_tokens()["access_token"], party.variant.token_type
    spelled = (scheme.lower(), scheme.upper(), scheme.swapcase())
    assert [party.ask_userinfo(token, scheme=each).status_code for each in spelled] == [200, 200, 200]


@named(
    "check-dpop-proof-nbf-exp",
    "ensure-dpopproof-with-iat-10seconds-before-succeeds",
    "ensure-dpopproof-with-iat-10seconds-after-succeeds",
)
def dated_proofs(party: FapiParty, name: str) -> None:
    """Proofs may be a little early or late, and may have further dates."""
    changes = dates_of(name)
    asked = party.request()
    code = party.code_of(asked, proof=changes)
    tokens = party.token_answer(party.redeem(code, proof=changes))
    assert party.ask_userinfo(tokens["access_token"], **changes).status_code == 200


def dates_of(name: str) -> dict[str, Any]:
    """Return what the module of this name says in its proofs."""
    now = int(time.time())
    if "nbf" in name:
        return {"nbf": now, "exp": now + 300}
    return {"iat": now + (-10 if "before" in name else 8)}


@named("ensure-mismatched-dpop-jkt-fails")
def mismatched_key_at_par(party: FapiParty, name: str) -> None:
    """A proof and a dpop_jkt that name two keys are refused as they are pushed."""
    other = party.another_key().thumbprint()
    is_error(party.push(party.request(dpop_jkt=other)), {"invalid_dpop_proof", *_REQUEST})


@named(
    "ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt",
    "ensure-token-endpoint-fails-with-mismatched-dpop-jkt",
    "ensure-dpop-auth-code-binding-success",
)
def bound_code(party: FapiParty, name: str) -> None:
    """A code that was asked for with a key is redeemed with that key only."""
    by_name = not name.endswith("proof-jkt")
    asked = party.request(**({"dpop_jkt": party.dpop_key.thumbprint()} if by_name else {}))
    code = party.code_of(asked, bound=not by_name)
    if name.endswith("success"):
        party.token_answer(party.redeem(code))
    else:
        other = party.another_key()
        is_error(party.redeem(code, proof={"key": other}), {"invalid_grant", "invalid_dpop_proof"})


@named(
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
    tokens = party.token_answer(party.redeem(found["code"]))
    party.claims(tokens["id_token"], asked["nonce"])


@named(
    "ensure-request-object-without-redirect-uri-fails",
    "ensure-redirect-uri-in-authorization-request",
    "ensure-registered-redirect-uri",
    "plain-fapi-tolerate-unregistered-redirect-uri",
    "ensure-response-type-code-idtoken-fails",
    "ensure-response-type-token-fails",
    "par-ensure-pkce-required",
    "par-plain-pkce-rejected",
    "par-authorization-request-containing-request_uri-form-param",
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
        "par-authorization-request-containing-request_uri-form-param": {"request_uri": "urn:x:y"},
    }
    wrong = changes[name.removeprefix(f"{_SP}-")]
    answer = party.push(party.request(**wrong))
    is_error(answer, {*_REQUEST, "unsupported_response_type", "unauthorized_client", "invalid_redirect_uri"})


@named("ensure-unsigned-authorization-request-without-using-par-fails")
def without_par(party: FapiParty, name: str) -> None:
    """A request that was not pushed is refused."""
    found = party.person.go(party.address(party.request()))
    if isinstance(found, Page):
        assert found.status == 400
    else:
        assert party.opened(found)["error"] in _REQUEST


@named("par-attempt-invalid-http-method")
def par_by_get(party: FapiParty, name: str) -> None:
    """Requests are pushed by POST."""
    assert party.http.get(party.op["pushed_authorization_request_endpoint"]).status_code == 405


@named("par-ensure-reused-request-uri-prior-to-auth-completion-succeeds")
def visited_twice(party: FapiParty, name: str) -> None:
    """A pushed request may be brought again until somebody completes it."""
    asked = party.request()
    name_of_it = party.pushed(asked)
    party.person.stops_at = "login-submit"
    assert isinstance(party.visit(name_of_it), Page)
    party.person.stops_at = ""
    assert "code" in party.opened(party.visit(name_of_it))


@named("par-attempt-reuse-request_uri")
def used_twice(party: FapiParty, name: str) -> None:
    """A pushed request is answered once."""
    name_of_it = party.pushed(party.request())
    assert "code" in party.opened(party.visit(name_of_it))
    found = party.visit(name_of_it)
    assert isinstance(found, Page)
    assert found.status == 400


@named("par-attempt-to-use-request_uri-for-different-client")
def of_another_client(party: FapiParty, name: str) -> None:
    """A pushed request opens nothing for another client."""
    name_of_it = party.pushed(party.request())
    party.become("second")
    assert isinstance(party.visit(name_of_it), Page)


@named("ensure-client-id-in-token-endpoint")
def another_name(party: FapiParty, name: str) -> None:
    """The name of another client with what proves the first is nobody."""
    code = party.code()
    party.client_id = party.variant.client_id("second")
    is_error(party.redeem(code), {*_CLIENT, "invalid_grant"})


@named("ensure-authorization-code-is-bound-to-client")
def code_of_another_client(party: FapiParty, name: str) -> None:
    """A code is redeemed by its own client only."""
    code = party.code()
    party.become("second")
    is_error(party.redeem(code), {"invalid_grant"})


@named("ensure-holder-of-key-required")
def without_key(party: FapiParty, name: str) -> None:
    """Without what tokens are bound to there are none."""
    is_error(party.redeem(party.code(), bound=False), unbound(party))


def unbound(party: FapiParty) -> set[str]:
    """Return how a request may be refused that lacks what tokens are bound to."""
    if party.variant.by_proof:
        return {"invalid_dpop_proof", "invalid_request", "invalid_grant"}
    return (
        {*_CLIENT, "invalid_request"}
        if party.variant.by_certificate
        else {"invalid_request", "invalid_grant"}
    )


@named("attempt-reuse-authorization-code-after-one-second")
def code_reuse(party: FapiParty, name: str) -> None:
    """A code that comes again is refused, and what it gave is taken back."""
    code = party.code()
    token = party.token_answer(party.redeem(code))["access_token"]
    is_error(party.redeem(code), {"invalid_grant"})
    assert party.ask_userinfo(token).status_code == 401


@named("ensure-pkce-code-verifier-required", "incorrect-pkce-code-verifier-rejected")
def verifier(party: FapiParty, name: str) -> None:
    """The verifier has to be there and to fit."""
    wrong = None if name.endswith("required") else "w" * 43
    is_error(party.redeem(party.code(), code_verifier=wrong), {"invalid_grant", "invalid_request"})


@named(
    "ensure-signed-client-assertion-with-RS256-fails",
    "ensure-client-assertion-in-token-endpoint",
    "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
    "ensure-client-assertion-with-wrong-aud-fails",
    "ensure-client-assertion-with-no-sub-fails",
)
def assertions(party: FapiParty, name: str) -> None:
    """A client assertion that breaks one rule proves nobody at the token endpoint."""
    is_error(party.redeem(party.code(), **wrong_assertion(party, name)), {*_CLIENT, "invalid_request"})


def wrong_assertion(party: FapiParty, name: str) -> dict[str, Any]:
    """Return the fields of the assertion that the module of this name brings."""
    wrong = {
        "ensure-signed-client-assertion-with-RS256-fails": "RS256",
        "ensure-client-assertion-in-token-endpoint": "none at all",
        "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails": "ended",
        "ensure-client-assertion-with-wrong-aud-fails": "for another",
        "ensure-client-assertion-with-no-sub-fails": "without sub",
    }[name.removeprefix(f"{_SP}-")]
    return wrong_assertions(party)[wrong]


@named("ensure-invalid-client-assertions-fail")
def wrong_at_the_first_endpoint(party: FapiParty, name: str) -> None:
    """Whatever is wrong with an assertion, nothing is pushed with it; the next good one works."""
    refuses_wrong_assertions(
        party,
        lambda fields: party.post("pushed_authorization_request_endpoint", {**party.pushes(), **fields}),
    )


def refuses_wrong_assertions(party: FapiParty, send: Callable[[dict[str, Any]], httpx.Response]) -> None:
    """Check that an endpoint refuses each wrong assertion, and takes one of a clock that goes before, and a good one."""
    for label, fields in wrong_assertions(party).items():
        answer = send(fields)
        assert answer.status_code in {400, 401}, label
        is_error(answer, {*_CLIENT, "invalid_request"})
    at = int(time.time()) + 8
    for fields in (party.proof(iat=at, nbf=at, exp=at + 60), party.proof()):
        assert send(fields).is_success


def wrong_assertions(party: FapiParty) -> dict[str, dict[str, Any]]:
    """Return the fields of assertions of which each breaks one rule, or lacks what belongs to it."""
    now, issuer = int(time.time()), party.lab.issuer
    par, token = party.op["pushed_authorization_request_endpoint"], party.op["token_endpoint"]
    good = party.proof()["client_assertion"]
    said: dict[str, dict[str, Any]] = {
        "without sub": {"sub": None},
        "wrong sub": {"sub": "somebody"},
        "without iss": {"iss": None},
        "wrong iss": {"iss": "somebody"},
        "without aud": {"aud": None},
        "without jti": {"jti": None},
        "for another": {"aud": "https://other1.example"},
        "for an endpoint": {"aud": par},
        "for the token endpoint": {"aud": token},
        "for a list": {"aud": [issuer, par]},
        "ended": {"iat": now - 360, "exp": now - 300},
        "of the future": {"iat": now + 75, "nbf": now + 75, "exp": now + 135},
    }
    return {
        "none at all": {"client_assertion": None, "client_assertion_type": None},
        "without type": {"client_assertion_type": None},
        "of another type": {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:other"},
        "RS256": {"client_assertion": assertion(party.client_id, party.rsa_key(), issuer, alg="RS256")},
        "unsigned": {"client_assertion": f"eyJhbGciOiJub25lIn0.{good.split('.')[1]}."},
        "wrongly signed": {"client_assertion": f"{good[:-8]}AAAAAAAA"},
        **{label: party.proof(**changes) for label, changes in said.items()},
    }


@named(
    "par-test-array-as-audience-fails",
    "par-test-par-endpoint-url-as-audience-fails",
    "par-test-token-endpoint-url-as-audience-fails",
)
def audiences(party: FapiParty, name: str) -> None:
    """Our issuer alone, as a text, is the audience of an assertion."""
    par, token = party.op["pushed_authorization_request_endpoint"], party.op["token_endpoint"]
    wrong = token if "token-endpoint" in name else par
    audience: object = [party.lab.issuer, par] if "array" in name else wrong
    is_error(party.push(assertion={"aud": audience}), _CLIENT)


@named(
    "par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted",
    "par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails",
)
def assertion_dates(party: FapiParty, name: str) -> None:
    """Clocks may differ by some seconds, not by a minute."""
    good = "-8-" in name
    at = int(time.time()) + (8 if good else 75)
    answer = party.push(assertion={"iat": at, "nbf": at, "exp": at + 60})
    assert answer.status_code == 201 if good else answer.status_code in {400, 401}, answer.text


@named("refresh-token")
def refresh(party: FapiParty, name: str) -> None:
    """A refresh token gives bound tokens to its own client as often as it is brought, with what they are bound to."""
    first = party.bound_tokens(scope="openid offline_access", prompt="consent")
    fields = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    party.dpop_key = party.another_key()
    for _ in range(
        2
    ):  # the token that was brought first works again: it may be that the client lost the answer
        second = party.token_answer(party.post("token_endpoint", fields))
        assert second["token_type"] == party.variant.token_type
        assert party.ask_userinfo(second["access_token"]).status_code == 200
    is_error(party.post("token_endpoint", fields, bound=False), unbound(party))
    party.become("second")
    assert party.ask_userinfo(second["access_token"]).status_code == 401
    fields["refresh_token"] = second.get("refresh_token", first["refresh_token"])
    is_error(party.post("token_endpoint", fields), {"invalid_grant"})


@named("dpop-negative-tests")
def wrong_proofs(party: FapiParty, name: str) -> None:
    """A proof that breaks one rule opens nothing; what is only unusual does."""
    refuses_wrong_proofs(party, party.op["userinfo_endpoint"], party.bound_tokens()["access_token"])


def refuses_wrong_proofs(party: FapiParty, url: str, token: str) -> None:
    """Check that a resource takes good proofs for a token, and no others."""
    other = party.another_key()

    def status(**changes: Any) -> int:
        return party.ask_resource(url, token, **changes).status_code

    assert status() == 200
    good: list[dict[str, Any]] = [
        {"htu": f"{url}?a=b#c"},
        {"htu": url.replace("https", "HTTPS")},
        {"extra": "claim"},
        {"jti": "the same name"},
    ]
    assert [status(**each) for each in good] == [200] * len(good)
    wrong: list[dict[str, Any]] = [
        *({each: None} for each in ("typ", "jwk", "jti", "htm", "htu", "iat", "ath")),
        {"typ": "JWT"},
        {"jwk": party.dpop_key.as_dict(private=True)},
        {"htm": "PUT"},
        {"htu": "https://other.example/"},
        {"iat": int(time.time()) + 3_600},
        {"iat": int(time.time()) - 3_600},
        {"jti": "the same name"},
        {"ath": "wrong"},
        {"key": other},
    ]
    if party.algorithm == "PS256":
        wrong.append({"alg": "RS256"})
    for each in wrong:
        assert status(**each) in {400, 401}, each
    proof = party.dpop("GET", url, token=token)
    head = json.dumps({"typ": "dpop+jwt", "jwk": party.dpop_key.as_dict(private=False)}).encode()
    nameless = base64.urlsafe_b64encode(head).rstrip(b"=").decode()
    broken = [
        f"{proof[:-8]}AAAAAAAA",
        f"{nameless}.{proof.partition('.')[2]}",
        "no token at all",
        f"eyJhbGciOiJub25lIn0.{proof.split('.')[1]}.",
    ]
    for text in broken:
        assert status(headers={"DPoP": text}) in {400, 401}, text
    assert status(scheme="Bearer", headers={"Accept": "*/*"}) == 401
    two = [("DPoP", party.dpop("GET", url, token=token)), ("DPoP", party.dpop("GET", url, token=token))]
    answer = party.line().get(url, headers=[("Authorization", f"DPoP {token}"), *two])
    assert answer.status_code in {400, 401}


@named(
    "ensure-request-object-with-multiple-aud-succeeds",
    "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted",
    "ensure-request-object-without-exp-fails",
    "ensure-request-object-without-nbf-fails",
    "ensure-expired-request-object-fails",
    "ensure-request-object-with-bad-aud-fails",
    "ensure-request-object-with-exp-over-60-fails",
    "ensure-request-object-with-nbf-over-60-fails",
    "ensure-signed-request-object-with-RS256-fails",
    "ensure-request-object-signature-algorithm-is-not-none",
    "ensure-request-object-with-invalid-signature-fails",
    "ensure-matching-key-in-authorization-request",
    "ensure-unsigned-request-at-par-endpoint-fails",
    "par-authorization-request-containing-request_uri",
)
def objects(party: FapiParty, name: str) -> None:
    """A request object is signed by the client, for us, and dated."""
    now = int(time.time())
    claims: dict[str, dict[str, Any]] = {
        "ensure-request-object-with-multiple-aud-succeeds": {
            "aud": [party.lab.issuer, "https://other.example"]
        },
        "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted": {
            "nbf": now + 8,
            "iat": now + 8,
        },
        "ensure-request-object-without-exp-fails": {"exp": None},
        "ensure-request-object-without-nbf-fails": {"nbf": None},
        "ensure-expired-request-object-fails": {"exp": now - 300, "nbf": now - 600, "iat": now - 600},
        "ensure-request-object-with-bad-aud-fails": {"aud": "https://other.example"},
        "ensure-request-object-with-exp-over-60-fails": {"exp": now + 4_200},
        "ensure-request-object-with-nbf-over-60-fails": {"nbf": now - 4_200, "iat": now - 4_200},
        "ensure-matching-key-in-authorization-request": {
            "key": a_signing_key(party.algorithm, party.key.kid)
        },
        "par-authorization-request-containing-request_uri": {"request_uri": "urn:x:y"},
    }
    short = name.removeprefix(f"{_SP}-")
    asked = party.request()
    signed = party.object(asked, **claims.get(short, {}))
    if short.endswith("RS256-fails"):
        signed = party.object(asked, key=party.rsa_key(), alg="RS256")
    elif short.endswith("not-none"):
        signed = f"eyJhbGciOiJub25lIn0.{signed.split('.')[1]}."
    elif short.endswith("invalid-signature-fails"):
        signed = f"{signed[:-8]}AAAAAAAA"
    fields = asked if short.startswith("ensure-unsigned") else {"request": signed}
    answer = party.post("pushed_authorization_request_endpoint", fields)
    if short.endswith(("succeeds", "accepted")):
        assert answer.status_code == 201, answer.text
        assert "code" in party.opened(party.visit(answer.json()["request_uri"]))
    else:
        is_error(answer, _REQUEST)
