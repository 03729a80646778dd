"""The authorization endpoint (RFC 6749 §4.1, OIDC Core §3.1.2): what a request leads to.

A request is judged by the checks of :mod:`idp.domain.authorize_checks`, then the live session is asked
whether it does. If a person must be asked, the request waits in a login flow of the database and is taken
up again exactly once; nothing that travels through the browser in between can change it (AZ-18, AZ-21).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp.domain.authorization_request import AuthorizationRequest
from idp.domain.authorize_checks import Where, first_broken
from idp.domain.client import Client
from idp.domain.interaction import Wanted, class_told, is_met, may_continue, may_step_up, must_ask
from idp.domain.login_flow import Demands
from idp.domain.oauth import ErrorCode, Fault
from idp.domain.response_encryption import ENCRYPTED_DOTS, ENCRYPTED_HINT
from idp.domain.session import LiveSession
from idp.domain.tokens import ID_TOKEN_TYPE
from idp.storage.consents import ConsentRequest, add_consent_request
from idp.storage.pushed_requests import spend_pushed_request
from idp.usecases.answer_authorization import ToClient, error_to_client, issue_grant, to_client
from idp.usecases.judge_authorization import (
    ConsentMissing,
    NoAccess,
    account_named,
    obstacle,
    read_waiting,
    sign_in_wanted,
    waiting_form,
)
from idp.usecases.read_request import read_request
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.origin import current_origin, place
from kernel.ratelimit import Limit, take
from kernel.store import Unit

_ANOTHER_PERSON = Fault(ErrorCode.LOGIN_REQUIRED, "Another person signed in than the one asked for.")
_ANOTHER_CLASS = Fault(
    ErrorCode.UNMET_AUTHENTICATION_REQUIREMENTS, "No sign-in of the class that was asked for."
)
_NOBODY_TO_ASK = Fault(ErrorCode.LOGIN_REQUIRED, "The person has to be asked.")
_NOT_ALLOWED = Fault(ErrorCode.ACCESS_DENIED, "The person did not allow it.")
_CONSENT_REQUIRED = Fault(ErrorCode.CONSENT_REQUIRED, "The person has to be asked for consent.")
_NO_ACCESS = Fault(ErrorCode.ACCESS_DENIED, "The account has no access.")
_SPENT = Fault(ErrorCode.INVALID_REQUEST_URI, "The request was answered before.")
_PAGES = Limit("authorize-refused-pages", 30, dt.timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """A refusal that must not travel: the redirection URI is not known to be the client's."""

    fault: Fault
    language: str = ""


@dataclass(frozen=True, slots=True)
class SignInNeeded:
    """A person has to be asked first. ``request`` is kept in the login flow and taken up again by it.

    ``step_up`` tells that the flow may build on the live session; ``language`` is ``ui_locales``.
    """

    request: Mapping[str, object] = field(repr=False)
    client_id: str
    client_name: str
    demands: Demands
    login_hint: str
    step_up: bool
    language: str = ""


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """The person has to be asked whether the client may have it: ``token`` names the question on the page."""

    token: str = field(repr=False)
    language: str = ""


AuthorizeOutcome = ConsentNeeded | ToClient | ErrorPage | NoAccess | SignInNeeded


def authorize(
    services: IdpServices, parameters: Mapping[str, Sequence[str]], *, session: LiveSession | None
) -> AuthorizeOutcome:
    """Judge an authorization request and answer it: with a code if the session does."""
    request = read_request(services, parameters)
    refusal = _refusal(services, request)
    if refusal is not None:
        return refusal
    subject = _named_subject(services, request)
    if isinstance(subject, Fault):
        return error_to_client(services, request, subject)
    wanted = sign_in_wanted(request, account_named(services, request, subject, session))
    if session is None or must_ask(wanted, session, now=services.store.clock.now()):
        return _sign_in_needed(services, request, wanted, subject, step_up=may_step_up(wanted, session))
    with services.store.write() as unit:
        return _answer(services, unit, request, session)


def resume(
    services: IdpServices, unit: Unit, waiting: Mapping[str, Any], *, session: LiveSession | None
) -> AuthorizeOutcome:
    """Answer a request that waited in a login flow, in the unit that took it up; it is judged once more.

    The flow saw to freshness and strength. If the request names another person, the client hears so.
    """
    request = read_waiting(unit, waiting)
    refusal = _refusal(services, request, unit)
    if refusal is not None:
        return refusal
    subject = str(waiting.get("subject", ""))
    wanted = sign_in_wanted(request, account_named(services, request, subject, session))
    if session is None or not may_continue(wanted, session):
        return error_to_client(services, request, _ANOTHER_PERSON)
    if not is_met(wanted, session.acr):
        return error_to_client(services, request, _ANOTHER_CLASS)
    return _answer(services, unit, request, session)


def resume_decided(
    services: IdpServices, unit: Unit, waiting: Mapping[str, Any], *, session: LiveSession, allowed: bool
) -> AuthorizeOutcome:
    """Answer a request whose person was asked for consent, in the unit that took the answer up."""
    if not allowed:
        return resume_refused(services, unit, waiting)
    request = read_waiting(unit, waiting)
    refusal = _refusal(services, request, unit)
    if refusal is not None:
        return refusal
    return _answer(services, unit, request, session, just_decided=True)


def resume_refused(services: IdpServices, unit: Unit, waiting: Mapping[str, Any]) -> AuthorizeOutcome:
    """Answer a request that a person did not want to go on with: ``access_denied`` (RFC 6749 §4.1.2.1)."""
    request = read_waiting(unit, waiting)
    refusal = _refusal(services, request, unit)
    if refusal is not None:
        return refusal
    if request.pushed:
        spend_pushed_request(unit.connection, request.pushed, now=unit.now)
    return error_to_client(services, request, _NOT_ALLOWED)


def _refusal(
    services: IdpServices, request: AuthorizationRequest, unit: Unit | None = None
) -> ErrorPage | ToClient | None:
    broken = first_broken(request)
    if broken is None:
        return None
    if broken.where is Where.CLIENT:
        return error_to_client(services, request, broken.fault)
    if unit is not None:
        _record_refusal(unit, request, broken.fault)
    else:
        with services.store.write() as own:
            _record_refusal(own, request, broken.fault)
    return ErrorPage(broken.fault, request.value("ui_locales"))


def _record_refusal(unit: Unit, request: AuthorizationRequest, fault: Fault) -> None:
    """Write a refused request down (AZ-01), but not without bound: anybody may send one."""
    if take(unit.connection, _PAGES, place(current_origin().address), now=unit.now).allowed:
        unit.audit.record(
            "gateway:authorization:refused",
            actor=Actor("client", request.client.id if request.client else "unknown"),
            outcome="refused",
            reason=fault.description,
        )


def _named_subject(services: IdpServices, request: AuthorizationRequest) -> str | Fault:
    """Return the subject that the request names, by ``id_token_hint`` or by a value of ``sub``; or no one."""
    hint, client = request.value("id_token_hint"), request.known_client
    hinted = _hinted_subject(services, client, hint) if hint else ""
    if hinted is None:
        encrypted = hint.count(".") == ENCRYPTED_DOTS
        return Fault(
            ErrorCode.INVALID_REQUEST, ENCRYPTED_HINT if encrypted else "id_token_hint is not one of ours."
        )
    claimed = next(iter(request.claims.subjects), "")
    if hinted and claimed not in ("", hinted):
        return Fault(ErrorCode.INVALID_REQUEST, "id_token_hint and claims name different subjects.")
    return hinted or claimed


def _hinted_subject(services: IdpServices, client: Client, hint: str) -> str | None:
    """Return the subject an ID token of this client names, expired or not; None if it is none of ours."""
    claims = services.signing.verify_hint(hint, typ=ID_TOKEN_TYPE)
    if claims is None or claims.get("iss") != services.issuer or claims.get("aud") != client.id:
        return None
    return str(claims.get("sub", "")) or None


def _sign_in_needed(
    services: IdpServices, request: AuthorizationRequest, wanted: Wanted, subject: str, *, step_up: bool
) -> ToClient | SignInNeeded:
    if wanted.silent:
        return error_to_client(services, request, _NOBODY_TO_ASK)
    client = request.known_client
    return SignInNeeded(
        waiting_form(request, subject),
        client.id,
        client.name,
        wanted.demands,
        request.value("login_hint")[:256],
        step_up,
        request.value("ui_locales"),
    )


def _answer(
    services: IdpServices,
    unit: Unit,
    request: AuthorizationRequest,
    session: LiveSession,
    *,
    just_decided: bool = False,
) -> ToClient | NoAccess | ConsentNeeded:
    found = obstacle(unit, request, session, just_decided=just_decided)
    if isinstance(found, NoAccess):
        unit.audit.record(
            "gateway:authorization:refused",
            actor=Actor("account", session.account.id, session.id),
            target=found.client_id,
            outcome="refused",
            reason="no access",
        )
        return error_to_client(services, request, _NO_ACCESS) if "none" in request.prompts else found
    if isinstance(found, ConsentMissing):
        if "none" in request.prompts:
            return error_to_client(services, request, _CONSENT_REQUIRED)
        return _store_question(services, unit, request, session, found)
    return answer_with_grant(services, unit, request, session)


def _store_question(
    services: IdpServices,
    unit: Unit,
    request: AuthorizationRequest,
    session: LiveSession,
    missing: ConsentMissing,
) -> ConsentNeeded:
    """Keep the question that the person is asked, and the request that waits for her answer."""
    token = unit.randomness.token(32)
    add_consent_request(
        unit.connection,
        ConsentRequest(
            digest(token),
            session.id,
            session.account.id,
            request.known_client.id,
            missing.scope,
            waiting_form(request, ""),
            unit.now + services.settings.flow_life,
        ),
    )
    return ConsentNeeded(token, request.value("ui_locales"))


def answer_with_grant(
    services: IdpServices, unit: Unit, request: AuthorizationRequest, session: LiveSession
) -> ToClient:
    """Answer a request that nothing stands in the way of; one that was pushed is answered once.

    Raises:
        StaleClientError: if client or account were switched off a moment ago; nothing was given.
    """
    if request.pushed and not spend_pushed_request(unit.connection, request.pushed, now=unit.now):
        return error_to_client(services, request, _SPENT)
    acr = class_told(sign_in_wanted(request, ""), session.acr)
    return to_client(services, request, issue_grant(services, unit, request, session, acr=acr))
