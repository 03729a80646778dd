"""Introspection answers that are signed (RFC 9701)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.oidc import ISSUER, header_of

if TYPE_CHECKING:
    from kernel.web.http import Response
    from tests.support.oidc import Op

SIGNED = "application/token-introspection+jwt"


def ask(op: Op, token: str, client_id: str = "emi") -> Response:
    return op.post("/oauth2/introspect", {"token": token}, headers={**op.basic(client_id), "accept": SIGNED})


def test_nobody_gets_a_signed_answer_without_a_proof(op: Op) -> None:
    """IR-02, RFC 9701 §4: the same clients, and refusals stay what they are."""
    op.client()
    op.client("spa", token_endpoint_auth_method="none")
    answer = op.post("/oauth2/introspect", {"token": "x", "client_id": "spa"}, headers={"accept": SIGNED})
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    assert ask(op, "").json()["error"] == "invalid_request"


@pytest.mark.parametrize(("algorithm", "used"), [(None, "RS256"), ("ES256", "ES256")])
def test_the_signed_answer_is_for_its_client_alone(op: Op, algorithm: str | None, used: str) -> None:
    """RFC 9701 §5, §6: type, iss, aud and iat, and the facts in one claim; never what passes for a token of ours."""
    op.client(introspection_signed_response_alg=algorithm)
    token = op.tokens(op.session(op.account()))["access_token"]
    answer = ask(op, token)
    assert (answer.status, answer.header("content-type")) == (200, SIGNED)
    assert answer.header("cache-control") == "no-store"
    text = answer.body.decode()
    assert (header_of(text)["typ"], header_of(text)["alg"]) == ("token-introspection+jwt", used)
    keys = KeySet.import_key_set(json.loads(op.get("/oauth2/jwks").body))
    claims = jwt.decode(text, keys, algorithms=[used]).claims
    assert (claims["iss"], claims["aud"]) == (ISSUER, "emi")
    assert claims["token_introspection"] == op.introspect(token)
    assert {"iss", "aud", "iat", "token_introspection"} == set(claims)
    assert op.userinfo(text).status == 401


def test_a_client_that_named_no_algorithm_gets_none_that_its_profile_bars(op: Op) -> None:
    """FAPI 2.0 §5.4: RS256 is what RFC 9701 §6 would have."""
    op.client(profile="ipsie-sl1")
    answer = ask(op, op.tokens(op.session(op.account()))["access_token"])
    assert header_of(answer.body.decode())["alg"] == "ES256"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (f"application/json;q=0.5, {SIGNED}", True),
        ("Application/Token-Introspection+JWT", True),
        (f"{SIGNED};q=0.2, application/json; q=0.1", True),
        (f"application/json, {SIGNED};q=0", False),
        (f"application/json, {SIGNED}; Q=0.000", False),
        (f"{SIGNED}-of-another-kind", False),
        ("*/*", False),
    ],
)
def test_a_signed_answer_is_given_to_who_accepts_one(op: Op, accept: str, wanted: bool) -> None:  # noqa: FBT001
    """RFC 9701 §4, RFC 9110 §8.3.1, §12.4.2: named in any case, and not by a weight of nothing."""
    op.client()
    answer = op.post("/oauth2/introspect", {"token": "x"}, headers={**op.basic(), "accept": accept})
    assert answer.header("content-type") == (SIGNED if wanted else "application/json")


def test_what_is_not_the_callers_is_inactive_there_too(op: Op) -> None:
    """IR-02, IR-03."""
    op.client()
    op.client("other")
    token = op.tokens(op.session(op.account()))["access_token"]
    for found in (ask(op, token, "other"), ask(op, "unknown"), ask(op, "a.b.c")):
        payload = found.body.decode()
        claims = jwt.decode(
            payload, KeySet.import_key_set(json.loads(op.get("/oauth2/jwks").body)), algorithms=["RS256"]
        ).claims
        assert claims["token_introspection"] == {"active": False}


def test_discovery_tells_the_algorithms(op: Op) -> None:
    """RFC 9701 §7."""
    document = op.get("/.well-known/openid-configuration").json()
    assert document["introspection_signing_alg_values_supported"] == ["ES256", "RS256"]
