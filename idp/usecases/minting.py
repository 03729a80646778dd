"""What the deeds that issue tokens share: looking once more, signing, storing, the answer, the audit row.

Parts of deeds, never a deed. How a request for tokens is refused stands in :mod:`token_refusals`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from idp.domain.claims import claims_named, profile_claims
from idp.domain.claims_request import chosen
from idp.domain.client import AuthenticatedClient, Client
from idp.domain.confirmation import Confirmation, token_type
from idp.domain.grant import GrantState
from idp.domain.group import AccessRow
from idp.domain.scope import ACCESS, OPENID
from idp.domain.tokens import (
    ACCESS_TOKEN_TYPE,
    ID_TOKEN_TYPE,
    AccessTokenFacts,
    Authentication,
    IdTokenFacts,
    access_claim,
    access_token_claims,
    id_token_claims,
)
from idp.storage.access_tokens import NewAccessToken, insert_access_token, profile_within
from idp.storage.application_access import access_within
from idp.usecases.services import IdpServices
from idp.usecases.subjects import session_of
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.errors import SwitchyardError
from kernel.store import Unit


class StaleClientError(SwitchyardError):
    """The client changed since this process last read it; the deed is undone and may be tried again."""

    code: ClassVar[str] = "stale_client"
    public: ClassVar[str] = "The application changed at this moment. Try again."
    status: ClassVar[int] = 503


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """A successful token response (RFC 6749 §5.1)."""

    access_token: str = field(repr=False)
    expires_in: int
    scope: str
    refresh_token: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)
    token_type: str = "Bearer"  # noqa: S105 - the standard's word
    issued_token_type: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the body of the response."""
        body: dict[str, object] = {
            "access_token": self.access_token,
            "token_type": self.token_type,
            "expires_in": self.expires_in,
            "scope": self.scope,
        }
        if self.issued_token_type:
            body["issued_token_type"] = self.issued_token_type
        if self.refresh_token:
            body["refresh_token"] = self.refresh_token
        if self.id_token:
            body["id_token"] = self.id_token
        return body


def signed_access_token(services: IdpServices, facts: AccessTokenFacts) -> str:
    """Return a signed access token (RFC 9068)."""
    claims = access_token_claims(facts)
    return services.signing.sign(claims, algorithm=services.settings.signing_algorithm, typ=ACCESS_TOKEN_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What is to be issued to a client for an account."""

    client: Client
    state: GrantState
    scope: tuple[str, ...]
    resource: str
    authentication: Authentication
    nonce: str = ""
    access: tuple[AccessRow, ...] = ()
    confirmation: Confirmation | None = None


def issue_for_account(services: IdpServices, unit: Unit, issue: Issue, *, refresh_token: str) -> TokenAnswer:
    """Store an access token of the grant and return the whole answer, with an ID token where it is asked."""
    token, life = issue_access_token(services, unit, issue)
    return TokenAnswer(
        token,
        int(life.total_seconds()),
        " ".join(issue.scope),
        refresh_token,
        signed_id_token(services, unit, issue, access_token=token) if OPENID in issue.scope else "",
        token_type(issue.confirmation),
    )


def issue_access_token(services: IdpServices, unit: Unit, issue: Issue) -> tuple[str, dt.timedelta]:
    """Store an access token of the grant; return it with its life, which never outlasts the grant's."""
    life = min(services.settings.access_token_life, issue.state.expires_at - unit.now)
    scope = " ".join(issue.scope)
    audience = issue.resource or services.issuer
    token = signed_access_token(
        services,
        AccessTokenFacts(
            issuer=services.issuer,
            subject=issue.state.subject,
            client_id=issue.client.id,
            audience=audience,
            scope=scope,
            token_id=unit.randomness.token(16),
            issued_at=unit.now,
            life=life,
            authentication=issue.authentication,
            confirmation=issue.confirmation,
            may_act=issue.client.may_act,
        ),
    )
    insert_access_token(
        unit.transaction,
        NewAccessToken(
            digest(token),
            issue.state.id,
            issue.client.id,
            issue.state.subject,
            scope,
            audience,
            unit.now + life,
            issue.confirmation,
        ),
        now=unit.now,
    )
    return token, life


def signed_id_token(
    services: IdpServices,
    unit: Unit,
    issue: Issue,
    *,
    access_token: str = "",
    code: str = "",
    profile_scope: Collection[str] = (),
) -> str:
    """Return an ID token, bound to the access token and the code that travel beside it.

    ``profile_scope`` are scopes whose claims stand in the ID token itself: those of a sign-in without an
    access token, for which there is no userinfo (OIDC Core §5.4).
    """
    algorithm = response_algorithm(services, issue.client, issue.client.id_token_algorithm)
    how = issue.authentication
    claims = id_token_claims(
        IdTokenFacts(
            issuer=services.issuer,
            subject=issue.state.subject,
            client_id=issue.client.id,
            issued_at=unit.now,
            life=services.settings.id_token_life,
            authentication=replace(how, session_id=session_of(services, issue.client, how.session_id)),
            access_token=access_token,
            code=code,
            nonce=issue.nonce,
            access=issue.access if ACCESS in issue.scope else None,
            algorithm=algorithm,
            session_claims=issue.client.session_claims | _wishes(issue.state).keys(),
        )
    )
    claims = {**_asked_claims(unit, issue, profile_scope), **claims}
    return services.signing.sign(claims, algorithm=algorithm, typ=ID_TOKEN_TYPE)


def _asked_claims(unit: Unit, issue: Issue, scope: Collection[str]) -> dict[str, object]:
    """Return the claims that were asked for in the ID token; nothing is looked up where none were (T8)."""
    wishes = _wishes(issue.state)
    profile = profile_within(unit.connection, issue.state.account_id) if wishes or scope else None
    if profile is None:
        return {}
    named = claims_named(profile, wishes)
    if ACCESS in wishes:
        named[ACCESS] = access_claim(issue.access or ())
    return {**profile_claims(profile, scope), **chosen(named, wishes)}


def _wishes(state: GrantState) -> Mapping[str, Any]:
    return (state.claims or {}).get("id_token") or {}


def response_algorithm(services: IdpServices, client: Client, registered: str) -> str:
    """Return the algorithm of what we sign for a client: its own choice, its profile's, or the settings'."""
    return registered or client.rules.default_algorithm or services.settings.signing_algorithm


def record_issue(
    unit: Unit,
    client: AuthenticatedClient,
    *,
    grant_type: str,
    scope: str,
    account_id: str = "",
    family: str = "",
    session_id: str = "",
) -> None:
    """Write the one audit row of an issued token. The use of a former client secret is told (CA-11)."""
    details: dict[str, str | bool] = {"grant_type": grant_type, "scope": scope}
    if family:
        details["family"] = family
    if client.used_former_secret:
        details["former_credential"] = True
    unit.audit.record(
        "gateway:token:issued",
        actor=Actor("client", client.id, session_id),
        target=account_id or client.id,
        details=details,
    )


def access_now(unit: Unit, client: Client, state: GrantState) -> tuple[AccessRow, ...] | None:
    """Return what the account's memberships open of the client's application, as they stand in this unit.

    None means that the account lost the application: nothing is issued then, even if the loss and the
    authorization met at the same moment (RT-07).
    """
    if not client.application_key:
        return ()
    return access_within(unit.connection, state.account_id, client.application_key) or None


def check_client_is_current(state: GrantState, client: Client) -> None:
    """Undo the deed if the client's row is not the one this process knows.

    Raises:
        StaleClientError: to read the client again and try once more.
    """
    if state.client_disabled or state.client_version != client.version:
        raise StaleClientError(client=client.id)
