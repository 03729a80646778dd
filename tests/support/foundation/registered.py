"""Clients that registered themselves: by assertions of their key, or with the secret that they were told."""

from __future__ import annotations

import functools
import time
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from joserfc.jwk import RSAKey

from tests.support.foundation.party import Party
from tests.support.signatures import algorithm_of, signed
from tests.support.tls_world import CALLBACK, SECRET, SIGNED_OUT, Keys, a_key

if TYPE_CHECKING:
    import httpx

    from tests.support.person import Person
    from tests.support.signatures import SigningKey
    from tests.support.tls_lab import TlsLab

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def assertion(client_id: str, key: SigningKey, audience: object, **changes: object) -> str:
    """Return a client assertion, changed as told; None leaves a claim out."""
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now,
        "exp": now + 60,
        "jti": uuid.uuid4().hex,
        **{name: value for name, value in changes.items() if name != "alg"},
    }
    header = {"alg": str(changes.get("alg") or algorithm_of(key)), **named(key)}
    said = {name: value for name, value in claims.items() if value is not None}
    return signed(header, said, key)


def named(key: SigningKey) -> dict[str, str]:
    """Return the header by which a signature names its key, if the key has a name."""
    return {"kid": str(key.kid)} if key.get("kid") else {}


@functools.cache
def an_rsa_key(kid: str = "") -> RSAKey:
    """Return the key for RS256 of this name, always the same; the suite's own key has no name at all."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", **({"kid": kid} if kid else {})})


@dataclass
class KeyParty(Party):
    """A party that proves itself by its key.

    ``audience`` is whom it names, our issuer unless told otherwise; ``signs_by`` the algorithm, where its key leaves
    a choice.
    """

    key: Any = field(default_factory=lambda: a_key("party"))
    audience: object = None
    signs_by: str = ""

    def proof(self, **changes: object) -> dict[str, str]:
        """Return the form fields of private_key_jwt."""
        audience = self.audience or self.lab.issuer
        return {
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion(
                self.client_id, self.key, audience, **{"alg": self.signs_by, **changes}
            ),
        }

    def post(self, endpoint: str, fields: dict[str, str], **more: Any) -> httpx.Response:
        """Post a form to an endpoint as this client."""
        named = {"client_id": self.client_id, **self.proof()}
        return self.http.post(self.op[endpoint], data={**named, **fields}, **more)


def register(party: Party, *, expect: int = 201, **metadata: object) -> tuple[KeyParty, dict[str, Any]]:
    """Register a client as the suite does, with whatever metadata is given; return it, and what it was told."""
    stated, told = _told(party, expect, {"token_endpoint_auth_method": "private_key_jwt", **metadata})
    client = KeyParty(party.lab, party.person, told.get("client_id", ""), mode=party.mode, key=an_rsa_key())
    client.audience, client.signs_by = party.op["token_endpoint"], "RS256"
    client.redirect_uri = stated["redirect_uris"][0]
    return client, told


def register_with_secret(
    party: Party, *, expect: int = 201, **metadata: object
) -> tuple[Party, dict[str, Any]]:
    """Register a client that proves itself by its secret, in the header unless told otherwise."""
    _, told = _told(party, expect, {"token_endpoint_auth_method": "client_secret_basic", **metadata})
    named = {"client_id": told.get("client_id", ""), "secret": told.get("client_secret", "")}
    return replace(party, **named), told


def grants_of(response_type: str) -> list[str]:
    """Return the grants that a client of this response type has to register (RFC 7591 §2.1)."""
    wanted = set(response_type.split())
    return ["authorization_code"] * ("code" in wanted) + ["implicit"] * bool(wanted - {"code"})


def another(party: Party, client_id: str, secret: str = SECRET, **metadata: object) -> Party:
    """Return a client of the laboratory, or one that registers itself where ``party`` did; of the same person."""
    if party.registered:
        return register_with_secret(party, **metadata)[0]
    return replace(party, client_id=client_id, secret=secret)


def party_of(lab: TlsLab, person: Person, variant: str) -> Party:
    """Return the client of a variant: how answers travel, how the suite came to its client, and what is answered."""
    mode, registration, response_type = [*variant.split("/"), "", ""][:3]
    party = Party(lab, person, mode=mode or "query", response_type=response_type or "code")
    if registration == "dynamic_client":
        return register_with_secret(party, post_logout_redirect_uris=[SIGNED_OUT])[0]
    return party


def _told(party: Party, expect: int, metadata: dict[str, object]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Register what the suite states of its client, changed as told; return both sides, checked as the suite does."""
    stated = {
        "client_name": "The foundation's client",
        "grant_types": grants_of(party.response_type),
        "jwks": Keys.public(an_rsa_key()),
        "response_types": [party.response_type],
        "redirect_uris": [CALLBACK],
        "contacts": ["somebody@rp.example"],
        **metadata,
    }
    body = {name: value for name, value in stated.items() if value is not None}
    answer = party.http.post(party.op["registration_endpoint"], json=body)
    assert answer.status_code == expect, answer.text
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    told: dict[str, Any] = answer.json()
    if expect == 201:
        assert "error" not in told
        assert told["registration_client_uri"].startswith("https://")
        assert told["registration_access_token"]
        secret = str(body["token_endpoint_auth_method"]).startswith("client_secret")
        assert ("client_secret" in told) == secret
        assert isinstance(told.get("client_secret_expires_at"), int) == secret
        party.registered.append(told)
    return body, told


def unregister(party: Party) -> None:
    """Delete what registered itself, as the suite does at the end of each module."""
    for told in party.registered:
        bearer = {"Authorization": f"Bearer {told['registration_access_token']}"}
        assert party.http.delete(told["registration_client_uri"], headers=bearer).status_code == 204
