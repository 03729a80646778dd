"""What is said to a client alone: signed, and encrypted for a key of its own."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from idp.domain.client_metadata import kept, metadata_faults
from idp.domain.response_encryption import ALGORITHMS, ENCODINGS
from idp.outbound.client_keys import RemoteKeys
from kernel.fetch import Fetcher, FetchRules
from tests.support.https_server import serving_documents
from tests.support.oidc import CALLBACK, ISSUER, an_assertion, claims_of, public_keys, returned
from tests.support.statements import recorded

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.oidc import Op

RSA = RSAKey.generate_key(2048, {"kid": "rsa-enc", "use": "enc"})
EC = ECKey.generate_key("P-256", {"kid": "ec-enc", "use": "enc"})
SIGNING = ECKey.generate_key("P-256", {"kid": "sig", "use": "sig"})
JWKS = public_keys(SIGNING, RSA, EC)
INTROSPECTION = "application/token-introspection+jwt"


def opened(token: str, encryption: str = "RSA-OAEP-256", encoding: str = "A128CBC-HS256") -> bytes:
    """Return what the client finds in a JWE, by the algorithms it registered and no others."""
    key = RSA if encryption.startswith("RSA") else EC
    found = jwe.decrypt_compact(token, key, algorithms=[encryption, encoding])
    header = found.headers()
    assert (header["alg"], header["enc"], header["kid"]) == (encryption, encoding, key.kid)
    return found.plaintext or b""


def verified(op: Op, token: bytes, algorithm: str = "ES256") -> dict[str, Any]:
    """Return the claims of a token that our published keys signed."""
    keys = KeySet.import_key_set(json.loads(op.get("/oauth2/jwks").body))
    return dict(jwt.decode(token.decode(), keys, algorithms=[algorithm]).claims)


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        ({"id_token_encrypted_response_alg": "RSA1_5"}, ["id_token_encrypted_response_alg"]),
        ({"userinfo_encrypted_response_alg": "dir"}, ["userinfo_encrypted_response_alg"]),
        ({"id_token_encrypted_response_alg": "A256KW"}, ["id_token_encrypted_response_alg"]),
        ({"introspection_encrypted_response_enc": "A128GCM"}, ["introspection_encrypted_response_enc"]),
        (
            {"id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "none"},
            ["id_token_encrypted_response_enc"],
        ),
        (
            {"authorization_encrypted_response_alg": "RSA-OAEP-256", "jwks": public_keys(EC)},
            ["authorization_encrypted_response_alg"],
        ),
        (
            {"id_token_encrypted_response_alg": "ECDH-ES", "jwks": public_keys(SIGNING, RSA)},
            ["id_token_encrypted_response_alg"],
        ),
        (
            {"id_token_encrypted_response_alg": "ECDH-ES", "jwks": None},
            ["id_token_encrypted_response_alg"],
        ),
        (
            {"token_endpoint_auth_method": "private_key_jwt", "jwks": public_keys(EC, RSA)},
            ["jwks"],
        ),
        ({"userinfo_signed_response_alg": "none"}, ["userinfo_signed_response_alg"]),
        ({"userinfo_encrypted_response_alg": ["ECDH-ES"]}, ["userinfo_encrypted_response_alg"]),
    ],
)
def test_what_is_weak_or_cannot_work_is_not_registered(metadata: dict[str, object], names: list[str]) -> None:
    """RFC 8725 §3.2: no RSA1_5, no shared secret; keys by value have to fit at once, each named for its use."""
    whole = {"redirect_uris": [CALLBACK], "jwks": JWKS, **metadata}
    assert [fault.name for fault in metadata_faults(kept(whole))] == names


def test_every_pair_that_discovery_lists_works_for_an_id_token(op: Op) -> None:
    """OIDC Core §16.14, DJ-06: signed, then encrypted, with the client's key for it named in the header."""
    document = op.get("/.well-known/openid-configuration").json()
    assert document["id_token_encryption_alg_values_supported"] == list(ALGORITHMS)
    assert document["id_token_encryption_enc_values_supported"] == list(ENCODINGS)
    for kind in ("userinfo", "introspection", "authorization"):
        assert document[f"{kind}_encryption_alg_values_supported"] == list(ALGORITHMS)
        assert document[f"{kind}_encryption_enc_values_supported"] == list(ENCODINGS)
    cookie = op.session(op.account())
    for algorithm in ALGORITHMS:
        for encoding in ENCODINGS:
            asked = {
                "id_token_encrypted_response_alg": algorithm,
                "id_token_encrypted_response_enc": encoding,
            }
            op.client(jwks=JWKS, replace=True, **asked)
            token = op.tokens(cookie)["id_token"]
            claims = verified(op, opened(token, algorithm, encoding))
            assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, "emi", "no")


def test_a_refreshed_id_token_and_a_hint(op_on_both: Op) -> None:
    """OIDC Core §12.2; §3.1.2.1: what we cannot open again is refused by name, the token within it is taken."""
    op = op_on_both
    op.client(jwks=JWKS, id_token_encrypted_response_alg="ECDH-ES+A256KW")
    cookie = op.session(op.account())
    first = op.tokens(cookie)
    second = op.refresh(first["refresh_token"]).json()
    inner = opened(second["id_token"], "ECDH-ES+A256KW").decode()
    assert claims_of(inner)["sub"] == verified(op, inner.encode())["sub"]
    refused = returned(op.authorize(cookie, id_token_hint=second["id_token"]))
    assert refused["error"] == "invalid_request"
    assert "encrypted" in refused["error_description"]
    assert op.get("/oauth2/logout", cookie, id_token_hint=second["id_token"]).status == 400
    assert "code" in returned(op.authorize(cookie, id_token_hint=inner))
    assert op.get("/oauth2/logout", cookie, id_token_hint=inner).status == 200


def test_userinfo_comes_in_the_form_that_was_registered(op_on_both: Op) -> None:
    """OIDC Core §5.3.2: signed with iss and aud; encrypted alone as JSON; both, one within the other."""
    op = op_on_both
    cookie = op.session(op.account())
    op.client()
    token = op.tokens(cookie, scope="openid profile")["access_token"]
    with recorded(op.services.store.database) as statements:
        op.userinfo(token)
    assert len(statements) == 1, "who registered no form pays for none"
    plain = op.userinfo(op.tokens(cookie)["access_token"])
    assert plain.header("content-type").startswith("application/json")
    op.client(replace=True, userinfo_signed_response_alg="RS256")
    signed = op.userinfo(op.tokens(cookie)["access_token"])
    assert (signed.status, signed.header("content-type")) == (200, "application/jwt")
    assert signed.header("cache-control") == "no-store"
    told = {**plain.json(), "iss": ISSUER, "aud": "emi"}
    assert verified(op, signed.body, "RS256") == told
    encrypted = {"jwks": JWKS, "userinfo_encrypted_response_alg": "RSA-OAEP-256"}
    op.client(replace=True, **encrypted)
    alone = op.userinfo(op.tokens(cookie)["access_token"])
    assert alone.header("content-type") == "application/jwt"
    assert json.loads(opened(alone.body.decode())) == plain.json()
    op.client(replace=True, userinfo_signed_response_alg="ES256", **encrypted)
    both = op.userinfo(op.tokens(cookie)["access_token"])
    assert verified(op, opened(both.body.decode())) == told


def test_introspection_and_answers_of_authorize_are_encrypted_too(op: Op) -> None:
    """RFC 9701 §6, JARM §2.2: each by its own metadata; what is asked for plainly stays plain."""
    names = ("introspection", "authorization", "id_token")
    op.client(
        profile="compat",
        jwks=JWKS,
        response_types=["code", "code id_token"],
        grant_types=["authorization_code", "implicit"],
        **{f"{name}_encrypted_response_alg": "ECDH-ES" for name in names},
        introspection_encrypted_response_enc="A256GCM",
    )
    cookie = op.session(op.account())
    token = op.tokens(cookie)["access_token"]
    headers = {**op.basic(), "accept": INTROSPECTION}
    answer = op.post("/oauth2/introspect", {"token": token}, headers=headers)
    assert answer.header("content-type") == INTROSPECTION
    inner = opened(answer.body.decode(), "ECDH-ES", "A256GCM")
    assert verified(op, inner, "RS256")["token_introspection"] == op.introspect(token)
    hybrid = returned(op.authorize(cookie, response_type="code id_token"))
    id_token = verified(op, opened(hybrid["id_token"], "ECDH-ES"), "RS256")
    assert id_token["c_hash"]
    whole = returned(op.authorize(cookie, response_type="code id_token", response_mode="jwt"))
    assert set(whole) == {"response"}
    claims = verified(op, opened(whole["response"], "ECDH-ES"), "RS256")
    assert {"code", "id_token", "state", "iss", "aud", "exp"} <= set(claims)
    assert verified(op, opened(claims["id_token"], "ECDH-ES"), "RS256")["nonce"] == "no"
    refused = returned(op.authorize(cookie, response_mode="jwt", prompt="none login"))
    assert verified(op, opened(refused["response"], "ECDH-ES"), "RS256")["error"] == "invalid_request"


def test_keys_at_an_address_are_chosen_by_their_use(op: Op, tmp_path: Path) -> None:
    """OIDC Core §10.2: none that fits is told as such, and costs the client neither its code nor its token."""
    with serving_documents(tmp_path) as published:
        rules = FetchRules(authority=published.authority, loopback=(published.host,), seconds=60)
        seconds = [0.0]
        remote = RemoteKeys(lambda: seconds[0])
        op.services = dataclasses.replace(op.services, fetcher=Fetcher(rules), remote_keys=remote)
        op.__post_init__()
        op.client(
            jwks_uri=f"{published.origin}/keys",
            profile="compat",
            response_types=["code", "id_token"],
            grant_types=["authorization_code", "implicit", "refresh_token"],
            **{
                f"{kind}_encrypted_response_alg": "RSA-OAEP-256"
                for kind in ("id_token", "userinfo", "introspection", "authorization")
            },
        )
        published.put("/keys", json.dumps(public_keys(SIGNING, EC)).encode())
        cookie = op.session(op.account())
        code = op.code(cookie)
        refused = op.redeem(code)
        assert (refused.status, refused.json()["error"]) == (400, "invalid_client_metadata")
        for more in ({"response_type": "id_token"}, {"response_mode": "jwt"}):
            page = op.authorize(cookie, **more)  # type: ignore[arg-type]
            assert (page.status, page.header("location")) == (400, "")
        published.put("/keys", json.dumps(public_keys(SIGNING, EC, RSA)).encode())
        seconds[0] += 301
        tokens = op.redeem(code).json()
        assert verified(op, opened(tokens["id_token"]), "RS256")["aud"] == "emi"
        published.put("/keys", json.dumps(public_keys(SIGNING)).encode())
        seconds[0] += 301
        assert op.userinfo(tokens["access_token"]).json()["error"] == "invalid_client_metadata"
        answer = op.post(
            "/oauth2/introspect",
            {"token": tokens["access_token"]},
            headers={**op.basic(), "accept": INTROSPECTION},
        )
        assert answer.json()["error"] == "invalid_client_metadata"
        assert op.refresh(tokens["refresh_token"]).status == 400
        published.put("/keys", json.dumps(public_keys(RSA)).encode())
        seconds[0] += 301
        assert op.refresh(tokens["refresh_token"]).status == 200


def test_a_key_for_encryption_proves_no_client(op: Op) -> None:
    """RFC 7517 §4.2: it signs nothing for the client."""
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys(SIGNING, EC))
    signing = ECKey.import_key({**EC.as_dict(private=True), "use": "sig"})
    fields = {"grant_type": "client_credentials", **an_assertion("m2m", key=signing)}
    assert op.post("/oauth2/token", fields).status == 401
    good = {"grant_type": "client_credentials", **an_assertion("m2m", key=SIGNING)}
    assert op.post("/oauth2/token", good).status == 200


def test_others_cannot_open_it(op: Op) -> None:
    """The content is the client's alone."""
    op.client(jwks=JWKS, id_token_encrypted_response_alg="RSA-OAEP-256")
    token = op.tokens(op.session(op.account()))["id_token"]
    other = RSAKey.generate_key(2048)
    with pytest.raises(JoseError):
        jwe.decrypt_compact(token, other, algorithms=["RSA-OAEP-256", "A128CBC-HS256"])
