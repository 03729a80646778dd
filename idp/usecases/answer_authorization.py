"""Answering an authorization request: the grant, its code and tokens, and how they travel. No deed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from idp.domain.authorization_request import AuthorizationRequest, granted_scope
from idp.domain.client import Client
from idp.domain.client_profile import CODE
from idp.domain.grant import CodeRequest, GrantState
from idp.domain.oauth import Fault, ResponseMode
from idp.domain.scope import OFFLINE_ACCESS, OPENID
from idp.domain.session import LiveSession
from idp.domain.tokens import Authentication
from idp.storage.codes import insert_code
from idp.storage.grants import NewGrant
from idp.usecases.minting import (
    Issue,
    access_now,
    issue_access_token,
    signed_id_token,
)
from idp.usecases.services import IdpServices
from idp.usecases.sign_in_grants import authentication_in, grant_of_session, store_grant
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class ToClient:
    """An answer that travels to the client's redirection URI, with ``state`` and ``iss`` in it.

    ``signed``: it travels as one JWT (JARM). :mod:`idp.usecases.carry_answer` makes it ready to go.
    """

    client: Client
    redirect_uri: str
    mode: ResponseMode
    parameters: Mapping[str, str] = field(repr=False)
    signed: bool = False


def to_client(
    services: IdpServices, request: AuthorizationRequest, parameters: Mapping[str, str]
) -> ToClient:
    """Return an answer with ``state`` as it came and ``iss``, on success and on error (AZ-14, AZ-16).

    They stand where the answer stands (trap T3).
    """
    whole = dict(parameters)
    if request.value("state"):
        whole["state"] = request.value("state")
    whole["iss"] = services.issuer
    way = request.delivery
    return ToClient(request.known_client, request.value("redirect_uri"), way.carrier, whole, way.signed)


def error_to_client(services: IdpServices, request: AuthorizationRequest, fault: Fault) -> ToClient:
    """Return an error as the answer (RFC 6749 §4.1.2.1)."""
    return to_client(services, request, {"error": fault.code.value, "error_description": fault.description})


def issue_grant(
    services: IdpServices, unit: Unit, request: AuthorizationRequest, session: LiveSession, *, acr: str
) -> dict[str, str]:
    """Store the grant and return what its response type asks for: a code, tokens, or both.

    ``acr`` is the class that the ID token is to tell.

    Raises:
        StaleClientError: if client or account were switched off a moment ago; nothing was given.
    """
    client, scope = request.known_client, granted_scope(request)
    claims = request.claims.granted(client.scopes) if OPENID in scope else {}
    new = grant_of_session(services, unit, client, session, scope=scope, claims=claims)
    how = authentication_in(session, acr=acr)
    store_grant(unit, new, session)
    unit.audit.record(
        "gateway:authorization:granted",
        actor=Actor("account", session.account.id, session.id),
        target=client.id,
        details={"scope": new.scope, "family": new.id},
    )
    kinds = request.response_type.split()
    code = _store_code(services, unit, request, new, how) if CODE in kinds else ""
    found = {"code": code} if code else {}
    return found if kinds == [CODE] else {**found, **_issue_tokens(services, unit, request, new, how, code)}


def _store_code(
    services: IdpServices, unit: Unit, request: AuthorizationRequest, new: NewGrant, how: Authentication
) -> str:
    code = unit.randomness.token(32)
    remembered = CodeRequest(
        tuple(new.scope.split()),
        request.value("code_challenge"),
        request.value("nonce"),
        _resource(request, new),
        how,
        request.value("dpop_jkt"),
    )
    insert_code(
        unit.transaction,
        digest(code),
        new=new,
        redirect_uri=request.value("redirect_uri"),
        request=remembered.to_json(),
        expires_at=unit.now + services.settings.code_life,
    )
    return code


def _resource(request: AuthorizationRequest, new: NewGrant) -> str:
    return request.known_client.resource_for(request.value("resource"), new.scope.split())


def _issue_tokens(
    services: IdpServices,
    unit: Unit,
    request: AuthorizationRequest,
    new: NewGrant,
    how: Authentication,
    code: str,
) -> dict[str, str]:
    """Return what implicit and hybrid types give at once (OIDC Core §3.2.2.5, §3.3.2.5); never to refresh."""
    kinds, client = request.response_type.split(), request.known_client
    state = GrantState(
        new.id,
        new.account_id,
        new.session_id,
        new.scope,
        new.expires_at,
        revoked=False,
        usable=True,
        session_live=True,
        client_version=client.version,
        client_disabled=False,
        subject=new.subject,
        claims=new.claims,
    )
    issue = Issue(
        client=client,
        state=state,
        scope=tuple(scope for scope in new.scope.split() if scope != OFFLINE_ACCESS),
        resource=_resource(request, new),
        authentication=how,
        nonce=request.value("nonce"),
        access=access_now(unit, client, state) or (),
    )
    found: dict[str, str] = {}
    token = ""
    if "token" in kinds:
        token, life = issue_access_token(services, unit, issue)
        found |= {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": str(int(life.total_seconds())),
            "scope": " ".join(issue.scope),
        }
    if "id_token" in kinds:
        alone = issue.scope if kinds == ["id_token"] else ()
        found["id_token"] = signed_id_token(
            services, unit, issue, access_token=token, code=code, profile_scope=alone
        )
    return found
