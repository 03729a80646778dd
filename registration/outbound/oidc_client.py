"""Registration as a relying party of the Gateway: code flow, PKCE S256, private_key_jwt, logout tokens.

Every check of OIDC Core §3.1.3.7, RFC 9207 and OIDC Back-Channel Logout §2.6 is one function below, in the
order in which it is made.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from kernel.base64url import base64url
from kernel.crypto import same
from registration.domain.sign_in import (
    Attempt,
    LogoutNotice,
    SignInRefusedError,
    VerifiedSignIn,
)
from registration.outbound.discovery import Discovery
from registration.outbound.http import Outbound
from registration.outbound.keys import ClientKey
from registration.outbound.token_endpoint import ask_for_tokens

ALGORITHMS: Final = ["ES256", "RS256"]
SKEW: Final = dt.timedelta(seconds=60)
OLDEST_ID_TOKEN: Final = dt.timedelta(minutes=10)
OLDEST_LOGOUT_TOKEN: Final = dt.timedelta(minutes=10)
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

Claims = Mapping[str, Any]


class GatewayProvider:
    """The Gateway's OpenID provider."""

    def __init__(self, outbound: Outbound, discovery: Discovery, client: ClientKey) -> None:
        self._outbound = outbound
        self._discovery = discovery
        self._client = client

    def authorization_url(self, attempt: Attempt, *, state: str, redirect_uri: str) -> str:
        """Return where to send the browser (OIDC Core §3.1.2.1, RFC 7636 §4.3).

        Raises:
            ProviderUnreachableError: if discovery cannot be had.
        """
        challenge = base64url(hashlib.sha256(attempt.verifier.encode()).digest())
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client.client_id,
                "redirect_uri": redirect_uri,
                "scope": "openid",
                "state": state,
                "nonce": attempt.nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{self._discovery.endpoint('authorization_endpoint')}?{query}"

    def redeem(
        self, parameters: Mapping[str, list[str]], attempt: Attempt, *, redirect_uri: str, now: dt.datetime
    ) -> VerifiedSignIn:
        """Check the answer of the authorization endpoint, redeem its code and check the ID token.

        Raises:
            SignInRefusedError: naming the check that refused.
            ProviderUnreachableError: if the provider does not answer.
        """
        code = self._code_of(parameters)
        answer = self._token_answer(code, redirect_uri=redirect_uri, verifier=attempt.verifier, now=now)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise SignInRefusedError("id_token_missing")
        header, claims = self._opened(id_token)
        self._check_id_token(claims, nonce=attempt.nonce, now=now)
        _check_at_hash(header, claims, answer.get("access_token"))
        return VerifiedSignIn(
            subject=_text(claims, "sub"),
            sid=_text(claims, "sid"),
            acr=str(claims.get("acr", "")),
            auth_at=_moment(claims, "auth_time"),
            id_token=id_token,
            issued_at=_moment(claims, "iat"),
        )

    def end_session_url(self, *, id_token: str, return_to: str) -> str:
        """Return where to send the browser to end the Gateway's session (RP-Initiated Logout 1.0 §2).

        While the Gateway is away it is told, too: nobody is to believe that she is signed out there.

        Raises:
            ProviderUnreachableError: if discovery could never be had.
        """
        query = urlencode(
            {
                "id_token_hint": id_token,
                "client_id": self._client.client_id,
                "post_logout_redirect_uri": return_to,
            }
        )
        return f"{self._discovery.known_endpoint('end_session_endpoint')}?{query}"

    def check_logout_token(self, token: str, *, now: dt.datetime) -> LogoutNotice:
        """Return what a logout token says (Back-Channel Logout §2.6).

        Raises:
            SignInRefusedError: naming the check that refused.
            ProviderUnreachableError: if the provider's keys cannot be had.
        """
        header, claims = self._opened(token)
        if str(header.get("typ", "")).lower().removeprefix("application/") != "logout+jwt":
            raise SignInRefusedError("typ")
        _check_issuer(claims, self._discovery.issuer)
        _check_audience(claims, self._client.client_id)
        _check_times(claims, now=now, oldest=OLDEST_LOGOUT_TOKEN)
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
            raise SignInRefusedError("events")
        if "nonce" in claims:
            raise SignInRefusedError("nonce")
        sid, subject = claims.get("sid"), claims.get("sub")
        if not any(isinstance(value, str) and value for value in (sid, subject)):
            raise SignInRefusedError("sid_or_sub")
        return LogoutNotice(
            jti=_text(claims, "jti"),
            sid=sid if isinstance(sid, str) and sid else None,
            subject=subject if isinstance(subject, str) and subject else None,
            issued_at=_moment(claims, "iat"),
            expires_at=now + OLDEST_LOGOUT_TOKEN + 2 * SKEW,
        )

    def _code_of(self, parameters: Mapping[str, list[str]]) -> str:
        if any(len(values) != 1 for values in parameters.values()):
            raise SignInRefusedError("parameter_repeated")
        if parameters.get("iss", [""])[0] != self._discovery.issuer:  # RFC 9207: mix-up
            raise SignInRefusedError("iss_of_answer")
        if "error" in parameters:
            error = parameters["error"][0]
            plain = error if error.replace("_", "").isalnum() and error.isascii() else "other"
            raise SignInRefusedError(f"error_{plain}")
        code = parameters.get("code", [""])[0]
        if not code:
            raise SignInRefusedError("code_missing")
        return code

    def _token_answer(
        self, code: str, *, redirect_uri: str, verifier: str, now: dt.datetime
    ) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            **self._client.form(audience=self._discovery.issuer, now=now),
        }
        status, answer = ask_for_tokens(self._outbound, self._discovery, form)
        if status != 200 or answer is None:
            raise SignInRefusedError("code_refused")
        return answer

    def _opened(self, token: str) -> tuple[Mapping[str, Any], Claims]:
        if not token.isascii() or len(token) > 16_384:
            raise SignInRefusedError("token_form")
        try:
            try:
                opened = jwt.decode(token, self._discovery.keys(), algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                fresh = self._fresh_keys(token)
                opened = jwt.decode(token, fresh, algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError):
            raise SignInRefusedError("signature") from None
        return opened.header, opened.claims

    def _fresh_keys(self, token: str) -> KeySet:
        """Fetch the keys anew if the token names one we do not know: the provider may have rotated."""
        kid = jws.extract_compact(token.encode()).headers().get("kid")
        keys = self._discovery.keys()
        known = {key.kid for key in keys.keys}
        return keys if kid in known else self._discovery.keys(unknown_kid=True)

    def _check_id_token(self, claims: Claims, *, nonce: str, now: dt.datetime) -> None:
        _check_issuer(claims, self._discovery.issuer)
        _check_audience(claims, self._client.client_id)
        _check_times(claims, now=now, oldest=OLDEST_ID_TOKEN)
        given = claims.get("nonce")
        if not isinstance(given, str) or not same(given.encode(), nonce.encode()):
            raise SignInRefusedError("nonce")


def _check_issuer(claims: Claims, issuer: str) -> None:
    if claims.get("iss") != issuer:
        raise SignInRefusedError("iss")


def _check_audience(claims: Claims, client_id: str) -> None:
    audience = claims.get("aud")
    listed = [audience] if isinstance(audience, str) else audience
    if not isinstance(listed, list) or listed != [client_id]:  # we trust no other audience
        raise SignInRefusedError("aud")
    if "azp" in claims and claims["azp"] != client_id:
        raise SignInRefusedError("azp")


def _check_times(claims: Claims, *, now: dt.datetime, oldest: dt.timedelta) -> None:
    issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
    if expires <= now - SKEW:
        raise SignInRefusedError("exp")
    if issued > now + SKEW or issued < now - oldest - SKEW:
        raise SignInRefusedError("iat")


def _check_at_hash(header: Mapping[str, Any], claims: Claims, access_token: object) -> None:
    if "at_hash" not in claims or not isinstance(access_token, str):
        return
    del header  # ES256 and RS256 both hash with SHA-256
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    if claims["at_hash"] != base64url(half):
        raise SignInRefusedError("at_hash")


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value or len(value) > 255:
        raise SignInRefusedError(name)
    return value


def _moment(claims: Claims, name: str) -> dt.datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise SignInRefusedError(name)
    return dt.datetime.fromtimestamp(value, tz=dt.UTC)
