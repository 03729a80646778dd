"""How an application proves to the token endpoint that it is itself.

Two ways: private_key_jwt (OpenID Connect Core §9, RFC 7523 §2.2) and client_secret_basic (RFC 6749 §2.3.1).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import quote_plus

from joserfc import jwk, jwt
from joserfc.errors import JoseError

from relying_parties.jose import Key
from relying_parties.ports import Chance, Clock
from relying_parties.settings import ApplicationSettings, SettingsError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE = timedelta(seconds=60)
CURVE_ALGORITHM = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


@dataclass(frozen=True, slots=True)
class Proof:
    """What goes with a token request: headers, and form fields."""

    headers: Mapping[str, str]
    form: Mapping[str, str]


class Credentials(Protocol):
    """What a client proves itself with."""

    def proof(self, issuer: str) -> Proof:
        """Return a fresh proof for the provider ``issuer``."""
        ...

    def public_keys(self) -> Mapping[str, object] | None:
        """Return the client's own JWK set, or None if it has no key."""
        ...


class SharedSecret:
    """client_secret_basic: name and secret, each form-encoded before they are joined."""

    def __init__(self, client_id: str, secret: str) -> None:
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        self._header = "Basic " + base64.b64encode(pair.encode()).decode()

    def proof(self, issuer: str) -> Proof:  # noqa: ARG002 - a secret is the same for everybody who asks
        """Return the Basic header."""
        return Proof({"Authorization": self._header}, {})

    def public_keys(self) -> Mapping[str, object] | None:
        """Return None: a shared secret has no public half."""
        return None


class PrivateKey:
    """private_key_jwt: a short-lived assertion for the issuer alone, with an id of its own (RFC 7523 §3)."""

    def __init__(self, client_id: str, pem: bytes, clock: Clock, chance: Chance) -> None:
        self._client_id = client_id
        self._clock = clock
        self._chance = chance
        self._key = private_key(pem)
        self._algorithm = _algorithm(self._key)

    def proof(self, issuer: str) -> Proof:
        """Return a fresh assertion."""
        now = int(self._clock.now().timestamp())
        header = {"alg": self._algorithm, "kid": self._key.thumbprint(), "typ": "JWT"}
        said = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": issuer,
            "jti": self._chance.token(),
            "iat": now,
            "exp": now + int(ASSERTION_LIFE.total_seconds()),
        }
        assertion = jwt.encode(header, said, self._key, algorithms=[self._algorithm])
        return Proof({}, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion})

    def public_keys(self) -> Mapping[str, object]:
        """Return the public half as a JWK set, named by its thumbprint (RFC 7638)."""
        return public_key_set(self._key)


def private_key(pem: bytes) -> Key:
    """Read an EC, RSA or Ed25519 private key from PEM.

    Raises :class:`SettingsError` for anything else.
    """
    for kind in (jwk.ECKey, jwk.RSAKey, jwk.OKPKey):
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if isinstance(key, jwk.ECKey | jwk.RSAKey | jwk.OKPKey) and key.is_private:
            return key
    raise SettingsError(
        "key_file: has to hold one EC, RSA or Ed25519 private key in PEM, without a password."
    )


def public_key_set(key: Key) -> Mapping[str, object]:
    """Return the JWK set to register for, or publish by, the owner of ``key`` (RFC 7517 §5)."""
    public = dict(key.as_dict(private=False))
    public.update({"use": "sig", "alg": _algorithm(key), "kid": key.thumbprint()})
    return {"keys": [public]}


def credentials_of(settings: ApplicationSettings, clock: Clock, chance: Chance) -> Credentials:
    """Return the application's credentials.

    Raises :class:`SettingsError` when the key file cannot be used.
    """
    if not settings.key_file:
        return SharedSecret(settings.client_id, settings.client_secret)
    try:
        pem = Path(settings.key_file).read_bytes()
    except OSError as error:
        raise SettingsError(f"{settings.client_id}: key_file: cannot be read ({error.strerror}).") from error
    return PrivateKey(settings.client_id, pem, clock, chance)


def _algorithm(key: Key) -> str:
    if isinstance(key, jwk.ECKey):
        return CURVE_ALGORITHM[key.curve_name]
    return "RS256" if isinstance(key, jwk.RSAKey) else "EdDSA"
