"""Client assertions: private_key_jwt (RFC 7523 §3, OIDC Core §9, RFC 8725)."""

from __future__ import annotations

import datetime as dt
import hashlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import KeySet

from idp.domain.client import Assertion
from idp.domain.client_signature import SKEW, has_name, moment_of, signed_by
from idp.domain.oauth import ASSERTION_ALGORITHMS
from kernel.foreign_json import read_json

LONGEST_LIFE = dt.timedelta(minutes=10)
_TYPES = frozenset({"jwt", "client-authentication+jwt"})
"""What an assertion may say it is; most say nothing, or no more than that it is a JWT (RFC 8725 §3.11)."""
_GRANT = "authorization-grant+jwt"


@dataclass(frozen=True, slots=True)
class Expected:
    """What an assertion has to say. ``audiences`` are all names of ours."""

    client_id: str
    audiences: Collection[str]
    now: dt.datetime
    exact: bool = False
    """The audience is one text, not a list of one (FAPI 2.0 §5.3.2.1, IPSIE SL1)."""
    barred: Collection[str] = frozenset()
    """Algorithms that the client's profile does not allow."""
    grant: bool = False
    """The assertion is the grant as well (RFC 7523 §2.1), and may say so."""


def named_client(assertion: str) -> str:
    """Return the client an assertion claims to be from, unverified: it only chooses whose keys to check."""
    try:
        payload = assertion.split(".")[1]
        claims = read_json(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        name = claims["sub"]
    except (ValueError, IndexError, KeyError, TypeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""


def judged(assertion: str, keys: KeySet | None, expected: Expected) -> Assertion | str:
    """Return the assertion to be spent, or the reason why it proves nothing (for the audit)."""
    algorithms = [each for each in ASSERTION_ALGORITHMS if each not in expected.barred]
    signed = signed_by(assertion, keys, algorithms=algorithms)
    if signed is None:
        return "signature"
    if not _is_of_its_type(signed.header.get("typ", "jwt"), expected):
        return "type"
    claims = signed.claims
    for name, holds in RULES:
        if not holds(claims, expected):
            return name
    spent = hashlib.sha256(str(claims["jti"]).encode()).digest()
    return Assertion(spent, int(claims["exp"]) + int(SKEW.total_seconds()) + 1)


def _is_of_its_type(typ: object, expected: Expected) -> bool:
    named = typ.lower().removeprefix("application/") if isinstance(typ, str) else ""
    return named in _TYPES or (named == _GRANT and expected.grant)


def _is_from_and_about_the_client(claims: Mapping[str, Any], expected: Expected) -> bool:
    return claims.get("iss") == claims.get("sub") == expected.client_id


def _is_for_us(claims: Mapping[str, Any], expected: Expected) -> bool:
    """A list may hold several names of ours and nobody else's: who else is named could send it on to us."""
    audience = claims.get("aud")
    listed = audience if isinstance(audience, list) and audience and not expected.exact else [audience]
    return all(isinstance(each, str) and each in expected.audiences for each in listed)


def _ends_soon(claims: Mapping[str, Any], expected: Expected) -> bool:
    at = moment_of(claims.get("exp"))
    return at is not None and expected.now - SKEW < at <= expected.now + LONGEST_LIFE + SKEW


def _is_not_from_the_future(claims: Mapping[str, Any], expected: Expected) -> bool:
    for name in ("iat", "nbf"):
        if name in claims:
            at = moment_of(claims[name])
            if at is None or at > expected.now + SKEW:
                return False
    return True


def _has_a_name(claims: Mapping[str, Any], _expected: Expected) -> bool:
    return has_name(claims)


RULES: tuple[tuple[str, Callable[[Mapping[str, Any], Expected], bool]], ...] = (
    ("issuer or subject", _is_from_and_about_the_client),
    ("audience", _is_for_us),
    ("expiry", _ends_soon),
    ("from the future", _is_not_from_the_future),
    ("no jti", _has_a_name),
)
"""What every assertion has to satisfy, in this order (RFC 7523 §3)."""
