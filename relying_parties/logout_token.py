"""What a logout token must say before it ends a session (OpenID Connect Back-Channel Logout §2.6).

That it was not used before is decided by the database, see :meth:`relying_parties.sessions.Sessions.end_by`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from relying_parties import claims
from relying_parties.jose import Flaw, Token

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LONGEST = timedelta(days=1)
"""No logout token lives longer: its id has to be remembered as long as it lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutOrder:
    """Whose sessions end: one session of the provider, or all of a subject."""

    token_id: str
    provider_session: str
    """The ``sid``; empty means every session of the subject."""
    subject: str
    issued_at: datetime
    expires_at: datetime


Rule = Callable[[Token, str, str, datetime], Flaw | None]


def logout_order_of(token: Token, *, issuer: str, client_id: str, now: datetime) -> LogoutOrder | Flaw:
    """Return whose sessions end, or the first flaw (Back-Channel Logout §2.6)."""
    for rule in RULES:
        flaw = rule(token, issuer, client_id, now)
        if flaw is not None:
            return flaw
    said = token.claims
    return LogoutOrder(
        token_id=claims.text(said, "jti") or "",
        provider_session=claims.text(said, "sid") or "",
        subject=claims.text(said, "sub") or "",
        issued_at=claims.instant(said, "iat") or now,
        expires_at=claims.instant(said, "exp") or now,
    )


def is_a_logout_token(token: Token, _issuer: str, _client_id: str, _now: datetime) -> Flaw | None:
    """§2.4: explicitly typed, so that no other token passes for one (RFC 8725 §3.11)."""
    return None if token.kind == "logout+jwt" else Flaw.TYPE


def issuer_is_ours(token: Token, issuer: str, _client_id: str, _now: datetime) -> Flaw | None:
    """§2.6 (3): by the provider that signs our people in."""
    return None if token.claims.get("iss") == issuer else Flaw.ISSUER


def audience_is_this_client(token: Token, _issuer: str, client_id: str, _now: datetime) -> Flaw | None:
    """§2.6 (3): for this client alone."""
    return None if claims.is_for(token.claims, client_id) else Flaw.AUDIENCE


def times_hold(token: Token, _issuer: str, _client_id: str, now: datetime) -> Flaw | None:
    """§2.6 (3): issued, not in the future; not expired, and not made to live for ever."""
    issued_at, expires_at = claims.instant(token.claims, "iat"), claims.instant(token.claims, "exp")
    if issued_at is None or claims.is_future(issued_at, now):
        return Flaw.ISSUED
    if expires_at is None or claims.is_past(expires_at, now) or expires_at - issued_at > LONGEST:
        return Flaw.EXPIRED
    return None


def somebody_is_named(token: Token, _issuer: str, _client_id: str, _now: datetime) -> Flaw | None:
    """§2.6 (4): a ``sub``, a ``sid`` or both, each a text."""
    names = [name for name in ("sub", "sid") if name in token.claims]
    return None if names and all(claims.text(token.claims, name) for name in names) else Flaw.SUBJECT


def event_is_logout(token: Token, _issuer: str, _client_id: str, _now: datetime) -> Flaw | None:
    """§2.6 (5): ``events`` holds the logout event, whose value is an object."""
    events = token.claims.get("events")
    return None if isinstance(events, dict) and isinstance(events.get(EVENT), dict) else Flaw.EVENTS


def no_nonce_stands(token: Token, _issuer: str, _client_id: str, _now: datetime) -> Flaw | None:
    """§2.6 (6): a nonce would make it an ID token."""
    return Flaw.NONCE if "nonce" in token.claims else None


def has_an_id(token: Token, _issuer: str, _client_id: str, _now: datetime) -> Flaw | None:
    """§2.4: ``jti``, by which it is spent."""
    name = claims.text(token.claims, "jti")
    return None if name and len(name) <= 255 else Flaw.TOKEN_ID


RULES: tuple[Rule, ...] = (
    is_a_logout_token,
    issuer_is_ours,
    audience_is_this_client,
    times_hold,
    somebody_is_named,
    event_is_logout,
    no_nonce_stands,
    has_an_id,
)
