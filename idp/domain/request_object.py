"""Request objects: an authorization request as a JWT that the client signed (RFC 9101, OIDC Core §6).

Only what stands in the object counts; of what came beside it nothing but ``client_id`` is looked at (RFC 9101
§6.3), so nothing that the browser could change is mixed with what was signed.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import KeySet

from idp.domain.authorization_request import REFERENCES
from idp.domain.client_signature import SKEW, moment_of, signed_by

LONGEST = 16_384
LONGEST_LIFE = dt.timedelta(minutes=60)
TYPES = frozenset({"oauth-authz-req+jwt", "jwt"})
"""What ``typ`` may say, in small letters; an object that says nothing is taken too (RFC 9101 §10.8)."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a request object has to say. ``exact`` asks for an issuer, an audience and dates."""

    client_id: str
    issuer: str
    algorithms: Collection[str]
    now: dt.datetime
    exact: bool = False


def read_object(
    token: str, keys: KeySet | None, expected: Expected, *, names: Collection[str]
) -> dict[str, list[str]] | str:
    """Return the parameters of these ``names`` that a request object holds, or why it is refused.

    An unsigned object, or one signed by a key that is not the client's, is refused as any other (T11).
    """
    if len(token) > LONGEST:
        return "too long"
    signed = signed_by(token, keys, algorithms=expected.algorithms)
    if signed is None:
        return "signature"
    typ = signed.header.get("typ", "jwt")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in TYPES:
        return "type"
    broken = next((name for name, holds in RULES if not holds(signed.claims, expected)), "")
    return broken or _parameters(signed.claims, names)


def _is_of_the_client(claims: Mapping[str, Any], expected: Expected) -> bool:
    return claims.get("client_id") == expected.client_id and claims.get("iss", expected.client_id) == (
        expected.client_id
    )


def _names_its_issuer(claims: Mapping[str, Any], expected: Expected) -> bool:
    return "iss" in claims or not expected.exact


def _is_no_client_assertion(claims: Mapping[str, Any], expected: Expected) -> bool:
    """RFC 9101 §10.8: what could authenticate the client is never taken for a request."""
    return claims.get("sub") != expected.client_id


def _is_for_us(claims: Mapping[str, Any], expected: Expected) -> bool:
    """FAPI 2.0 Message Signing §5.3.1: the audience is our issuer, or a list that holds it."""
    audience = claims.get("aud")
    if audience is None:
        return not expected.exact
    return expected.issuer in (audience if isinstance(audience, list) else [audience])


def _is_of_now(claims: Mapping[str, Any], expected: Expected) -> bool:
    begins, ends, issued = (moment_of(claims.get(name)) for name in ("nbf", "exp", "iat"))
    if any(name in claims and moment_of(claims[name]) is None for name in ("nbf", "exp", "iat")):
        return False
    if expected.exact and (begins is None or ends is None):
        return False
    latest = expected.now + SKEW
    if any(moment is not None and moment > latest for moment in (begins, issued)):
        return False
    return ends is None or ends > expected.now - SKEW


def _lives_shortly(claims: Mapping[str, Any], expected: Expected) -> bool:
    """FAPI 2.0 Message Signing §5.3.1: ``nbf`` and ``exp`` lie an hour apart at most.

    It is of now, by the rule before: so neither lies further than that from now.
    """
    begins, ends = moment_of(claims.get("nbf")), moment_of(claims.get("exp"))
    return not expected.exact or begins is None or ends is None or ends - begins <= LONGEST_LIFE


def _holds_no_reference(claims: Mapping[str, Any], _expected: Expected) -> bool:
    return not any(name in claims for name in REFERENCES)


RULES: tuple[tuple[str, Callable[[Mapping[str, Any], Expected], bool]], ...] = (
    ("client", _is_of_the_client),
    ("issuer", _names_its_issuer),
    ("a client assertion", _is_no_client_assertion),
    ("audience", _is_for_us),
    ("time", _is_of_now),
    ("life", _lives_shortly),
    ("a reference inside", _holds_no_reference),
)
"""What every request object has to satisfy, in this order (RFC 9101 §6, FAPI 2.0 Message Signing §5.3.1)."""


def _parameters(claims: Mapping[str, Any], names: Collection[str]) -> dict[str, list[str]] | str:
    found: dict[str, list[str]] = {}
    for name in names:
        if name in claims:
            values = _texts(name, claims[name])
            if values is None:
                return f"form of {name}"
            found[name] = values
    return found


def _texts(name: str, value: object) -> list[str] | None:
    """Return a member of the object as the values the parameter has in a query (RFC 9101 §4)."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, int) and not isinstance(value, bool):
        return [str(value)]
    if name == "claims" and isinstance(value, dict):
        return [json.dumps(value)]
    if name == "resource" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return list(value)
    return None
