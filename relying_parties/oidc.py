"""The OpenID Connect client of one application: authorization code with PKCE, and logout.

Speaks to the provider and judges its answers. Cookies, sessions and pages are not its matter; what is to be
remembered between request and answer it returns as a value.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from relying_parties import claims
from relying_parties.credentials import Credentials
from relying_parties.http import Caller, ProviderFaultError
from relying_parties.id_token import Expected, Identity, identity_of
from relying_parties.jose import Flaw, verified
from relying_parties.logout_token import LogoutOrder, logout_order_of
from relying_parties.ports import Chance, Clock
from relying_parties.provider import Metadata, Provider
from relying_parties.sessions import Login, Profile
from relying_parties.settings import ApplicationSettings

RETRYABLE = frozenset({"temporarily_unavailable", "server_error"})


class Reason(StrEnum):
    """Why nobody is signed in. Each has a page of its own that says what to do."""

    NOT_ASKED = "not_asked"
    """The answer belongs to no sign-in of this browser, or to one that is finished or too old."""

    WRONG_PROVIDER = "wrong_provider"
    """Another issuer answered (RFC 9207 §2.4)."""

    DENIED = "denied"
    """The provider says that this person may not, or that she gave up."""

    LOGIN_NEEDED = "login_needed"
    """The provider needs to speak with the person and was not allowed to."""

    PROVIDER_BUSY = "provider_busy"
    """The provider cannot now."""

    PROVIDER_REFUSED = "provider_refused"
    """The provider does not like our request: a mistake in somebody's settings."""

    CODE_REFUSED = "code_refused"
    """The code was used, or is too old."""

    TOKEN_REFUSED = "token_refused"  # noqa: S105 - the name of a reason
    """What the provider sent does not hold."""

    FACTOR_NEEDED = "factor_needed"
    """The sign-in is not as strong or as recent as the page asks."""

    ENDED = "ended"
    """The session was ended while it began."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody is signed in. ``detail`` is for the log, never for the page."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What an application asks of a sign-in."""

    target: str
    """The path the person wanted, inside the application."""

    language: str = ""
    login_hint: str = ""
    acr: tuple[str, ...] = ()
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """Where the browser is sent, and what has to be remembered until it comes back."""

    url: str
    state: str
    login: Login


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A good sign-in."""

    identity: Identity
    profile: Profile
    id_token: str


class OpenIDClient:
    """One application as a client of one provider."""

    def __init__(
        self,
        settings: ApplicationSettings,
        provider: Provider,
        credentials: Credentials,
        caller: Caller,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self.settings = settings
        self.credentials = credentials
        self._provider = provider
        self._caller = caller
        self._clock = clock
        self._chance = chance

    @property
    def redirect_uri(self) -> str:
        """The one redirection URI, made from the settings, never from the request."""
        return self.settings.base_url + "callback"

    @property
    def signed_out_uri(self) -> str:
        """Where the provider sends the browser after logout (RP-Initiated Logout §3)."""
        return self.settings.base_url + "signed-out"

    def authorization_request(self, ask: Ask) -> AuthorizationRequest:
        """Return a new request with state, nonce and PKCE of its own (OIDC Core §3.1.2.1, RFC 7636 §4).

        Raises :class:`ProviderUnreachableError` when the provider's addresses are not known.
        """
        metadata = self._provider.metadata()
        state, nonce, verifier = self._chance.token(), self._chance.token(), self._chance.token()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
            "ui_locales": ask.language,
            "login_hint": ask.login_hint,
            "acr_values": " ".join(ask.acr),
        }
        seconds = None if ask.max_age is None else int(ask.max_age.total_seconds())
        if seconds is not None:
            query["max_age"] = str(seconds)
        login = Login(
            nonce=nonce, code_verifier=verifier, target=ask.target, max_age_seconds=seconds, acr=ask.acr
        )
        return AuthorizationRequest(
            url=_with_query(metadata.authorization_endpoint, query), state=state, login=login
        )

    def sign_in(  # noqa: PLR0911 - one return per reason, in the order of the checks
        self, login: Login, answer: Mapping[str, str]
    ) -> SignedIn | Refused:
        """Judge the provider's answer to ``login`` and fetch who signed in.

        Order: who answers (RFC 9207), errors (RFC 6749 §4.1.2.1), the code, the ID token, the profile.
        Raises :class:`ProviderUnreachableError` and :class:`ProviderFaultError`.
        """
        metadata = self._provider.metadata()
        if (
            answer.get("iss", "" if metadata.names_itself_in_responses else metadata.issuer)
            != metadata.issuer
        ):
            return Refused(Reason.WRONG_PROVIDER)
        if "error" in answer:
            return _refusal_of(answer["error"])
        code = answer.get("code", "")
        if not code:
            return Refused(Reason.TOKEN_REFUSED, "neither code nor error")
        tokens = self._redeem(metadata, code, login)
        if isinstance(tokens, Refused):
            return tokens
        access_token, id_token = tokens
        identity = self._identity(login, id_token, access_token=access_token, code=code)
        if isinstance(identity, Flaw):
            unmet = identity is Flaw.AUTHENTICATION and (login.acr or login.max_age_seconds is not None)
            return Refused(Reason.FACTOR_NEEDED if unmet else Reason.TOKEN_REFUSED, identity.value)
        profile = self._profile(metadata, access_token, identity)
        if isinstance(profile, Refused):
            return profile
        return SignedIn(identity=identity, profile=profile, id_token=id_token)

    def logout_request(self, id_token: str, language: str) -> tuple[str, str] | None:
        """Return where the browser ends the provider's session, and the state to come back with.

        None if the provider has no such endpoint (RP-Initiated Logout §2).
        Raises :class:`ProviderUnreachableError`.
        """
        endpoint = self._provider.metadata().end_session_endpoint
        if not endpoint:
            return None
        state = self._chance.token()
        query = {
            "id_token_hint": id_token,
            "client_id": self.settings.client_id,
            "post_logout_redirect_uri": self.signed_out_uri,
            "state": state,
            "ui_locales": language,
        }
        return _with_query(endpoint, query), state

    def logout_order(self, text: str) -> LogoutOrder | Flaw:
        """Judge a logout token (Back-Channel Logout §2.6); whether it is fresh the store decides.

        Raises :class:`ProviderUnreachableError` when its signature cannot be checked now.
        """
        token = verified(text, keys=self._provider.keys, algorithms=self.settings.signing_algorithms)
        if isinstance(token, Flaw):
            return token
        return logout_order_of(
            token, issuer=self.settings.issuer, client_id=self.settings.client_id, now=self._clock.now()
        )

    def _redeem(self, metadata: Metadata, code: str, login: Login) -> tuple[str, str] | Refused:
        """Trade the code for access token and ID token (RFC 6749 §4.1.3)."""
        proof = self.credentials.proof(metadata.issuer)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": login.code_verifier,
            **proof.form,
        }
        answer = self._caller.post(metadata.token_endpoint, form, headers=proof.headers)
        document = answer.document or {}
        if answer.status != 200:
            error = claims.text(document, "error") or f"status {answer.status}"
            return Refused(
                Reason.CODE_REFUSED if error == "invalid_grant" else Reason.PROVIDER_REFUSED, error
            )
        access_token, id_token = claims.text(document, "access_token"), claims.text(document, "id_token")
        kind = claims.text(document, "token_type") or ""
        if access_token is None or id_token is None or kind.lower() != "bearer":
            return Refused(Reason.TOKEN_REFUSED, "the token response is not whole")
        return access_token, id_token

    def _identity(self, login: Login, id_token: str, *, access_token: str, code: str) -> Identity | Flaw:
        token = verified(id_token, keys=self._provider.keys, algorithms=self.settings.signing_algorithms)
        if isinstance(token, Flaw):
            return token
        seconds = login.max_age_seconds
        expected = Expected(
            issuer=self.settings.issuer,
            client_id=self.settings.client_id,
            nonce=login.nonce,
            access_token=access_token,
            code=code,
            max_age=None if seconds is None else timedelta(seconds=seconds),
            acr=login.acr,
        )
        return identity_of(token, expected, now=self.now())

    def _profile(self, metadata: Metadata, access_token: str, identity: Identity) -> Profile | Refused:
        """Fetch how the person is called; the answer has to be about the same subject (OIDC Core §5.3.2)."""
        if not metadata.userinfo_endpoint:
            return Profile()
        answer = self._caller.get(metadata.userinfo_endpoint, bearer=access_token)
        if answer.status != 200 or answer.document is None:
            raise ProviderFaultError(f"no userinfo: status {answer.status}")
        said = answer.document
        if claims.text(said, "sub") != identity.subject:
            return Refused(Reason.TOKEN_REFUSED, "userinfo is about somebody else")
        return Profile(
            name=claims.text(said, "name") or "",
            user_name=claims.text(said, "preferred_username") or "",
            email=claims.text(said, "email") or "",
        )

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return self._clock.now()


def challenge_of(verifier: str) -> str:
    """Return the S256 code challenge (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _refusal_of(error: str) -> Refused:
    if error == "access_denied":
        return Refused(Reason.DENIED, error)
    if error in ("login_required", "interaction_required", "consent_required", "account_selection_required"):
        return Refused(Reason.LOGIN_NEEDED, error)
    if error == "unmet_authentication_requirements":
        return Refused(Reason.FACTOR_NEEDED, error)
    if error in RETRYABLE:
        return Refused(Reason.PROVIDER_BUSY, error)
    return Refused(Reason.PROVIDER_REFUSED, error[:80])


def _with_query(url: str, query: Mapping[str, str]) -> str:
    """Add the parameters that say something, keeping what the endpoint's own query says (RFC 6749 §3.1)."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True) + [
        (name, value) for name, value in query.items() if value
    ]
    return urlunsplit(parts._replace(query=urlencode(pairs)))
