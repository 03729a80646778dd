"""The plans FAPI 2.0 Security Profile and Message Signing: what each module asks of the provider."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from joserfc.jwk import ECKey, RSAKey

from switchyard.visitor import Page
from tests.support.foundation import core
from tests.support.foundation.registry import Walk
from tests.support.tls_world import OTHER_CALLBACK, a_key

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.support.foundation.fapi_party import FapiParty

module = Walk()
_SP = "fapi2-security-profile-final"
_REQUEST = {"invalid_request", "invalid_request_object"}
_CLIENT = {"invalid_client"}


def named(*names: str) -> Callable[[Any], Any]:
    """Register a check for modules of these plans, without the words that all their names begin with."""
    return module(*(f"{_SP}-{name}" for name in names))


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
    assert "private_key_jwt" in op["token_endpoint_auth_methods_supported"]
    assert {"ES256", "PS256"} >= set(op["dpop_signing_alg_values_supported"]) > set()
    assert {"ES256", "PS256"} & set(op["token_endpoint_auth_signing_alg_values_supported"])
    assert "ES256" in op["id_token_signing_alg_values_supported"]
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
    token = party.bound_tokens()["access_token"]
    assert [party.ask_userinfo(token, scheme=each).status_code for each in ("dpop", "DPOP")] == [200, 200]


@named(
    "check-dpop-proof-nbf-exp",
    "ensure-dpopproof-with-iat-10seconds-before-succeeds",
    "ensure-dpopproof-with-iat-10seconds-after-succeeds",
)
def dated_proofs(party: FapiParty, name: str) -> None:
    """Proofs may be a little early or late, and may have further dates."""
    now = int(time.time())
    changes: dict[str, Any] = {"iat": now + (-10 if "before" in name else 8)}
    if "nbf" in name:
        changes = {"nbf": now, "exp": now + 60}
    asked = party.request()
    code = party.code_of(asked, proof=changes)
    tokens = party.token_answer(party.redeem(code, proof=changes))
    assert party.ask_userinfo(tokens["access_token"], **changes).status_code == 200


@named("ensure-mismatched-dpop-jkt-fails")
def mismatched_key_at_par(party: FapiParty, name: str) -> None:
    """A proof and a dpop_jkt that name two keys are refused as they are pushed."""
    other = ECKey.generate_key("P-256", private=True).thumbprint()
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
        other = ECKey.generate_key("P-256", private=True)
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
    party.client_id = "fapi-second"
    assert isinstance(party.visit(name_of_it), Page)


@named("ensure-client-id-in-token-endpoint", "ensure-authorization-code-is-bound-to-client")
def code_of_another_client(party: FapiParty, name: str) -> None:
    """A code is redeemed by its own client only."""
    code = party.code()
    party.client_id, party.key = "fapi-second", party.lab.keys.second
    is_error(party.redeem(code), {"invalid_grant"})


@named("ensure-holder-of-key-required")
def without_key(party: FapiParty, name: str) -> None:
    """Without a proof of possession there are no tokens."""
    is_error(
        party.redeem(party.code(), bound=False), {"invalid_dpop_proof", "invalid_request", "invalid_grant"}
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
    "ensure-invalid-client-assertions-fail",
)
def assertions(party: FapiParty, name: str) -> None:
    """A client assertion that breaks one rule proves nobody."""
    code = party.code()
    now = int(time.time())
    changes: dict[str, dict[str, Any]] = {
        "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails": {"iat": now - 360, "exp": now - 300},
        "ensure-client-assertion-with-wrong-aud-fails": {"aud": "https://other1.example"},
        "ensure-client-assertion-with-no-sub-fails": {"sub": None},
        "ensure-invalid-client-assertions-fail": {"jti": None},
    }
    short = name.removeprefix(f"{_SP}-")
    if short in changes:
        answer = party.redeem(code, assertion=changes[short])
    elif short.endswith("RS256-fails"):
        party.key = RSAKey.generate_key(2048, {"kid": "first"}, private=True)
        answer = party.redeem(code, assertion={"alg": "RS256"})
    else:
        answer = party.redeem(code, client_assertion=None, client_assertion_type=None)
    is_error(answer, {*_CLIENT, "invalid_request"})


@named(
    "par-endpoint-as-array-audience-fails",
    "par-endpoint-as-audience-fails",
    "par-token-endpoint-as-audience-fails",
)
def audiences(party: FapiParty, name: str) -> None:
    """Our issuer alone, as a text, is the audience of an assertion."""
    par, token = party.op["pushed_authorization_request_endpoint"], party.op["token_endpoint"]
    wrong = token if "token-endpoint" in name else par
    audience: object = [party.lab.issuer, par] if "array" in name else wrong
    is_error(party.push(assertion={"aud": audience}), _CLIENT)


@named(
    "par-ensure-jwt-client-assertion-nbf-8-seconds-in-the-future-is-accepted",
    "par-ensure-jwt-client-assertion-nbf-over-60-seconds-in-the-future-fails",
)
def assertion_dates(party: FapiParty, name: str) -> None:
    """Clocks may differ by some seconds, not by a minute."""
    good = "-8-" in name
    at = int(time.time()) + (8 if good else 75)
    answer = party.push(assertion={"iat": at, "nbf": at, "exp": at + 60})
    assert answer.status_code == 201 if good else answer.status_code in {400, 401}, answer.text


@named("refresh-token")
def refresh(party: FapiParty, name: str) -> None:
    """A refresh token gives bound tokens, to its own client, with its proof."""
    first = party.bound_tokens(scope="openid offline_access", prompt="consent")
    fields = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    is_error(party.post("token_endpoint", fields, bound=False), {"invalid_dpop_proof", "invalid_request"})
    second = party.token_answer(party.post("token_endpoint", fields))
    assert second["token_type"] == "DPoP"
    assert party.ask_userinfo(second["access_token"]).status_code == 200
    party.client_id, party.key = "fapi-second", party.lab.keys.second
    fields["refresh_token"] = second.get("refresh_token", first["refresh_token"])
    is_error(party.post("token_endpoint", fields), {"invalid_grant"})


@named("dpop-negative-tests")
def wrong_proofs(party: FapiParty, name: str) -> None:
    """A proof that breaks one rule opens nothing; what is only unusual does."""
    token = party.bound_tokens()["access_token"]
    url = party.op["userinfo_endpoint"]
    other = ECKey.generate_key("P-256", private=True)
    assert party.ask_userinfo(token).status_code == 200
    good: list[dict[str, Any]] = [
        {"htu": f"{url}?a=b#c"},
        {"htu": url.replace("https", "HTTPS")},
        {"extra": "claim"},
        {"jti": "the same name"},
    ]
    assert [party.ask_userinfo(token, **each).status_code for each in good] == [200] * len(good)
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
    for each in wrong:
        assert party.ask_userinfo(token, **each).status_code in {400, 401}, each
    proof = party.dpop("GET", url, token=token)
    broken = [f"{proof[:-8]}AAAAAAAA", "no token at all", f"eyJhbGciOiJub25lIn0.{proof.split('.')[1]}."]
    for text in broken:
        assert party.ask_userinfo(token, headers={"DPoP": text}).status_code in {400, 401}, text
    assert party.ask_userinfo(token, scheme="Bearer", headers={"Accept": "*/*"}).status_code == 401
    two = [("DPoP", party.dpop("GET", url, token=token)), ("DPoP", party.dpop("GET", url, token=token))]
    answer = party.http.get(url, headers=[("Authorization", f"DPoP {token}"), *two])
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
        "ensure-matching-key-in-authorization-request": {"key": a_key("first")},
        "par-authorization-request-containing-request_uri": {"request_uri": "urn:x:y"},
    }
    short = name.removeprefix(f"{_SP}-")
    asked = party.request()
    signed = party.object(asked, **claims.get(short, {}))
    if short.endswith("RS256-fails"):
        rsa = RSAKey.generate_key(2048, {"kid": "first"}, private=True)
        signed = party.object(asked, key=rsa, alg="RS256")
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
