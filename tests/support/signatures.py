"""Keys of every kind that clients sign with, and JWTs by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.domain.jws_algorithms import TakenAlgorithms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joserfc.jwk import KeySet

SigningKey = ECKey | OKPKey | RSAKey


def a_signing_key(algorithm: str, kid: str = "") -> SigningKey:
    """Draw a key for ``algorithm``."""
    named: dict[str, Any] = {"kid": kid, "use": "sig"} if kid else {}
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519", named, private=True)
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", named, private=True)
    return RSAKey.generate_key(2048, named, private=True)


def algorithm_of(key: SigningKey) -> str:
    """Return the algorithm that a key of its kind signs with: of RSA the one that FAPI 2.0 allows."""
    return {"EC": "ES256", "OKP": "EdDSA", "RSA": "PS256"}[key.key_type]


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: SigningKey) -> str:
    """Return a JWT by the algorithm that its header names; joserfc does not warn of its name."""
    return jwt.encode(dict(header), dict(claims), key, registry=taking(str(header["alg"])))


def verified(token: str, keys: SigningKey | KeySet, algorithm: str) -> dict[str, Any]:
    """Return the claims of a JWT that one of these keys signed by this algorithm."""
    return dict(jwt.decode(token, keys, registry=taking(algorithm)).claims)


def taking(algorithm: str) -> TakenAlgorithms:
    """Return what has joserfc use one algorithm, whatever else the header says."""
    return TakenAlgorithms(algorithms=[algorithm], strict_check_header=False)
