"""Signing people in at the Gateway: the values that pass, and the port to its OpenID provider."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kernel.errors import SwitchyardError


class ProviderUnreachableError(SwitchyardError):
    """The Gateway's discovery, keys or token endpoint did not answer as it should."""

    code = "provider_unreachable"
    public = "The sign-in service does not answer. Try again in a moment."
    status = 503


class SignInRefusedError(SwitchyardError):
    """An answer of the Gateway that a check refused; the context says which, for the audit."""

    code = "sign_in_refused"
    public = "You could not be signed in. Try again."
    status = 400

    def __init__(self, check: str) -> None:
        self.check = check
        super().__init__(check=check)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that has begun: what its answer is held against, and where it leads."""

    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    return_to: str


@dataclass(frozen=True, slots=True)
class VerifiedSignIn:
    """A sign-in whose every check passed (OIDC Core §3.1.3.7)."""

    subject: str
    sid: str
    acr: str
    auth_at: dt.datetime
    id_token: str = field(repr=False)
    issued_at: dt.datetime
    """When the Gateway vouched for it: what ended later ends this, too."""


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """A checked logout token (OIDC Back-Channel Logout §2.4): a session, a subject, or both."""

    jti: str
    sid: str | None
    subject: str | None
    issued_at: dt.datetime
    expires_at: dt.datetime


class OpenIdProvider(Protocol):
    """The Gateway's OpenID provider, as Registration needs it."""

    def authorization_url(self, attempt: Attempt, *, state: str, redirect_uri: str) -> str:
        """Return where to send the browser.

        Raises:
            ProviderUnreachableError: if discovery cannot be had.
        """
        ...

    def redeem(
        self, parameters: Mapping[str, list[str]], attempt: Attempt, *, redirect_uri: str, now: dt.datetime
    ) -> VerifiedSignIn:
        """Check the answer of the authorization endpoint, redeem its code and check the ID token.

        Raises:
            SignInRefusedError: if a check refuses.
            ProviderUnreachableError: if the provider does not answer.
        """
        ...

    def end_session_url(self, *, id_token: str, return_to: str) -> str:
        """Return where to send the browser to end the Gateway's session too."""
        ...

    def check_logout_token(self, token: str, *, now: dt.datetime) -> LogoutNotice:
        """Return what a logout token says after every check.

        Raises:
            SignInRefusedError: if a check refuses.
            ProviderUnreachableError: if the provider's keys cannot be had.
        """
        ...
