"""What our tokens say: the claims of access tokens, ID tokens and logout tokens."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from idp.domain.client_profile import SESSION_CLAIMS
from idp.domain.confirmation import Confirmation
from idp.domain.group import AccessRow
from kernel.base64url import base64url

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - the header's typ (RFC 9068 §2.1)
ID_TOKEN_TYPE = "JWT"  # noqa: S105 - the header's typ
LOGOUT_TOKEN_TYPE = "logout+jwt"  # noqa: S105 - the header's typ (Back-Channel Logout §2.4)
SIGNED_METADATA_TYPE = "authorization-server-metadata+jwt"
INTROSPECTION_TYPE = "token-introspection+jwt"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TOKEN_LIFE = dt.timedelta(minutes=2)

Claims = dict[str, object]


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a live access token stands for. ``account_id`` is empty for a client's own token."""

    client_id: str
    subject: str
    account_id: str
    grant_id: str | None
    scope: frozenset[str]
    audience: frozenset[str]
    issued_at: dt.datetime
    expires_at: dt.datetime
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class Authentication:
    """How and when somebody signed in, as it goes into ID tokens. Times are whole seconds since the epoch."""

    session_id: str
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    session_expiry: int

    def to_json(self) -> Claims:
        """Return the form that is stored with a code or a refresh token."""
        return {
            "sid": self.session_id,
            "auth_time": self.auth_time,
            "acr": self.acr,
            "amr": list(self.amr),
            "session_expiry": self.session_expiry,
        }

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> Authentication:
        """Return what :meth:`to_json` stored."""
        amr = stored["amr"]
        return cls(
            session_id=str(stored["sid"]),
            auth_time=int(str(stored["auth_time"])),
            acr=str(stored["acr"]),
            amr=tuple(str(each) for each in amr) if isinstance(amr, list) else (),
            session_expiry=int(str(stored["session_expiry"])),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokenFacts:
    """What goes into an access token."""

    issuer: str
    subject: str
    client_id: str
    audience: str
    scope: str
    token_id: str
    issued_at: dt.datetime
    life: dt.timedelta
    authentication: Authentication | None = None
    confirmation: Confirmation | None = None
    actors: Mapping[str, object] | None = None
    """Who acts for the subject, and who did before (RFC 8693 §4.1)."""
    may_act: str = ""
    """The client that alone may act for the subject by this token (RFC 8693 §4.4); empty: nobody is named."""


def access_token_claims(facts: AccessTokenFacts) -> Claims:
    """Return the claims of a JWT access token (RFC 9068 §2.2, RFC 7800 §3.1)."""
    issued = seconds(facts.issued_at)
    claims: Claims = {
        "iss": facts.issuer,
        "sub": facts.subject,
        "aud": facts.audience,
        "client_id": facts.client_id,
        "exp": issued + int(facts.life.total_seconds()),
        "iat": issued,
        "jti": facts.token_id,
        "scope": facts.scope,
    }
    if facts.authentication is not None:
        claims["auth_time"] = facts.authentication.auth_time
        claims["acr"] = facts.authentication.acr
        claims["amr"] = list(facts.authentication.amr)
    if facts.confirmation is not None:
        claims["cnf"] = facts.confirmation.to_json()
    if facts.actors is not None:
        claims["act"] = facts.actors
    if facts.may_act:
        claims["may_act"] = {"sub": facts.may_act}
    return claims


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTokenFacts:
    """What goes into an ID token. ``access`` is None where the scope ``access`` was not granted."""

    issuer: str
    subject: str
    client_id: str
    issued_at: dt.datetime
    life: dt.timedelta
    authentication: Authentication
    access_token: str = ""
    code: str = ""
    nonce: str = ""
    access: tuple[AccessRow, ...] | None = None
    algorithm: str = ""
    session_claims: Collection[str] = SESSION_CLAIMS


def id_token_claims(facts: IdTokenFacts) -> Claims:
    """Return the claims of an ID token: who, how and when, and never a profile (OIDC Core §2, IPSIE SL1).

    ``aud`` is one string, and ``auth_time`` is when the person really gave a proof. Of the session it tells
    ``facts.session_claims``.
    """
    issued, how = seconds(facts.issued_at), facts.authentication
    claims: Claims = {
        "iss": facts.issuer,
        "sub": facts.subject,
        "aud": facts.client_id,
        "exp": issued + int(facts.life.total_seconds()),
        "iat": issued,
        "auth_time": how.auth_time,
        "acr": how.acr,
        "amr": list(how.amr),
    }
    for name, told in (("sid", how.session_id), ("session_expiry", how.session_expiry)):
        if name in facts.session_claims:
            claims[name] = told
    for name, value in (("at_hash", facts.access_token), ("c_hash", facts.code)):
        if value:
            claims[name] = half_hash(value, facts.algorithm)
    if facts.nonce:
        claims["nonce"] = facts.nonce
    if facts.access is not None:
        claims["access"] = access_claim(facts.access)
    return claims


def access_claim(rows: Iterable[AccessRow]) -> list[dict[str, str]]:
    """Return the ``access`` claim: for which organization the person holds which access role."""
    return [
        {"org": row.org, "org_name": row.org_name, "role": row.role, "role_name": row.role_name}
        for row in rows
    ]


def logout_token_claims(
    *, issuer: str, client_id: str, subject: str, session_id: str, token_id: str, now: dt.datetime
) -> Claims:
    """Return the claims of a logout token; it has no nonce, so that it never passes as an ID token."""
    issued = seconds(now)
    return {
        "iss": issuer,
        "sub": subject,
        "aud": client_id,
        "iat": issued,
        "exp": issued + int(LOGOUT_TOKEN_LIFE.total_seconds()),
        "jti": token_id,
        "sid": session_id,
        "events": {LOGOUT_EVENT: {}},
    }


def half_hash(value: str, algorithm: str = "") -> str:
    """Return the left half of a hash of ``value``: at_hash, c_hash (OIDC Core §3.1.3.6, §3.3.2.11).

    The hash is that of the ID token's algorithm: SHA-512 for Ed25519 (RFC 8032 §5.1), SHA-256 for all others.
    """
    made = hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256
    whole = made(value.encode("ascii")).digest()
    return base64url(whole[: len(whole) // 2])


def seconds(moment: dt.datetime) -> int:
    """Return the whole seconds since the epoch of an aware moment."""
    return int(moment.timestamp())
