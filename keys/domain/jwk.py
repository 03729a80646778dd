"""The JSON form of a key set (RFC 7517), and nothing private in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from kernel.base64url import base64url
from keys.domain.encryption import OPENED_BY
from keys.domain.key import OwnKey

_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


def thumbprint(public: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint of a public key (RFC 7638, RFC 8037 §2): its name everywhere."""
    required = {name: public[name] for name in _MEMBERS[public["kty"]]}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    return base64url(hashlib.sha256(canonical).digest())


def key_set(keys: Iterable[OwnKey]) -> bytes:
    """Return the JWK set of the published keys, oldest first; only public members pass."""
    shown = sorted((key for key in keys if key.is_published), key=lambda key: (key.published_at, key.kid))
    document = {"keys": [_public(key) for key in shown]}
    return json.dumps(document, separators=(",", ":")).encode()


def _public(key: OwnKey) -> dict[str, str]:
    """Return the key as others see it. One that serves several algorithms names none (RFC 7517 §4.4)."""
    members = {name: key.public_jwk[name] for name in _MEMBERS[key.public_jwk["kty"]]}
    named = {} if len(OPENED_BY.get(key.algorithm, ())) > 1 else {"alg": key.algorithm}
    return {**members, "kid": key.kid, **named, "use": "enc" if key.encrypts else "sig"}
