"""Proofs of possession of a key: DPoP (RFC 9449)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any
from urllib.parse import unquote, urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from idp.domain.client_signature import SKEW, has_name, moment_of
from idp.domain.jws_algorithms import TakenAlgorithms
from idp.domain.key_strength import WEAKEST_RSA_BITS
from kernel.base64url import base64url
from kernel.foreign_json import read_json

ALGORITHMS = ("ES256", "PS256", "EdDSA")
"""Algorithms of proofs. No proof is older than this standard, so RS256 need not be taken."""

TYPE = "dpop+jwt"
LONGEST = 8_192
OLDEST = dt.timedelta(seconds=60)
NONCE = "nonce"
"""The reason of a proof that is right but for the nonce: its client is told the one to use."""

_KEYS: Mapping[str, type[ECKey | OKPKey | RSAKey]] = {"ES256": ECKey, "PS256": RSAKey, "EdDSA": OKPKey}
_CURVES = frozenset({"P-256", "Ed25519"})
_HEADERS = TakenAlgorithms(algorithms=list(ALGORITHMS), strict_check_header=False)
_HEADERS.max_header_length = LONGEST  # an RSA key in the header is longer than most headers
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedProof:
    """What a proof has to say. ``token`` is the access token beside it, empty where there is none.

    ``nonces`` are those that are good now; None where none is asked for.
    """

    method: str
    uri: str
    now: dt.datetime
    token: str = ""
    nonces: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds, to be spent by its digest before it is worth anything. ``jkt`` names the key."""

    jkt: str
    digest: bytes
    expires_at: dt.datetime


def judged_proof(proof: str, expected: ExpectedProof) -> Proof | str:
    """Return the proof to be spent, or the reason why it proves nothing (RFC 9449 §4.3)."""
    read = _read(proof)
    if isinstance(read, str):
        return read
    key, claims = read
    for name, holds in RULES:
        if not holds(claims, expected):
            return name
    jkt = key.thumbprint()
    spent = hashlib.sha256(f"{jkt}\n{claims['jti']}".encode()).digest()
    return Proof(jkt, spent, expected.now + OLDEST + 2 * SKEW)


def _read(proof: str) -> tuple[Key, dict[str, Any]] | str:
    """Return the key that a proof brings and its claims, if that key signed it."""
    if not proof.isascii() or len(proof) > LONGEST or proof.count(".") != 2:
        return "form"
    try:
        found = jws.extract_compact(proof.encode("ascii"), registry=_HEADERS)
        header = found.headers()
        if header.get("typ") != TYPE:
            return "typ"
        kind = _KEYS.get(str(header.get("alg")))
        if kind is None:
            return "alg"
        key = _public_key(kind, header.get("jwk"))
        if key is None:
            return "jwk"
        good = jws.validate_compact(found, key, registry=_HEADERS)
        claims = read_json(found.payload) if good else None
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        return "signature"
    return (key, claims) if isinstance(claims, dict) else "signature"


def _public_key(kind: type[ECKey | OKPKey | RSAKey], jwk: object) -> Key | None:
    """Return the key of a header, if it is public, strong, and of the algorithm's kind."""
    if not isinstance(jwk, dict) or jwk.get("kty") != kind.key_type or "d" in jwk:
        return None
    # Base64url has 6 bits a character: a modulus that is too short is not even imported.
    if kind is RSAKey and len(str(jwk.get("n"))) < WEAKEST_RSA_BITS // 6:
        return None
    key = kind.import_key(jwk)
    if isinstance(key, RSAKey):
        return key if key.raw_value.key_size >= WEAKEST_RSA_BITS else None
    return key if key.curve_name in _CURVES else None


def _is_for_this_method(claims: Mapping[str, Any], expected: ExpectedProof) -> bool:
    return claims.get("htm") == expected.method


def _is_for_this_address(claims: Mapping[str, Any], expected: ExpectedProof) -> bool:
    address = claims.get("htu")
    return isinstance(address, str) and _plain(address) == _plain(expected.uri) != ""


def _plain(address: str) -> str:
    """Return an address as it is compared: without query and fragment, by RFC 3986 §6.2.2 and §6.2.3.

    Of the path all escapes are read, as servers do before they tell an application what was asked. One that
    names a user is empty: it is never ours.
    """
    try:
        parts = urlsplit(address)
        port = _DEFAULT_PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
    except ValueError:
        return ""
    if "@" in parts.netloc:
        return ""
    path = unquote(parts.path, encoding="latin-1") or "/"
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}{path}"


def _is_of_now(claims: Mapping[str, Any], expected: ExpectedProof) -> bool:
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        return False
    try:
        age = expected.now.timestamp() - issued
    except OverflowError:
        return False
    return -SKEW.total_seconds() <= age <= (OLDEST + SKEW).total_seconds()


def _is_within_its_own_limits(claims: Mapping[str, Any], expected: ExpectedProof) -> bool:
    """RFC 7519 §4.1.4 and §4.1.5: no proof needs ``exp`` or ``nbf``, but what one says of itself holds."""
    ends, begins = (moment_of(claims[name]) if name in claims else expected.now for name in ("exp", "nbf"))
    if ends is None or begins is None:
        return False
    return ends > expected.now - SKEW and begins <= expected.now + SKEW


def _has_a_name(claims: Mapping[str, Any], _expected: ExpectedProof) -> bool:
    return has_name(claims)


def _is_of_this_token(claims: Mapping[str, Any], expected: ExpectedProof) -> bool:
    if not expected.token:
        return True
    wanted = base64url(hashlib.sha256(expected.token.encode("ascii")).digest())
    given = claims.get("ath")
    return isinstance(given, str) and compare_digest(given.encode(), wanted.encode())


def _brings_our_nonce(claims: Mapping[str, Any], expected: ExpectedProof) -> bool:
    return expected.nonces is None or claims.get("nonce") in expected.nonces


RULES: tuple[tuple[str, Callable[[Mapping[str, Any], ExpectedProof], bool]], ...] = (
    ("htm", _is_for_this_method),
    ("htu", _is_for_this_address),
    ("iat", _is_of_now),
    ("life", _is_within_its_own_limits),
    ("jti", _has_a_name),
    ("ath", _is_of_this_token),
    (NONCE, _brings_our_nonce),
)
"""What every proof has to satisfy once its signature holds, in this order."""
