"""What an access token must say before a web service answers its bearer (RFC 9068 §4)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from relying_parties import claims
from relying_parties.jose import Flaw, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdentity:
    """Who called: the client, the subject it acts for, and what it was allowed."""

    client_id: str
    subject: str
    scopes: tuple[str, ...]
    acr: str
    signed_in_at: datetime | None
    issued_at: datetime
    expires_at: datetime


Rule = Callable[[Token, str, str, datetime], Flaw | None]


def caller_of(token: Token, *, issuer: str, audience: str, now: datetime) -> CallerIdentity | Flaw:
    """Return who called, or the first flaw (RFC 9068 §4)."""
    for rule in RULES:
        flaw = rule(token, issuer, audience, now)
        if flaw is not None:
            return flaw
    said = token.claims
    return CallerIdentity(
        client_id=claims.text(said, "client_id") or "",
        subject=claims.text(said, "sub") or "",
        scopes=tuple((claims.text(said, "scope") or "").split()),
        acr=claims.text(said, "acr") or "",
        signed_in_at=claims.instant(said, "auth_time"),
        issued_at=claims.instant(said, "iat") or now,
        expires_at=claims.instant(said, "exp") or now,
    )


def is_an_access_token(token: Token, _issuer: str, _audience: str, _now: datetime) -> Flaw | None:
    """§4: typed ``at+jwt``; an ID token or logout token opens nothing."""
    return None if token.kind == "at+jwt" else Flaw.TYPE


def is_a_bearer_token(token: Token, _issuer: str, _audience: str, _now: datetime) -> Flaw | None:
    """RFC 7800 §3: a token bound to a key is worth nothing to who shows no proof of that key."""
    return Flaw.TYPE if "cnf" in token.claims else None


def issuer_is_ours(token: Token, issuer: str, _audience: str, _now: datetime) -> Flaw | None:
    """§4: exactly the issuer that this service trusts."""
    return None if token.claims.get("iss") == issuer else Flaw.ISSUER


def audience_is_this_service(token: Token, _issuer: str, audience: str, _now: datetime) -> Flaw | None:
    """§4: this service is among those the token is for."""
    return None if claims.includes(token.claims, audience) else Flaw.AUDIENCE


def times_hold(token: Token, _issuer: str, _audience: str, now: datetime) -> Flaw | None:
    """§2.2, §4: issued, valid already, and not expired."""
    issued_at, expires_at = claims.instant(token.claims, "iat"), claims.instant(token.claims, "exp")
    if issued_at is None or claims.is_future(issued_at, now):
        return Flaw.ISSUED
    if expires_at is None or claims.is_past(expires_at, now):
        return Flaw.EXPIRED
    if "nbf" in token.claims:
        valid_at = claims.instant(token.claims, "nbf")
        return Flaw.NOT_YET if valid_at is None or claims.is_future(valid_at, now) else None
    return None


def caller_is_named(token: Token, _issuer: str, _audience: str, _now: datetime) -> Flaw | None:
    """§2.2: ``client_id``, ``sub`` and ``jti`` are required."""
    named = all(claims.text(token.claims, name) for name in ("client_id", "sub", "jti"))
    return None if named else Flaw.CLIENT


def scope_is_a_text(token: Token, _issuer: str, _audience: str, _now: datetime) -> Flaw | None:
    """RFC 8693 §4.2: ``scope`` is one text of names with spaces between."""
    return None if isinstance(token.claims.get("scope", ""), str) else Flaw.SCOPE


RULES: tuple[Rule, ...] = (
    is_an_access_token,
    is_a_bearer_token,
    issuer_is_ours,
    audience_is_this_service,
    times_hold,
    caller_is_named,
    scope_is_a_text,
)
