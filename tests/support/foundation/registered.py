"""A client that registered itself, and proves itself by assertions of its key."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.foundation.party import Party
from tests.support.signatures import algorithm_of, signed
from tests.support.tls_world import CALLBACK, SIGNED_OUT, Keys, a_key

if TYPE_CHECKING:
    import httpx

    from tests.support.signatures import SigningKey

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
    algorithm = str(changes.get("alg") or algorithm_of(key))
    said = {name: value for name, value in claims.items() if value is not None}
    return signed({"alg": algorithm, "kid": key.kid}, said, key)


@dataclass
class KeyParty(Party):
    """A party that proves itself by its key; ``audience`` is whom it names, our issuer unless told otherwise."""

    key: Any = field(default_factory=lambda: a_key("party"))
    audience: object = None

    def proof(self, **changes: object) -> dict[str, str]:
        """Return the form fields of private_key_jwt."""
        audience = self.audience or self.lab.issuer
        return {
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion(self.client_id, self.key, audience, **changes),
        }

    def post(self, endpoint: str, fields: dict[str, str], **more: Any) -> httpx.Response:
        """Post a form to an endpoint as this client."""
        named = {"client_id": self.client_id, **self.proof()}
        return self.http.post(self.op[endpoint], data={**named, **fields}, **more)


def register(party: Party, *, expect: int = 201, **metadata: object) -> tuple[KeyParty, dict[str, Any]]:
    """Register a client with a key of its own and whatever metadata is given; return it, and what it was told."""
    key = a_key("party")
    stated = {
        "client_name": "The foundation's client",
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [SIGNED_OUT],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "RS256",
        "jwks": Keys.public(key),
        "a_name_that_nobody_knows": "and that nobody minds",
        **metadata,
    }
    body = {name: value for name, value in stated.items() if value is not None}
    answer = party.http.post(party.op["registration_endpoint"], json=body)
    assert answer.status_code == expect, answer.text
    told: dict[str, Any] = answer.json()
    client = KeyParty(party.lab, party.person, told.get("client_id", ""), mode=party.mode, key=key)
    redirect_uris = body["redirect_uris"]
    assert isinstance(redirect_uris, list)
    client.redirect_uri = redirect_uris[0]
    return client, told
