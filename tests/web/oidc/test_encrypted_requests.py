"""Encrypted request objects (RFC 9101 §6.1, OIDC Core §6, §10.2): signed by the client, then sealed for us."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import delete

from idp.usecases.limits import SEALED_PUSHES, SEALED_REQUESTS
from idp.usecases.register_client import ClientOrder, RegistrationRefused, register_client
from kernel.audit import SYSTEM
from kernel.fetch import Fetcher, FetchRules
from kernel.ratelimit import take
from keys.domain.encryption import ENCODINGS, LONGEST
from keys.settings import KeySettings
from keys.storage.tables import signing_key
from keys.usecases.signing import SigningKeys
from tests.support.clock import NOON
from tests.support.https_server import serving_documents
from tests.support.oidc import CALLBACK, ENCRYPTING, ISSUER, an_op, public_keys, returned
from tests.support.self_registration import post, registered, registering
from tests.support.signatures import signed

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.database import Database
    from tests.support.oidc import Op

KEY = ECKey.generate_key("P-256", {"kid": "requests"})
STRANGER = ECKey.generate_key("P-256", {"kid": "requests"})
NOW = int(NOON.timestamp())
DISCOVERY = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
UNSIGNED = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
EVERY = ("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")


@pytest.fixture
def op(sqlite_gateway_database: Database) -> Op:
    return an_op(sqlite_gateway_database, keys=ENCRYPTING)


def published(op: Op, use: str = "enc") -> list[dict[str, Any]]:
    return [key for key in op.get("/oauth2/jwks").json()["keys"] if key["use"] == use]


def our_key(op: Op, algorithm: str) -> dict[str, Any]:
    kind = "RSA" if algorithm.startswith("RSA") else "EC"
    return next(key for key in published(op) if key["kty"] == kind)


def an_object(op: Op, *, key: ECKey = KEY, **changes: object) -> str:
    claims = {**op.ask(), "iss": "emi", "aud": ISSUER, "nbf": NOW, "exp": NOW + 300, **changes}
    return signed({"alg": "ES256", "kid": "requests", "typ": "oauth-authz-req+jwt"}, claims, key)


def sealed(
    op: Op, inner: str | bytes, algorithm: str = "ECDH-ES", encoding: str = "A256GCM", **header: object
) -> str:
    """Seal ``inner`` for the key that the provider publishes; None leaves a member of the header out."""
    key = our_key(op, algorithm)
    whole = {"alg": algorithm, "enc": encoding, "kid": key["kid"], "cty": "oauth-authz-req+jwt", **header}
    found = {name: value for name, value in whole.items() if value is not None}
    document: Any = {"keys": [{**key, "kid": found.get("kid", key["kid"])}]}
    own = KeySet.import_key_set(document).keys[0]
    return jwe.encrypt_compact(
        found, inner, own, registry=jwe.JWERegistry(algorithms=[algorithm, encoding, "DEF"])
    )


def send(op: Op, cookie: str, token: str) -> dict[str, str]:
    outer = {"client_id": "emi", "redirect_uri": CALLBACK, "state": "outer"}
    return returned(op.get("/oauth2/authorize", cookie, request=token, **outer))


def prepared(op: Op, **metadata: object) -> str:
    op.client(jwks=public_keys(KEY), **metadata)
    return op.session(op.account())


@pytest.mark.parametrize("algorithm", EVERY)
def test_every_pair_that_discovery_lists_is_opened(op: Op, algorithm: str) -> None:
    """DJ-06: what is listed works, and the keys for it stand in the key set with use enc, public parts alone."""
    document = op.get(DISCOVERY[0]).json()
    assert document["request_object_encryption_alg_values_supported"] == list(EVERY)
    assert document["request_object_encryption_enc_values_supported"] == list(ENCODINGS)
    assert [key["kty"] for key in published(op)].count("RSA") == 1
    assert all("d" not in key for key in published(op))
    cookie = prepared(op, require_signed_request_object=True)
    for encoding in ENCODINGS:
        answer = send(op, cookie, sealed(op, an_object(op), algorithm, encoding))
        assert answer["state"] == "st"
        assert op.redeem(answer["code"]).status == 200


def test_without_a_key_for_it_nothing_is_listed_or_opened(op: Op, sqlite_gateway_database: Database) -> None:
    """DJ-06: a provider whose operator keeps no such key says nothing of it, and refuses it as any other."""
    cookie = prepared(op)
    token = sealed(op, an_object(op))
    (signing,) = (key for key in published(op, "sig") if key["kty"] == "RSA")
    with op.services.store.write() as unit:
        unit.connection.execute(delete(signing_key).where(signing_key.c.algorithm.in_(EVERY)))
    op.services = dataclasses.replace(op.services, signing=SigningKeys(op.services.store, KeySettings()))
    op.__post_init__()
    for path in DISCOVERY:
        assert not [name for name in op.get(path).json() if name.startswith("request_object_encryption")]
    assert published(op) == []
    assert send(op, cookie, token)["error"] == "invalid_request_object"
    for_signatures = jwe.encrypt_compact(
        {"alg": "RSA-OAEP-256", "enc": "A128GCM", "kid": signing["kid"]},
        an_object(op),
        RSAKey.import_key({name: signing[name] for name in ("kty", "n", "e")}),
        algorithms=["RSA-OAEP-256", "A128GCM"],
    )
    assert send(op, cookie, for_signatures)["error"] == "invalid_request_object"
    with pytest.raises(AssertionError, match="request_object_encryption_alg"):
        op.client(jwks=public_keys(KEY), request_object_encryption_alg="ECDH-ES", replace=True)


def test_what_is_sealed_has_to_be_signed_by_the_client(op: Op) -> None:
    """RFC 9101 §6.1, §10.2: signed and then encrypted; who can read our public key proves nothing by it."""
    cookie = prepared(op)
    claims = {**op.ask(), "iss": "emi", "aud": ISSUER}
    header, payload, _ = an_object(op).split(".")
    for inner in (
        json.dumps(claims),
        f"{UNSIGNED}.{payload}.",
        f"{header}.{payload}.",
        an_object(op, key=STRANGER),
        an_object(op, aud="https://other.example"),
        an_object(op, client_id="other"),
        sealed(op, an_object(op)),
        b"\xff\xfe.x.y",
        "",
    ):
        answer = send(op, cookie, sealed(op, inner))
        assert (answer["error"], answer["state"]) == ("invalid_request_object", "outer")


def test_whatever_is_wrong_with_the_sealing_is_told_in_the_same_words(op: Op) -> None:
    """RFC 7516 §11.5, RFC 8725 §3.2, §3.6: other algorithms, compression, a changed text, key or tag, any junk."""
    cookie = prepared(op)
    inner = an_object(op)
    good = sealed(op, inner)
    parts = good.split(".")
    weak = RSAKey.import_key({name: our_key(op, "RSA")[name] for name in ("kty", "n", "e")})

    def by_rsa(**header: str) -> str:
        whole = {"alg": "RSA-OAEP-256", "enc": "A128GCM", "kid": our_key(op, "RSA")["kid"], **header}
        return jwe.encrypt_compact(whole, inner, weak, algorithms=[*whole.values(), "DEF"])

    def with_header(**changes: object) -> str:
        raw = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
        written = json.dumps({**raw, **changes}).encode()
        return ".".join([base64.urlsafe_b64encode(written).rstrip(b"=").decode(), *parts[1:]])

    def with_part(number: int, text: str) -> str:
        return ".".join([*parts[:number], text, *parts[number + 1 :]])

    broken = [
        by_rsa(alg="RSA-OAEP"),
        by_rsa(enc="A192GCM"),
        by_rsa(zip="DEF"),
        by_rsa(kid=our_key(op, "EC")["kid"]),
        by_rsa(kid="unknown"),
        sealed(op, inner, zip="DEF"),
        *(
            with_header(**{name: value})
            for name in ("alg", "enc", "kid", "epk", "apu")
            for value in (None, [], 1)
        ),
        with_header(alg="dir"),
        with_header(alg="none"),
        with_header(epk={"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}),
        with_header(epk={**STRANGER.as_dict(private=False), "crv": "P-384"}),
        with_header(crit=["exp"], exp=1),
        with_header(jwk=STRANGER.as_dict(private=False)),
        with_part(0, "e30"),
        with_part(0, "W10"),
        with_part(0, "!" * 8),
        with_part(0, "W1tbW1tb" * 100),
        with_part(1, "AAAA"),
        with_part(2, ""),
        with_part(3, parts[3][:-4] + "AAAA"),
        with_part(4, "AAAA"),
        "....",
        "é....",
        "x" * LONGEST + "....",
        sealed(op, "x" * LONGEST),
    ]
    assert "code" in send(op, cookie, good)
    told = {tuple(sorted(send(op, cookie, token).items())) for token in broken}
    assert len(told) == 1, "nothing tells how near a guess came"
    assert dict(next(iter(told)))["error"] == "invalid_request_object"


def test_nothing_is_opened_for_a_client_that_could_have_signed_nothing(op: Op) -> None:
    """Opening costs a private operation; a client without keys gets its refusal without one."""
    op.client()
    cookie = op.session(op.account())
    token = sealed(op, an_object(op))
    op.services = dataclasses.replace(op.services, signing=NeverOpening(op.services.store, ENCRYPTING))
    op.__post_init__()
    assert send(op, cookie, token)["error"] == "invalid_request_object"


def test_a_stranger_has_only_so_many_opened_and_the_client_itself_goes_on(op: Op) -> None:
    """RFC 9101 §10.4: a private operation for each, and all that it takes is the name of a client."""
    cookie = prepared(op)
    good, plain = sealed(op, an_object(op)), an_object(op, state="plain")
    assert "code" in send(op, cookie, good)
    with op.services.store.write() as unit:
        take(unit.connection, SEALED_REQUESTS, "192.0.2.1", now=unit.now, cost=SEALED_REQUESTS.count)
    op.services = dataclasses.replace(op.services, signing=NeverOpening(op.services.store, ENCRYPTING))
    op.__post_init__()
    answer = send(op, cookie, good)
    assert (answer["error"], answer["state"]) == ("temporarily_unavailable", "outer")
    assert "code" in send(op, cookie, plain), "what is signed alone costs no more"


def test_a_client_that_proves_itself_has_a_limit_of_its_own_for_what_is_opened(op: Op) -> None:
    """RFC 9101 §10.4: what is pushed and refused costs the same private operation; registering makes a client."""
    prepared(op)
    fields = {"client_id": "emi", "request": sealed(op, an_object(op))}
    with op.services.store.write() as unit:
        take(unit.connection, SEALED_REQUESTS, "192.0.2.1", now=unit.now, cost=SEALED_REQUESTS.count)
    assert op.post("/oauth2/par", fields, headers=op.basic()).status == 201, "it is no stranger"
    with op.services.store.write() as unit:
        take(unit.connection, SEALED_PUSHES, "emi", now=unit.now, cost=SEALED_PUSHES.count)
    op.services = dataclasses.replace(op.services, signing=NeverOpening(op.services.store, ENCRYPTING))
    op.__post_init__()
    refused = op.post("/oauth2/par", fields, headers=op.basic())
    assert refused.json()["error"] == "temporarily_unavailable"


class NeverOpening(SigningKeys):
    """A key ring that nobody may ask to open anything."""

    def opened(self, token: str) -> str | None:
        """Fail the test."""
        raise AssertionError(token)


def test_a_client_says_how_it_may_encrypt_and_is_not_held_to_it(op: Op) -> None:
    """OIDC Registration §2: it declares; other ways that are supported, and no encryption, stay allowed."""
    declared = {"request_object_encryption_alg": "RSA-OAEP-256", "request_object_encryption_enc": "A128GCM"}
    cookie = prepared(op, **declared)
    for token in (
        sealed(op, an_object(op), "RSA-OAEP-256", "A128GCM"),
        sealed(op, an_object(op)),
        an_object(op),
    ):
        assert "code" in send(op, cookie, token)
    for wrong in (
        {"request_object_encryption_alg": "RSA1_5"},
        {"request_object_encryption_alg": "dir"},
        {"request_object_encryption_alg": ["ECDH-ES"]},
        {"request_object_encryption_enc": "A128GCM"},
        {**declared, "request_object_encryption_enc": "none"},
    ):
        with pytest.raises(AssertionError, match="request_object_encryption"):
            op.client(jwks=public_keys(KEY), replace=True, **wrong)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("request_object_encryption_enc", "A128GCM"), ("request_object_encryption_alg", "RSA1_5")],
)
def test_what_is_wrong_with_a_field_is_told_once(op: Op, name: str, wrong: str) -> None:
    """OIDC Registration §2: the rules of the standard and those of our keys do not both refuse one value."""
    order = ClientOrder("sealing", "Sealing", {"redirect_uris": [CALLBACK], name: wrong})
    refused = register_client(op.services, order, actor=SYSTEM)
    assert isinstance(refused, RegistrationRefused)
    assert [fault.name for fault in refused.faults] == [name]


def test_a_client_that_registers_itself_says_so_too(op: Op) -> None:
    """OIDC Registration §2: A128CBC-HS256 where only the key's algorithm is stated; what we cannot open is refused."""
    at = registering(op, "open")
    told = registered(at, request_object_encryption_alg="ECDH-ES", jwks=public_keys(KEY))
    assert told["request_object_encryption_enc"] == "A128CBC-HS256"
    refused = post(at, request_object_encryption_alg="RSA1_5", jwks=public_keys(KEY))
    assert (refused.status, refused.json()["error"]) == (400, "invalid_client_metadata")


def test_a_sealed_object_may_be_pushed(op: Op) -> None:
    """RFC 9126 §3: read when it is pushed; what waits is what was signed, and is opened no second time."""
    cookie = prepared(op, require_signed_request_object=True)
    fields = {"client_id": "emi", "request": sealed(op, an_object(op, scope="openid email"))}
    pushed = op.post("/oauth2/par", fields, headers=op.basic())
    assert pushed.status == 201, pushed.body
    answer = op.get("/oauth2/authorize", cookie, client_id="emi", request_uri=pushed.json()["request_uri"])
    assert op.redeem(returned(answer)["code"]).json()["scope"] == "openid email"
    refused = op.post("/oauth2/par", {**fields, "request": "e30...."}, headers=op.basic())
    assert (refused.status, refused.json()["error"]) == (400, "invalid_request_object")


def test_a_sealed_object_may_stand_at_an_address(op: Op, tmp_path: Path) -> None:
    """OIDC Core §6.2, RFC 9101 §5.2.2: fetched as any object, then opened."""
    with serving_documents(tmp_path) as served:
        address = served.put("/request.jwe", sealed(op, an_object(op), "RSA-OAEP-256").encode())
        cookie = prepared(op, request_uris=[address])
        rules = FetchRules(authority=served.authority, loopback=(served.host,))
        op.services = dataclasses.replace(op.services, fetcher=Fetcher(rules))
        op.__post_init__()
        answer = op.get(
            "/oauth2/authorize", cookie, client_id="emi", redirect_uri=CALLBACK, request_uri=address
        )
        assert returned(answer)["state"] == "st"
