"""What an ID token must say before anybody is signed in (OpenID Connect Core §3.1.3.7).

One function per rule, all in :data:`RULES`, in the order of the standard. A rule returns the flaw or None.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from relying_parties import claims
from relying_parties.jose import Flaw, Token

OLDEST = timedelta(minutes=10)
"""An ID token fetched with a code is fresh; an older one was made for another sign-in."""

HASHES = {
    f"{family}{size}": function
    for size, function in (("256", hashlib.sha256), ("384", hashlib.sha384), ("512", hashlib.sha512))
    for family in ("ES", "RS", "PS")
} | {"EdDSA": hashlib.sha512}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What this sign-in asked for, which the ID token has to answer."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str
    code: str
    max_age: timedelta | None = None
    acr: tuple[str, ...] = ()
    """The authentication contexts of which one is needed; empty asks for none."""


@dataclass(frozen=True, slots=True)
class Access:
    """One access role for one organization."""

    organization: str
    organization_name: str
    role: str
    role_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who signed in, and how, as the provider vouches for it."""

    issuer: str
    subject: str
    provider_session: str
    acr: str
    amr: tuple[str, ...]
    signed_in_at: datetime | None
    issued_at: datetime
    session_ends_at: datetime | None
    access: tuple[Access, ...]


Rule = Callable[[Token, Expected, datetime], Flaw | None]


def identity_of(token: Token, expected: Expected, *, now: datetime) -> Identity | Flaw:
    """Return who signed in, or the first flaw (OIDC Core §3.1.3.7; ``now`` is aware)."""
    for rule in RULES:
        flaw = rule(token, expected, now)
        if flaw is not None:
            return flaw
    said = token.claims
    return Identity(
        issuer=expected.issuer,
        subject=claims.text(said, "sub") or "",
        provider_session=claims.text(said, "sid") or "",
        acr=claims.text(said, "acr") or "",
        amr=claims.texts(said, "amr") or (),
        signed_in_at=claims.instant(said, "auth_time"),
        issued_at=claims.instant(said, "iat") or now,
        session_ends_at=claims.instant(said, "session_expiry"),
        access=_access(said) or (),
    )


def is_an_id_token(token: Token, _expected: Expected, _now: datetime) -> Flaw | None:
    """RFC 8725 §3.11, §3.12: no token made for another purpose passes as an ID token."""
    return None if token.kind in ("", "jwt") and "events" not in token.claims else Flaw.TYPE


def issuer_is_the_one_asked(token: Token, expected: Expected, _now: datetime) -> Flaw | None:
    """Core §3.1.3.7 (2): the issuer is exactly the one discovered; a slash more is another issuer."""
    return None if token.claims.get("iss") == expected.issuer else Flaw.ISSUER


def audience_is_this_client_alone(token: Token, expected: Expected, _now: datetime) -> Flaw | None:
    """Core §3.1.3.7 (3): we trust no audience beside ourselves."""
    return None if claims.is_for(token.claims, expected.client_id) else Flaw.AUDIENCE


def authorized_party_is_this_client(token: Token, expected: Expected, _now: datetime) -> Flaw | None:
    """Core §3.1.3.7 (4, 5): who asked for the token is this client."""
    return (
        None if token.claims.get("azp", expected.client_id) == expected.client_id else Flaw.AUTHORIZED_PARTY
    )


def subject_is_a_name(token: Token, _expected: Expected, _now: datetime) -> Flaw | None:
    """Core §2: ``sub`` is a text of at most 255 ASCII characters."""
    subject = claims.text(token.claims, "sub")
    return None if subject and len(subject) <= 255 and subject.isascii() else Flaw.SUBJECT


def is_not_expired(token: Token, _expected: Expected, now: datetime) -> Flaw | None:
    """Core §3.1.3.7 (9): before ``exp``."""
    at = claims.instant(token.claims, "exp")
    return Flaw.EXPIRED if at is None or claims.is_past(at, now) else None


def is_valid_already(token: Token, _expected: Expected, now: datetime) -> Flaw | None:
    """RFC 7519 §4.1.5: not before ``nbf``, where it stands."""
    if "nbf" not in token.claims:
        return None
    at = claims.instant(token.claims, "nbf")
    return Flaw.NOT_YET if at is None or claims.is_future(at, now) else None


def was_issued_just_now(token: Token, _expected: Expected, now: datetime) -> Flaw | None:
    """Core §3.1.3.7 (10): issued neither in the future nor long ago."""
    at = claims.instant(token.claims, "iat")
    return (
        Flaw.ISSUED if at is None or claims.is_future(at, now) or claims.is_past(at + OLDEST, now) else None
    )


def nonce_is_ours(token: Token, expected: Expected, _now: datetime) -> Flaw | None:
    """Core §3.1.3.7 (11): made for this very sign-in."""
    nonce = claims.text(token.claims, "nonce") or ""
    return None if expected.nonce and _same(nonce, expected.nonce) else Flaw.NONCE


def hashes_fit(token: Token, expected: Expected, _now: datetime) -> Flaw | None:
    """Core §3.1.3.6, §3.3.2.11: ``at_hash`` and ``c_hash``, where they stand, name what was received.

    An algorithm without a known hash fails closed (RP-05).
    """
    for name, value in (("at_hash", expected.access_token), ("c_hash", expected.code)):
        if name not in token.claims:
            continue
        wanted = half_hash(token.algorithm, value)
        if wanted is None or not _same(claims.text(token.claims, name) or "", wanted):
            return Flaw.TOKEN_HASH
    return None


def authentication_is_as_asked(token: Token, expected: Expected, now: datetime) -> Flaw | None:
    """Core §3.1.3.7 (12, 13): strong enough and recent enough, and well said."""
    said = token.claims
    at = claims.instant(said, "auth_time")
    if claims.texts(said, "amr") is None or ("acr" in said and claims.text(said, "acr") is None):
        return Flaw.AUTHENTICATION
    if "auth_time" in said and (at is None or claims.is_future(at, now)):
        return Flaw.AUTHENTICATION
    if expected.acr and said.get("acr") not in expected.acr:
        return Flaw.AUTHENTICATION
    if expected.max_age is not None and (at is None or now - at > expected.max_age + claims.SKEW):
        return Flaw.AUTHENTICATION
    return None


def session_is_named_and_lives(token: Token, _expected: Expected, now: datetime) -> Flaw | None:
    """Back-Channel Logout §2.1 (``sid``) and IPSIE SL1 (``session_expiry``): well said, and not over."""
    if "sid" in token.claims and claims.text(token.claims, "sid") is None:
        return Flaw.SESSION_OVER
    if "session_expiry" not in token.claims:
        return None
    at = claims.instant(token.claims, "session_expiry")
    return Flaw.SESSION_OVER if at is None or at <= now else None


def access_is_well_said(token: Token, _expected: Expected, _now: datetime) -> Flaw | None:
    """The access rows, where they stand, are whole; half a row opens nothing."""
    return Flaw.ACCESS if _access(token.claims) is None else None


RULES: tuple[Rule, ...] = (
    is_an_id_token,
    issuer_is_the_one_asked,
    audience_is_this_client_alone,
    authorized_party_is_this_client,
    subject_is_a_name,
    is_not_expired,
    is_valid_already,
    was_issued_just_now,
    nonce_is_ours,
    hashes_fit,
    authentication_is_as_asked,
    session_is_named_and_lives,
    access_is_well_said,
)


def half_hash(algorithm: str, value: str) -> str | None:
    """Return the left half of the hash that belongs to ``algorithm``, None if none does (Core §3.1.3.6)."""
    chosen = HASHES.get(algorithm)
    if chosen is None:
        return None
    whole = chosen(value.encode()).digest()
    return base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()


def _access(said: Mapping[str, object]) -> tuple[Access, ...] | None:
    rows = said.get("access", [])
    if not isinstance(rows, list):
        return None
    found = []
    for row in rows:
        if not isinstance(row, dict):
            return None
        organization, role = claims.text(row, "org"), claims.text(row, "role")
        if organization is None or role is None:
            return None
        name, role_name = claims.text(row, "org_name"), claims.text(row, "role_name")
        found.append(Access(organization, name or organization, role, role_name or role))
    return tuple(found)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
