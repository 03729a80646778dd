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

from idp.domain.authorize_checks import PARAMETERS, Asked, Where, first_broken, granted_scope
from idp.domain.client import Client
from idp.domain.grant import CodeRequest
from idp.domain.interaction import Wanted, class_told, is_met, may_continue, may_step_up, must_ask
from idp.domain.login_flow import Demands
from idp.domain.oauth import ErrorCode, Fault, ResponseMode
from idp.domain.scope import OFFLINE_ACCESS, OPENID
from idp.domain.session import LiveSession
from idp.domain.tokens import ID_TOKEN_TYPE, Authentication, seconds
from idp.storage.clients import look_up_client
from idp.storage.grants import (
    NewGrant,
    access_within,
    insert_code,
    insert_grant,
    remember_client_of_session,
)
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.origin import current_origin
from kernel.ratelimit import Limit, take
from kernel.store import Unit

KIND = "authorize"
_LONGEST_ID = 64
_HINTS = frozenset({"id_token_hint", "login_hint"})
_PAGES = Limit("authorize-refused-pages", 30, dt.timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class ToClient:
    """An answer that travels to the client's redirection URI, with ``state`` and ``iss`` in it."""

    redirect_uri: str
    mode: ResponseMode
    parameters: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """A refusal that must not travel: the redirection URI is not known to be the client's."""

    fault: Fault
    language: str = ""


@dataclass(frozen=True, slots=True)
class NoAccess:
    """The account holds no membership that opens the client's application: a page says whom to ask."""

    client_id: str
    client_name: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class SignInNeeded:
    """A person has to be asked first. ``request`` is kept in the login flow and taken up again by it.

    ``step_up`` tells that the flow may build on the live session.
    """

    request: Mapping[str, object] = field(repr=False)
    client_id: str
    client_name: str
    demands: Demands
    login_hint: str
    step_up: bool


AuthorizeOutcome = ToClient | ErrorPage | NoAccess | SignInNeeded


def authorize(
    services: IdpServices, parameters: Mapping[str, Sequence[str]], *, session: LiveSession | None
) -> AuthorizeOutcome:
    """Judge an authorization request and answer it: with a code if the session does."""
    asked = _asked(services, parameters)
    refusal = _refusal(services, asked)
    if refusal is not None:
        return refusal
    subject = _named_subject(services, asked)
    if isinstance(subject, Fault):
        return _to_client(services, asked, _error(subject.code, subject.description))
    wanted = _wanted(asked, subject)
    if session is None or must_ask(wanted, session, now=services.store.clock.now()):
        return _ask(services, asked, wanted, step_up=may_step_up(wanted, session))
    with services.store.write() as unit:
        return _answer(services, unit, asked, session)


def resume(
    services: IdpServices, unit: Unit, request: Mapping[str, Any], *, session: LiveSession | None
) -> AuthorizeOutcome:
    """Answer a request that waited in a login flow, in the unit that took it up; it is judged once more.

    The flow saw to freshness and strength. If the request names another person, the client hears so.
    """
    asked = _asked(services, request["params"])
    refusal = _refusal(services, asked, unit)
    if refusal is not None:
        return refusal
    wanted = _wanted(asked, str(request.get("subject", "")))
    if session is None or not may_continue(wanted, session):
        return _to_client(
            services,
            asked,
            _error(ErrorCode.LOGIN_REQUIRED, "Another person signed in than the one asked for."),
        )
    if not is_met(wanted, session.acr):
        return _to_client(
            services,
            asked,
            _error(ErrorCode.UNMET_AUTHENTICATION_REQUIREMENTS, "No sign-in of the class asked for."),
        )
    return _answer(services, unit, asked, session)


def _asked(services: IdpServices, parameters: Mapping[str, Sequence[str]]) -> Asked:
    known = {name: list(parameters[name]) for name in PARAMETERS if parameters.get(name)}
    client_id = known.get("client_id", [""])[0]
    named = 0 < len(client_id) <= _LONGEST_ID
    return Asked(known, look_up_client(services.store.database, client_id) if named else None)


def _refusal(services: IdpServices, asked: Asked, unit: Unit | None = None) -> ErrorPage | ToClient | None:
    broken = first_broken(asked)
    if broken is None:
        return None
    if broken.where is Where.CLIENT:
        return _to_client(services, asked, _error(broken.fault.code, broken.fault.description))
    if unit is not None:
        _record_refusal(unit, asked, broken.fault)
    else:
        with services.store.write() as own:
            _record_refusal(own, asked, broken.fault)
    return ErrorPage(broken.fault, asked.value("ui_locales"))


def _record_refusal(unit: Unit, asked: Asked, fault: Fault) -> None:
    """Write a refused request down (AZ-01), but not without bound: anybody may send one."""
    if take(unit.connection, _PAGES, current_origin().address, now=unit.now).allowed:
        unit.audit.record(
            "gateway:authorization:refused",
            actor=Actor("client", asked.client.id if asked.client else "unknown"),
            outcome="refused",
            reason=fault.description,
        )


def _named_subject(services: IdpServices, asked: Asked) -> str | Fault:
    """Return the account that the request names, by ``id_token_hint`` or by a value of ``sub``; or no one."""
    hint, client = asked.value("id_token_hint"), asked.known_client
    hinted = _hinted_subject(services, client, hint) if hint else ""
    if hinted is None:
        return Fault(ErrorCode.INVALID_REQUEST, "id_token_hint is not one of ours.")
    claimed = next(iter(asked.claims.subjects), "")
    if hinted and claimed not in ("", hinted):
        return Fault(ErrorCode.INVALID_REQUEST, "id_token_hint and claims name different subjects.")
    return hinted or claimed


def _hinted_subject(services: IdpServices, client: Client, hint: str) -> str | None:
    """Return the account an ID token of this client names, expired or not; None if it is none of ours."""
    claims = services.signing.verify(hint, typ=ID_TOKEN_TYPE)
    if claims is None or claims.get("iss") != services.issuer or claims.get("aud") != client.id:
        return None
    return str(claims.get("sub", "")) or None


def _wanted(asked: Asked, subject: str) -> Wanted:
    client = asked.known_client
    max_age = int(asked.value("max_age")) if asked.value("max_age") else client.default_max_age
    claims = asked.claims
    acr = claims.acr or tuple(asked.value("acr_values").split()) or client.default_acr
    return Wanted(asked.prompts, max_age, acr[:10], subject, claims.acr_is_essential)


def _ask(services: IdpServices, asked: Asked, wanted: Wanted, *, step_up: bool) -> ToClient | SignInNeeded:
    if wanted.silent:
        return _to_client(services, asked, _error(ErrorCode.LOGIN_REQUIRED, "The person has to be asked."))
    client = asked.known_client
    kept = {name: list(values) for name, values in asked.parameters.items() if name not in _HINTS}
    return SignInNeeded(
        {"kind": KIND, "params": kept, "subject": wanted.subject},
        client.id,
        client.name,
        wanted.demands,
        asked.value("login_hint")[:256],
        step_up,
    )


def _answer(services: IdpServices, unit: Unit, asked: Asked, session: LiveSession) -> ToClient | NoAccess:
    client = asked.known_client
    key = client.application_key
    if key and not access_within(unit.connection, session.account.id, key):
        unit.audit.record(
            "gateway:authorization:refused",
            actor=Actor("account", session.account.id, session.id),
            target=client.id,
            outcome="refused",
            reason="no access",
        )
        if "none" in asked.prompts:
            return _to_client(services, asked, _error(ErrorCode.ACCESS_DENIED, "The account has no access."))
        return NoAccess(client.id, client.name, asked.value("ui_locales"))
    return _issue_code(services, unit, asked, session)


def _issue_code(services: IdpServices, unit: Unit, asked: Asked, session: LiveSession) -> ToClient:
    client, scope = asked.known_client, granted_scope(asked)
    claims = asked.claims.granted(client.scopes) if OPENID in scope else {}
    offline = OFFLINE_ACCESS in scope
    family_end = unit.now + services.settings.refresh_token_life
    new = NewGrant(
        unit.randomness.ulid(unit.now),
        client.id,
        session.account.id,
        None if offline else session.id,
        " ".join(scope),
        family_end if offline else min(family_end, session.expires_at),
        claims=claims or None,
    )
    code = unit.randomness.token(32)
    request = CodeRequest(
        scope,
        asked.value("code_challenge"),
        asked.value("nonce"),
        asked.value("resource"),
        Authentication(
            session.id,
            seconds(session.authenticated_at),
            class_told(_wanted(asked, ""), session.acr),
            tuple(session.amr),
            seconds(session.expires_at),
        ),
    )
    insert_grant(unit.connection, new, now=unit.now)
    insert_code(
        unit.connection,
        digest(code),
        new=new,
        redirect_uri=asked.value("redirect_uri"),
        request=request.to_json(),
        expires_at=unit.now + services.settings.code_life,
    )
    remember_client_of_session(unit.connection, session.id, client.id, now=unit.now)
    unit.audit.record(
        "gateway:authorization:granted",
        actor=Actor("account", session.account.id, session.id),
        target=client.id,
        details={"scope": new.scope, "family": new.id},
    )
    return _to_client(services, asked, {"code": code})


def _error(code: ErrorCode, description: str) -> dict[str, str]:
    return {"error": code.value, "error_description": description}


def _to_client(services: IdpServices, asked: Asked, parameters: Mapping[str, str]) -> ToClient:
    """Return an answer with ``state`` as it came and ``iss`` on success and on error (AZ-14, AZ-16)."""
    whole = dict(parameters)
    if asked.value("state"):
        whole["state"] = asked.value("state")
    whole["iss"] = services.issuer
    mode = asked.value("response_mode")
    return ToClient(
        asked.value("redirect_uri"),
        ResponseMode(mode) if mode in tuple(ResponseMode) else ResponseMode.QUERY,
        whole,
    )
