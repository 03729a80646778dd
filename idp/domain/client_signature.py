"""JWTs that a client signed with one of its registered keys (RFC 7515, RFC 8725)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.domain.jws_algorithms import TakenAlgorithms
from kernel.foreign_json import read_json

SKEW = dt.timedelta(seconds=15)
"""How far the clock of a client may be off, in whatever it signs."""
_LONGEST_NAME = 255
_KEY_BRINGERS = frozenset({"jwk", "jku", "x5u", "x5c"})


@dataclass(frozen=True, slots=True)
class Signed:
    """Header and claims of a JWT whose signature holds; nothing else about it is known yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def signed_by(token: str, keys: KeySet | None, *, algorithms: Collection[str]) -> Signed | None:
    """Return what a JWT says if one of ``keys`` signed it; a key the header brings is never asked (CA-08)."""
    if keys is None or token.count(".") != 2:
        return None
    try:
        found = jws.extract_compact(token.encode("ascii"))
        if _KEY_BRINGERS & found.headers().keys():
            return None
        good = jws.validate_compact(found, keys, registry=TakenAlgorithms(algorithms=algorithms))
        claims = read_json(found.payload) if good else None
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Signed(found.headers(), claims) if isinstance(claims, dict) else None


def has_name(claims: Mapping[str, Any]) -> bool:
    """Tell whether a JWT has a ``jti`` by which its second use can be known."""
    name = claims.get("jti")
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME


def named_key(token: str) -> str:
    """Return the ``kid`` in a JWT's header, unverified, or an empty text: it only says what to look for."""
    try:
        kid = jws.extract_compact(token.encode("ascii")).headers().get("kid")
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return kid if isinstance(kid, str) else ""


def moment_of(claim: object) -> dt.datetime | None:
    """Return the moment that a claim names in seconds since the epoch (NumericDate, RFC 7519 §2), or None."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        return None
    try:
        return dt.datetime.fromtimestamp(claim, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None
