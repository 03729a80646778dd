"""The metadata, member by member: whatever it says is used here, and a member that nobody uses may not be said."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from idp.domain.response_encryption import ENCODINGS
from idp.web.oidc.protected_resources import OWN, ProtectedResource, resource_metadata, resource_routes
from idp.web.oidc.routes import DISCOVERY_PATHS
from kernel.audit import SYSTEM
from kernel.web.http import Request
from keys.settings import KeySettings
from keys.usecases.rotate import rotate, rotate_by_command
from tests.support.dpop import Holder
from tests.support.oidc import (
    CALLBACK,
    CHALLENGE,
    ENCRYPTING,
    ISSUER,
    Op,
    an_assertion,
    an_op,
    claims_of,
    header_of,
    public_keys,
    returned,
)
from tests.support.signatures import a_signing_key, signed

if TYPE_CHECKING:
    from kernel.database import Database

MACHINE = {"grant_type": "client_credentials"}
ENCRYPTED = ("id_token", "userinfo", "introspection", "authorization")
_serial = itertools.count()


@functools.cache
def _rsa() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "r"})


class Walker:
    """A provider with a client, a person who is signed in, and the document that is walked."""

    def __init__(self, database: Database) -> None:
        self.op = an_op(database, keys=ENCRYPTING, registration="open")
        self.op.client()
        self.person = self.op.account()
        self.cookie = self.op.session(self.person)
        self.document: dict[str, Any] = self.op.get(DISCOVERY_PATHS[0]).json()

    def registers(self, **metadata: object) -> str:
        """Register a client with this metadata; nothing of what is offered is refused."""
        client_id = f"walk-{next(_serial)}"
        return self.op.client(client_id, **metadata)  # type: ignore[arg-type]

    def signs_in(self, **parameters: str) -> dict[str, str]:
        """Ask for a code with these parameters and return what the client gets."""
        found = returned(self.op.authorize(self.cookie, **parameters))
        assert found["iss"] == ISSUER
        return found

    def path(self, member: str) -> str:
        """Return the path of an address of the document."""
        value = self.document[member]
        assert value.startswith(ISSUER), member
        found: str = value.removeprefix(ISSUER)
        assert self.op.dispatch.find(found) is not None, member
        return found


def _answers(member: str) -> Callable[[Walker, Any], None]:
    """Return a use of an endpoint: an empty POST is refused in the standard's words, not lost."""

    def use(walk: Walker, _value: Any) -> None:
        answer = walk.op.post(walk.path(member), {})
        assert answer.status in {400, 401}, member
        assert answer.json()["error"], member

    return use


def _authorizes(walk: Walker, _value: Any) -> None:
    walk.path("authorization_endpoint")
    assert "code" in walk.signs_in()


def _userinfo(walk: Walker, _value: Any) -> None:
    token = walk.op.tokens(walk.cookie)["access_token"]
    assert walk.path("userinfo_endpoint") == "/oauth2/userinfo"
    assert walk.op.userinfo(token).json()["sub"]


def _keys(walk: Walker, _value: Any) -> None:
    token = walk.op.tokens(walk.cookie)["id_token"]
    keys = KeySet.import_key_set(walk.op.get(walk.path("jwks_uri")).json())
    assert jwt.decode(token, keys).claims["iss"] == ISSUER


def _logs_out(walk: Walker, _value: Any) -> None:
    assert walk.op.get(walk.path("end_session_endpoint"), walk.cookie).status in {200, 303}


def _pushes(walk: Walker, _value: Any) -> None:
    path = walk.path("pushed_authorization_request_endpoint")
    answer = walk.op.post(path, walk.op.ask(), headers=walk.op.basic())
    uri = answer.json()["request_uri"]
    found = walk.op.get("/oauth2/authorize", walk.cookie, client_id="emi", request_uri=uri)
    assert "code" in returned(found)


def _each(use: Callable[[Walker, str], None]) -> Callable[[Walker, Any], None]:
    def use_all(walk: Walker, values: Any) -> None:
        assert values
        assert len(values) == len(set(values))
        for value in values:
            use(walk, value)

    return use_all


def _registering(name: str, **beside: object) -> Callable[[Walker, Any], None]:
    return _each(lambda walk, value: _registered(walk.registers(**{name: value}, **beside)))


def _encrypting(kind: str) -> Callable[[Walker, Any], None]:
    """Return a use of encryption: a client registers every algorithm with every encoding."""

    def use(walk: Walker, _values: Any) -> None:
        published = {
            "keys": [
                each.as_dict(private=False) for each in (_rsa(), ECKey.generate_key("P-256", {"kid": "e"}))
            ]
        }
        signed = {"userinfo_signed_response_alg": "ES256"} if kind == "userinfo" else {}
        if kind == "authorization":
            signed = {"authorization_signed_response_alg": "ES256"}
        for alg in walk.document[f"{kind}_encryption_alg_values_supported"]:
            for enc in walk.document[f"{kind}_encryption_enc_values_supported"]:
                names = {
                    f"{kind}_encrypted_response_alg": alg,
                    f"{kind}_encrypted_response_enc": enc,
                }
                walk.registers(jwks=published, **signed, **names)

    return use


def _grants(walk: Walker, grant: str) -> None:
    """Each is known at the token endpoint; the implicit one has no request there (RFC 6749 §4.2)."""
    if grant == "implicit":
        walk.registers(
            profile="compat", response_types=["id_token"], grant_types=["implicit"], redirect_uris=[CALLBACK]
        )
        return
    answer = walk.op.post("/oauth2/token", {"grant_type": grant}, headers=walk.op.basic())
    assert answer.json()["error"] != "unsupported_grant_type", grant


def _types(walk: Walker, kind: str) -> None:
    client = walk.registers(
        profile="compat",
        response_types=walk.document["response_types_supported"],
        grant_types=["authorization_code", "implicit"],
    )
    found = walk.signs_in(client_id=client, response_type=kind)
    for word in kind.split():
        assert ("access_token" if word == "token" else word) in found, kind


def _modes(walk: Walker, mode: str) -> None:
    answer = walk.op.authorize(walk.cookie, response_mode=mode)
    if "form_post" in mode:
        assert answer.status == 200
        assert b"<form" in answer.body
    else:
        found = returned(answer)
        assert ("response" if "jwt" in mode else "code") in found, mode


def _assertions(walk: Walker, algorithm: str) -> None:
    client = walk.op.machine(
        f"signer-{next(_serial)}", token_endpoint_auth_method="private_key_jwt", jwks=public_keys()
    )
    fields = an_assertion(client, algorithm=algorithm, serial=next(_serial))
    assert walk.op.post("/oauth2/token", {**MACHINE, **fields}).status == 200


def _methods(walk: Walker, method: str) -> None:
    keys = {"jwks": public_keys()} if method == "private_key_jwt" else {}
    walk.registers(token_endpoint_auth_method=method, **keys)


def _proofs(walk: Walker, algorithm: str) -> None:
    holder = Holder(walk.op, a_signing_key(algorithm), algorithm).learn()
    headers = {**walk.op.basic(), **holder.proof()}
    assert walk.op.redeem(walk.op.code(walk.cookie), headers=headers).json()["token_type"] == "DPoP"


def _prompts(walk: Walker, prompt: str) -> None:
    answer = walk.op.authorize(walk.cookie, prompt=prompt)
    assert answer.status == 303
    if prompt == "none":
        assert "code" in returned(answer)


def _classes(walk: Walker, acr: str) -> None:
    answer = walk.op.authorize(walk.cookie, acr_values=acr)
    assert answer.status == 303, acr
    assert "invalid" not in answer.header("location")


def _claims(walk: Walker, names: Any) -> None:
    wanted = {"id_token": dict.fromkeys(names), "userinfo": dict.fromkeys(names)}
    assert "code" in walk.signs_in(
        claims=json.dumps(wanted), scope="openid profile email address phone access"
    )


def _scopes(walk: Walker, values: Any) -> None:
    assert {"openid", "offline_access"} <= set(values)
    walk.op.machine(f"machine-{next(_serial)}", scope=" ".join(values))


def _says(expected: object) -> Callable[[Walker, Any], None]:
    def use(_walk: Walker, value: Any) -> None:
        assert value == expected

    return use


def _objects(walk: Walker, algorithm: str) -> None:
    key = a_signing_key(algorithm, "object")
    client = walk.registers(jwks=public_keys(key), request_object_signing_alg=algorithm)
    asked = {**walk.op.ask(client_id=client), "iss": client, "aud": ISSUER}
    token = signed({"alg": algorithm, "kid": key.kid}, asked, key)
    answer = walk.op.get("/oauth2/authorize", walk.cookie, client_id=client, request=token)
    assert "code" in returned(answer), algorithm


def _sealed(walk: Walker, algorithm: str, encoding: str = "A128CBC-HS256") -> None:
    kind = "RSA" if algorithm.startswith("RSA") else "EC"
    keys = walk.op.get(walk.path("jwks_uri")).json()["keys"]
    (own,) = (key for key in keys if key["use"] == "enc" and key["kty"] == kind)
    key = a_signing_key("ES256", "object")
    declared = {"request_object_encryption_alg": algorithm, "request_object_encryption_enc": encoding}
    client = walk.registers(jwks=public_keys(key), **declared)
    asked = {**walk.op.ask(client_id=client), "iss": client, "aud": ISSUER}
    inner = signed({"alg": "ES256", "kid": key.kid}, asked, key)
    header = {"alg": algorithm, "enc": encoding, "kid": own["kid"], "cty": "JWT"}
    (imported,) = KeySet.import_key_set({"keys": [own]}).keys
    token = jwe.encrypt_compact(header, inner, imported, algorithms=[algorithm, encoding])
    answer = walk.op.get("/oauth2/authorize", walk.cookie, client_id=client, request=token)
    assert "code" in returned(answer), algorithm


def _challenges(walk: Walker, method: str) -> None:
    assert "code" in walk.signs_in(code_challenge=CHALLENGE, code_challenge_method=method)


WALK: dict[str, Callable[[Walker, Any], None]] = {
    "issuer": _says(ISSUER),
    "authorization_endpoint": _authorizes,
    "token_endpoint": _answers("token_endpoint"),
    "userinfo_endpoint": _userinfo,
    "jwks_uri": _keys,
    "introspection_endpoint": _answers("introspection_endpoint"),
    "revocation_endpoint": _answers("revocation_endpoint"),
    "end_session_endpoint": _logs_out,
    "pushed_authorization_request_endpoint": _pushes,
    "device_authorization_endpoint": _answers("device_authorization_endpoint"),
    "registration_endpoint": _answers("registration_endpoint"),
    "scopes_supported": _scopes,
    "response_types_supported": _each(_types),
    "response_modes_supported": _each(_modes),
    "grant_types_supported": _each(_grants),
    "subject_types_supported": _registering("subject_type"),
    "id_token_signing_alg_values_supported": _registering("id_token_signed_response_alg"),
    "userinfo_signing_alg_values_supported": _registering("userinfo_signed_response_alg"),
    "introspection_signing_alg_values_supported": _registering("introspection_signed_response_alg"),
    "authorization_signing_alg_values_supported": _registering("authorization_signed_response_alg"),
    **{f"{kind}_encryption_alg_values_supported": _encrypting(kind) for kind in ENCRYPTED},
    **{f"{kind}_encryption_enc_values_supported": _says(list(ENCODINGS)) for kind in ENCRYPTED},
    "token_endpoint_auth_methods_supported": _each(_methods),
    "introspection_endpoint_auth_methods_supported": _each(_methods),
    "revocation_endpoint_auth_methods_supported": _each(_methods),
    "token_endpoint_auth_signing_alg_values_supported": _each(_assertions),
    "introspection_endpoint_auth_signing_alg_values_supported": _each(_assertions),
    "revocation_endpoint_auth_signing_alg_values_supported": _each(_assertions),
    "tls_client_certificate_bound_access_tokens": _says(expected=False),
    "dpop_signing_alg_values_supported": _each(_proofs),
    "code_challenge_methods_supported": _each(_challenges),
    "prompt_values_supported": _each(_prompts),
    "acr_values_supported": _each(_classes),
    "claim_types_supported": _says(["normal"]),
    "claims_supported": _claims,
    "claims_parameter_supported": _says(expected=True),
    "ui_locales_supported": _each(lambda walk, value: _ok(walk.signs_in(ui_locales=value))),
    "display_values_supported": _each(lambda walk, value: _ok(walk.signs_in(display=value))),
    "request_parameter_supported": _says(expected=True),
    "request_object_signing_alg_values_supported": _each(_objects),
    "request_object_encryption_alg_values_supported": _each(_sealed),
    "request_object_encryption_enc_values_supported": _each(
        lambda walk, value: _sealed(walk, "ECDH-ES", value)
    ),
    "request_uri_parameter_supported": _says(expected=True),
    "require_request_uri_registration": _says(expected=True),
    "require_signed_request_object": _says(expected=False),
    "require_pushed_authorization_requests": _says(expected=False),
    "authorization_response_iss_parameter_supported": _says(expected=True),
    "backchannel_logout_supported": _says(expected=True),
    "backchannel_logout_session_supported": _says(expected=True),
    "frontchannel_logout_supported": _says(expected=True),
    "frontchannel_logout_session_supported": _says(expected=True),
}
"""How each member of the document is used. Switches are held against the tests of what they switch."""


def _registered(client_id: str) -> None:
    assert client_id


def _ok(found: dict[str, str]) -> None:
    assert "code" in found


def test_whatever_the_metadata_says_is_used(sqlite_gateway_database: Database) -> None:
    """DJ-06, trap T12: every member, every value; a member without a use of its own fails here."""
    walk = Walker(sqlite_gateway_database)
    assert set(walk.document) - set(WALK) == set(), "give each new member a use"
    assert set(WALK) - set(walk.document) == set()
    for member, value in walk.document.items():
        WALK[member](walk, value)


def test_the_signed_metadata_says_the_same_and_names_who_attests(op: Op) -> None:
    """RFC 8414 §2.1: signed by a published key, with our issuer, under a type that passes for nothing else."""
    plain, document = (op.get(path).json() for path in DISCOVERY_PATHS)
    signed = document.pop("signed_metadata")
    assert document == plain
    keys = KeySet.import_key_set(op.get("/oauth2/jwks").json())
    claims = jwt.decode(signed, keys, algorithms=["ES256"]).claims
    assert claims == {"iss": ISSUER, **plain}
    assert header_of(signed)["typ"] == "authorization-server-metadata+jwt"
    for typ in ("JWT", "at+jwt", "logout+jwt"):
        assert op.services.signing.verify(signed, typ=typ) is None


def test_the_signed_metadata_follows_the_keys(op: Op) -> None:
    """Prepared bytes while nothing changes; by the new key soon after a rotation."""
    path = DISCOVERY_PATHS[1]
    first = op.get(path)
    assert op.get(path).body == first.body
    assert op.get(path, headers={"if-none-match": first.header("etag")}).status == 304
    settings, before = KeySettings(), header_of(first.json()["signed_metadata"])["kid"]
    rotate_by_command(op.services.store, settings, actor=SYSTEM)
    op.clock.advance(settings.publish_ahead + settings.refresh)
    rotate(op.services.store, settings)
    op.services.signing.refresh()
    kid = header_of(op.get(path).json()["signed_metadata"])["kid"]
    assert kid in {key["kid"] for key in op.get("/oauth2/jwks").json()["keys"]}
    assert kid != before
    assert kid == header_of(op.services.signing.sign({}, typ="JWT"))["kid"]


@pytest.mark.parametrize(
    ("resource", "path"),
    [(OWN, ""), (ProtectedResource("/scim/v2", "SCIM", ("scim.read",)), "/scim/v2")],
)
def test_a_resource_tells_what_it_takes(op: Op, resource: ProtectedResource, path: str) -> None:
    """RFC 9728 §2, §3: at the well-known address of its identifier, which is what its document names."""
    routes = {route.path: route for route in resource_routes(op.services, resource)}
    place = f"/.well-known/oauth-protected-resource{path}"
    answer = routes[place].endpoint(Request("GET", place, "", {}, b"", "192.0.2.1", {}))
    document = answer.json()
    assert document == resource_metadata(op.services, resource)
    assert document["resource"] == ISSUER + path
    assert document["authorization_servers"] == [ISSUER]
    assert answer.header("cache-control") == "public, max-age=300"
    op.client()
    if not path:
        token = op.tokens(op.session(op.account()))["access_token"]
        assert claims_of(token)["aud"] == document["resource"]
        assert op.userinfo(token).status == 200
        body = op.post("/oauth2/userinfo", {"access_token": token})
        assert body.status == (200 if "body" in document["bearer_methods_supported"] else 400)
