"""Proofs of possession (RFC 9449), good ones and others."""

from __future__ import annotations

import base64
import hashlib
import itertools
from typing import TYPE_CHECKING

from joserfc.jwk import ECKey

from tests.support.oidc import ISSUER
from tests.support.signatures import signed

if TYPE_CHECKING:
    from tests.support.oidc import Op
    from tests.support.signatures import SigningKey

TOKEN = f"{ISSUER}/oauth2/token"
_serial = itertools.count()


class Holder:
    """A client that holds a key, and remembers the last nonce it was told."""

    def __init__(self, op: Op, key: SigningKey | None = None, algorithm: str = "ES256") -> None:
        self.op = op
        self.key = key or ECKey.generate_key("P-256")
        self.algorithm = algorithm
        self.nonce = ""

    @property
    def jkt(self) -> str:
        """The thumbprint of the key."""
        return self.key.thumbprint()

    def learn(self, client_id: str = "emi") -> Holder:
        """Ask the token endpoint once, to be told a nonce."""
        headers = {**self.op.basic(client_id), **self.proof()}
        answer = self.op.post("/oauth2/token", {"grant_type": "x"}, headers=headers)
        assert answer.json()["error"] == "use_dpop_nonce", answer.body
        self.nonce = answer.header("dpop-nonce")
        return self

    def proof(
        self, uri: str = TOKEN, method: str = "POST", token: str = "", **changes: object
    ) -> dict[str, str]:
        """Return the header of a proof, changed as told; None leaves a claim or a header out."""
        now = self.op.clock.now()
        claims: dict[str, object] = {
            "htm": method,
            "htu": uri,
            "iat": int(now.timestamp()),
            "jti": f"proof-{next(_serial)}",
            "nonce": self.nonce or None,
            "ath": ath(token) if token else None,
        }
        header: dict[str, object] = {
            "typ": "dpop+jwt",
            "alg": self.algorithm,
            "jwk": self.key.as_dict(private=False),
        }
        for name, value in changes.items():
            (header if name in {"typ", "alg", "jwk"} else claims)[name] = value
        said = {name: value for name, value in claims.items() if value is not None}
        kept = {name: value for name, value in header.items() if value is not None}
        signing = (
            str(kept["alg"]) if kept.get("alg") in {"ES256", "RS256", "PS256", "EdDSA"} else self.algorithm
        )
        return {"dpop": signed({**kept, "alg": signing}, said, self.key)}

    def userinfo(self, token: str, **changes: object) -> dict[str, str]:
        """Return the headers of a request to userinfo."""
        proof = self.proof(f"{ISSUER}/oauth2/userinfo", "GET", token, **changes)
        return {"authorization": f"DPoP {token}", **proof}


def ath(token: str) -> str:
    """Return the hash of an access token."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
