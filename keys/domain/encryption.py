"""How what was encrypted for a key of ours is opened (RFC 7516): compact JWE in, bytes out, or nothing.

Only what stands in these lists is opened: RSA1_5 gives attackers an oracle, ``dir`` needs a secret that both
keep, compression tells lengths and swells (RFC 8725 §3.2, §3.6).
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from kernel.foreign_json import read_json

RSA_OAEP_256: Final = "RSA-OAEP-256"
ECDH_ES: Final = "ECDH-ES"

OPENED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    RSA_OAEP_256: (RSA_OAEP_256,),
    ECDH_ES: (ECDH_ES, "ECDH-ES+A128KW", "ECDH-ES+A256KW"),
}
"""For what a key is kept, and every ``alg`` that it opens."""

ENCODINGS: Final = ("A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM")
"""How the content may be encrypted."""

LONGEST: Final = 24_576
"""A signed token of the greatest length that is read anywhere fits, a longer one is not looked at."""

_PARTS = 5
_MEMBERS = frozenset({"alg", "enc", "kid", "typ", "cty", "epk", "apu", "apv"})

Opener = Callable[[str, Mapping[str, Any]], bytes | None]


def opener(algorithm: str, private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> Opener:
    """Return how ``private``, a key kept for ``algorithm``, opens a token with such a header."""
    key = RSAKey.import_key(private) if isinstance(private, rsa.RSAPrivateKey) else ECKey.import_key(private)
    registry = jwe.JWERegistry(algorithms=[*OPENED_BY[algorithm], *ENCODINGS])

    def opened(token: str, header: Mapping[str, Any]) -> bytes | None:
        if header["alg"] not in OPENED_BY[algorithm]:
            return None
        try:
            return jwe.decrypt_compact(token, key, registry=registry).plaintext
        except Exception:  # noqa: BLE001 - whatever a stranger wrote, and however it fails, is one and the same
            return None

    return opened


def header_of(token: str) -> Mapping[str, Any] | None:
    """Return the header of a compact JWE that may be opened at all, or None.

    Members that say nothing to us are refused with those that do what we do not (``zip``, ``crit``).
    """
    if len(token) > LONGEST or not token.isascii() or token.count(".") != _PARTS - 1:
        return None
    raw = token.partition(".")[0]
    try:
        header = read_json(urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict) or not _MEMBERS.issuperset(header):
        return None
    texts = all(isinstance(header.get(name), str) for name in ("alg", "enc", "kid"))
    return header if texts and header["enc"] in ENCODINGS else None
