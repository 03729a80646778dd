"""What strangers sign or write as JSON may hold what no text can: it is refused, and nobody falls over it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from tests.support.dpop import TOKEN
from tests.support.oidc import ASSERTION_TYPE, CALLBACK, ISSUER, public_keys, returned

if TYPE_CHECKING:
    from tests.support.oidc import Op

KEY = ECKey.generate_key("P-256", {"kid": "odd"})
ODD = pytest.mark.parametrize("odd", ["\ud800", "a\x00b"], ids=["surrogate", "zero"])


def signed(claims: object, **header: object) -> str:
    return jws.serialize_compact({"alg": "ES256", **header}, json.dumps(claims), KEY, algorithms=["ES256"])


def a_proof(op: Op, **changes: object) -> dict[str, str]:
    claims = {"htm": "POST", "htu": TOKEN, "iat": int(op.clock.now().timestamp()), "jti": "j", **changes}
    return {"dpop": signed(claims, typ="dpop+jwt", jwk=KEY.as_dict(private=False))}


@ODD
@pytest.mark.parametrize("name", ["iss", "sub", "aud", "jti"])
def test_an_assertion_of_odd_texts_proves_nothing(op_on_both: Op, name: str, odd: str) -> None:
    """CA-08, RFC 7523 §3: also where it only says whose keys are to be asked."""
    op = op_on_both
    op.client("rp", token_endpoint_auth_method="private_key_jwt", jwks=public_keys(KEY))
    now = int(op.clock.now().timestamp())
    claims = {"iss": "rp", "sub": "rp", "aud": ISSUER, "exp": now + 60, "jti": "j", name: odd}
    fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed(claims, kid="odd")}
    for path in ("token", "par", "introspect", "revoke"):
        answer = op.post(f"/oauth2/{path}", {"grant_type": "refresh_token", "token": "x", **fields})
        assert (answer.status, answer.json()["error"]) == (401, "invalid_client")


def test_odd_names_are_no_clients(op_on_both: Op) -> None:
    """CA-02, RFC 6749 §2.3.1: percent-encoded in Basic, too."""
    for name in ("%00", "emi%00", "%0A", "%F0%9F%98%80"):
        answer = op_on_both.post("/oauth2/token", {"grant_type": "x"}, headers=op_on_both.basic(name))
        assert (answer.status, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "change", [{"jti": "\ud800"}, {"jti": "a\x00b"}, {"ath": "\ud800"}, {"iat": 10**400}], ids=str
)
def test_a_proof_of_odd_values_proves_nothing(op: Op, change: dict[str, object]) -> None:
    """RFC 9449 §4.3: neither texts nor numbers that have no end."""
    op.client()
    fields = {"grant_type": "refresh_token", "refresh_token": "x"}
    answer = op.post("/oauth2/token", fields, headers={**op.basic(), **a_proof(op, **change)})
    assert (answer.status, answer.json()["error"]) == (400, "invalid_dpop_proof")


@ODD
@pytest.mark.parametrize("name", ["state", "nonce", "login_hint"])
def test_a_request_object_of_odd_texts_is_not_taken(op_on_both: Op, name: str, odd: str) -> None:
    """RFC 9101 §6.2: whether it is brought or pushed, and whether somebody is signed in or not."""
    op = op_on_both
    op.client(jwks=public_keys(KEY))
    token = signed({**op.ask(), "iss": "emi", "aud": ISSUER, name: odd}, kid="odd")
    pushed = op.post("/oauth2/par", {"request": token}, headers=op.basic())
    assert (pushed.status, pushed.json()["error"]) == (400, "invalid_request_object")
    for cookie in (op.session(op.account()), ""):
        answer = op.get("/oauth2/authorize", cookie, client_id="emi", redirect_uri=CALLBACK, request=token)
        assert returned(answer)["error"] == "invalid_request_object"


@ODD
def test_claims_of_odd_texts_are_malformed(op: Op, odd: str) -> None:
    """OIDC Core §5.5."""
    op.client()
    for claims in ({"id_token": {"sub": {"value": odd}}}, {"userinfo": {odd: None}}):
        assert returned(op.authorize("", claims=json.dumps(claims)))["error"] == "invalid_request"
