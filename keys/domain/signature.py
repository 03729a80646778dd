"""How each algorithm signs and checks (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1): bytes in, bytes out."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

ES256: Final = "ES256"
EDDSA: Final = "EdDSA"
PS256: Final = "PS256"
RS256: Final = "RS256"

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
Signer = Callable[[bytes], bytes]
Checker = Callable[[bytes, bytes], bool]

# RFC 6979: a weak moment of the random source cannot give the key away, and equal input signs equally.
_SIGNED_BY_CURVE = ec.ECDSA(SHA256(), deterministic_signing=True)
_CHECKED_BY_CURVE = ec.ECDSA(SHA256())
_COORDINATE = 32


def signer(algorithm: str, private: PrivateKey) -> Signer:
    """Return how ``private``, a key made for ``algorithm``, signs a message."""
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign
    if isinstance(private, rsa.RSAPrivateKey):
        return lambda message: private.sign(message, _padding(algorithm), SHA256())

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(message, _SIGNED_BY_CURVE))
        return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")

    return sign


def checker(algorithm: str, public: Mapping[str, str]) -> Checker:
    """Return the question whether a signature by the key of the JWK ``public`` holds for a message."""
    if algorithm == EDDSA:
        edwards = ed25519.Ed25519PublicKey.from_public_bytes(_bytes(public["x"]))
        return lambda signature, message: _holds(lambda: edwards.verify(signature, message))
    if algorithm == ES256:
        return _curve_checker(public)
    by_factors = rsa.RSAPublicNumbers(e=_number(public["e"]), n=_number(public["n"])).public_key()
    padded = _padding(algorithm)
    return lambda signature, message: _holds(lambda: by_factors.verify(signature, message, padded, SHA256()))


def _curve_checker(public: Mapping[str, str]) -> Checker:
    x, y = _number(public["x"]), _number(public["y"])
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()

    def check(signature: bytes, message: bytes) -> bool:
        if len(signature) != 2 * _COORDINATE:
            return False
        r, s = signature[:_COORDINATE], signature[_COORDINATE:]
        der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        return _holds(lambda: key.verify(der, message, _CHECKED_BY_CURVE))

    return check


def _padding(algorithm: str) -> padding.PKCS1v15 | padding.PSS:
    """Return how RSA pads for ``algorithm``: the salt of PSS is as long as the hash (RFC 7518 §3.5)."""
    if algorithm == RS256:
        return padding.PKCS1v15()
    return padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=SHA256.digest_size)


def _holds(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except InvalidSignature:
        return False
    return True


def _number(value: str) -> int:
    return int.from_bytes(_bytes(value), "big")


def _bytes(value: str) -> bytes:
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))
