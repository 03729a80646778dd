"""Making key pairs, and sealing and opening their private parts.

cryptography draws key pairs from the operating system itself; no other generator is offered for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from kernel.base64url import base64url
from kernel.crypto import Sealer
from kernel.errors import SealError
from keys.domain.encryption import ECDH_ES
from keys.domain.jwk import thumbprint
from keys.domain.signature import EDDSA, ES256, PrivateKey

RSA_BITS = 3072


@dataclass(frozen=True, slots=True)
class Pair:
    """A fresh key pair: the public JWK, and the private part sealed for its row."""

    kid: str
    public_jwk: dict[str, str]
    sealed_private: bytes = field(repr=False)


def make_pair(algorithm: str, sealer: Sealer) -> Pair:
    """Return a new key pair for ``algorithm``: P-256, Ed25519, or RSA of 3072 bits."""
    private: PrivateKey
    if algorithm in {ES256, ECDH_ES}:
        private = ec.generate_private_key(ec.SECP256R1())
        public = _ec_jwk(private.public_key().public_numbers())
    elif algorithm == EDDSA:
        private = ed25519.Ed25519PrivateKey.generate()
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        public = {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)}
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        public = _rsa_jwk(private.public_key().public_numbers())
    kid = thumbprint(public)
    plain = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return Pair(kid, public, sealer.seal(plain, table="signing_key", column="sealed_private", row=kid))


def open_private(sealed: bytes, kid: str, sealer: Sealer) -> PrivateKey:
    """Return the private key of row ``kid``.

    Raises:
        SealError: if the bytes were sealed for another row, or are no key of ours (KM-02).
    """
    plain = sealer.open(sealed, table="signing_key", column="sealed_private", row=kid)
    key = load_der_private_key(plain, password=None)
    if not isinstance(key, PrivateKey):
        raise SealError(table="signing_key", row=kid)
    return key


def _number(value: int, length: int) -> str:
    return base64url(value.to_bytes(length, "big"))


def _ec_jwk(numbers: ec.EllipticCurvePublicNumbers) -> dict[str, str]:
    return {"kty": "EC", "crv": "P-256", "x": _number(numbers.x, 32), "y": _number(numbers.y, 32)}


def _rsa_jwk(numbers: rsa.RSAPublicNumbers) -> dict[str, str]:
    return {
        "kty": "RSA",
        "n": _number(numbers.n, (numbers.n.bit_length() + 7) // 8),
        "e": _number(numbers.e, (numbers.e.bit_length() + 7) // 8),
    }
