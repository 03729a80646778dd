"""Grants, codes and refresh tokens: what they stand for, and when they are worth nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.domain.pkce import verifies
from idp.domain.tokens import Authentication, TokenFacts


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What an authorization code remembers of its request. ``resource`` is empty where none was asked.

    ``dpop_jkt`` names the key that only may redeem it (RFC 9449 §10), if one was named.
    """

    scope: tuple[str, ...]
    challenge: str
    nonce: str
    resource: str
    authentication: Authentication
    dpop_jkt: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the form that is stored with the code."""
        return {
            **({"dpop_jkt": self.dpop_jkt} if self.dpop_jkt else {}),
            "scope": list(self.scope),
            "challenge": self.challenge,
            "nonce": self.nonce,
            "resource": self.resource,
            "authentication": self.authentication.to_json(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> CodeRequest:
        """Return what :meth:`to_json` stored."""
        return cls(
            scope=tuple(stored["scope"]),
            challenge=stored["challenge"],
            nonce=stored["nonce"],
            resource=stored["resource"],
            authentication=Authentication.from_json(stored["authentication"]),
            dpop_jkt=stored.get("dpop_jkt", ""),
        )


@dataclass(frozen=True, slots=True)
class SpentCode:
    """A code that was spent just now, with what it stands for."""

    grant_id: str
    client_id: str
    redirect_uri: str
    request: Mapping[str, Any]
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class StoredRefreshToken:
    """A refresh token as it is stored. ``request`` holds resource and authentication for the next tokens."""

    grant_id: str
    client_id: str
    request: Mapping[str, Any]
    expires_at: dt.datetime
    used_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class GrantState:
    """How a grant stands right now, with its account, session and client."""

    id: str
    account_id: str
    session_id: str | None
    scope: str
    expires_at: dt.datetime
    revoked: bool
    usable: bool
    session_live: bool
    client_version: int
    client_disabled: bool
    browser: bytes | None = None
    """Digest of the browser whose session it came from."""
    subject: str = ""
    """The ``sub`` that the client knows the account by."""
    claims: Mapping[str, Any] | None = None
    """Single claims that were asked for and granted, of userinfo and of the ID token (OIDC Core §5.5)."""


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a client presents with a code."""

    client_id: str
    redirect_uri: str
    verifier: str


RESOURCE = "resource"
TOLD = {
    "redirect_uri": "redirect_uri is not that of the authorization request.",
    "code_verifier": "code_verifier does not fit the code_challenge of the authorization request.",
    "dpop_jkt": "The code is bound to another key.",
    RESOURCE: "resource is not that of the authorization request.",
}
"""What a client hears that misused a good code of its own. It is burned: the words help nobody to guess."""


def code_fault(code: SpentCode, redemption: Redemption, *, now: dt.datetime) -> str:
    """Return why a code may not be redeemed, or an empty text. The code is spent by now in any case.

    Bound to its client (TK-03), redirection URI (TK-05), challenge (PK-05, PK-07) and minute (TK-02).
    """
    if code.client_id != redemption.client_id:
        return "another client's"
    if code.expires_at <= now:
        return "expired"
    if code.redirect_uri != redemption.redirect_uri:
        return "redirect_uri"
    challenge = str(code.request["challenge"])
    if not challenge:  # a verifier for a code without a challenge is a downgrade (PK-04)
        return "code_verifier" if redemption.verifier else ""
    return "" if verifies(redemption.verifier, challenge) else "code_verifier"


def grant_fault(state: GrantState | None, *, now: dt.datetime) -> str:
    """Return why a grant gives nothing any more, or an empty text (RT-07..RT-09)."""
    if state is None:
        return "gone"
    faults = (
        (state.revoked, "revoked"),
        (not state.usable, "account"),
        (not state.session_live, "session"),
        (state.expires_at <= now, "expired"),
    )
    return next((reason for broken, reason in faults if broken), "")


def is_live(token: StoredRefreshToken, *, client_id: str, now: dt.datetime) -> bool:
    """Tell whether a refresh token is this client's, unspent and in its time."""
    return token.client_id == client_id and token.used_at is None and now < token.expires_at


def is_repeat(token: StoredRefreshToken, *, grace: dt.timedelta, now: dt.datetime) -> bool:
    """Tell whether a spent refresh token that comes again may be an honest race (RT-03, RT-11)."""
    return token.used_at is not None and now - token.used_at < grace


def refresh_token_end(family_end: dt.datetime, *, idle: dt.timedelta, now: dt.datetime) -> dt.datetime:
    """Return when a refresh token that is given now ends: by its idle limit, or with its family (RT-09)."""
    return min(family_end, now + idle)


@dataclass(frozen=True, slots=True)
class Inspected:
    """A token as introspection sees it. ``kind`` is access_token or refresh_token."""

    kind: str
    facts: TokenFacts
    user_name: str
