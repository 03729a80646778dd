"""The private keys that prove our two clients at the Gateway, and the assertions they sign (RFC 7523)."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from kernel.errors import SettingsError
from kernel.private_files import create_private, read_private
from kernel.randomness import Randomness

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME: Final = dt.timedelta(seconds=60)
_USE: Final = {"alg": "ES256", "use": "sig"}


def create_key_file(path: Path) -> dict[str, Any]:
    """Write a new ES256 key to ``path`` (mode 600) unless one is there; return its public half as a JWK."""
    if not path.exists():
        new = ECKey.generate_key("P-256", private=True)
        create_private(path, json.dumps({**new.as_dict(private=True), "kid": new.thumbprint(), **_USE}))
    return read_public_key(path)


def read_public_key(path: Path) -> dict[str, Any]:
    """Return the public half of the key in ``path``, for the Gateway's client registration."""
    return {**_read(path).as_dict(private=False), **_USE}


def _read(path: Path) -> ECKey:
    text = read_private(path, "client key", made_by="switchyard connect")
    try:
        document = json.loads(text)
    except ValueError:
        raise SettingsError(f"the client key {path} is no JWK") from None
    try:
        key = ECKey.import_key(document)
    except (JoseError, ValueError, KeyError, TypeError):
        raise SettingsError(f"the client key {path} is no elliptic-curve JWK") from None
    if not key.is_private:
        raise SettingsError(f"the client key {path} holds no private half")
    return key


class ClientKey:
    """Signs assertions for one client. The file is read when it is first needed."""

    def __init__(self, path: Path, client_id: str, randomness: Randomness) -> None:
        self.client_id = client_id
        self._path = path
        self._randomness = randomness
        self._key: ECKey | None = None

    def assertion(self, *, audience: str, now: dt.datetime) -> str:
        """Return a fresh assertion for ``audience``, the Gateway's issuer; it works once and for a minute."""
        if self._key is None:
            self._key = _read(self._path)
        header = {"alg": "ES256", "kid": self._key.kid or self._key.thumbprint(), "typ": "JWT"}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "iat": int(now.timestamp()),
            "exp": int((now + ASSERTION_LIFETIME).timestamp()),
            "jti": self._randomness.token(16),
        }
        return jwt.encode(header, claims, self._key, algorithms=["ES256"])

    def form(self, *, audience: str, now: dt.datetime) -> dict[str, str]:
        """Return the form fields that prove this client at the token endpoint."""
        return {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(audience=audience, now=now),
        }
