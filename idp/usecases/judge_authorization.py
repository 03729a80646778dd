"""What an authorization request asks for, and what stands between it and its answer. Nothing is written here.

A request that waits for its person is kept as it was read, and judged once more when it is taken up again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.domain.authorization_request import PARAMETERS, AuthorizationRequest
from idp.domain.consent import consent_needed, covers
from idp.domain.interaction import Wanted
from idp.domain.session import LiveSession
from idp.storage.clients import find_client
from idp.storage.consents import consent_given
from idp.usecases.entrance import may_enter
from idp.usecases.services import IdpServices
from idp.usecases.subjects import subject_of
from kernel.store import Unit

KIND = "authorize"
"""What a login flow keeps is of this kind if it is an authorization request."""

_HINTS = frozenset({"id_token_hint", "login_hint"})


@dataclass(frozen=True, slots=True)
class NoAccess:
    """The account holds no membership that opens the client's application: a page says whom to ask."""

    client_id: str
    client_name: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class ConsentMissing:
    """The person was not asked yet whether the client may have ``scope``."""

    scope: tuple[str, ...]


def sign_in_wanted(request: AuthorizationRequest, subject: str) -> Wanted:
    """Return what the request asks of the sign-in; ``subject`` is the account that it names, or empty."""
    client = request.known_client
    max_age = int(request.value("max_age")) if request.value("max_age") else client.default_max_age
    claims = request.claims
    own = claims.acr or tuple(request.value("acr_values").split())
    essential = claims.acr_is_essential
    return Wanted(
        request.prompts,
        max_age,
        (own or client.default_acr)[:10],
        subject,
        acr_is_essential=essential,
        acr_is_voluntary=bool(own) and not essential,
    )


def account_named(
    services: IdpServices, request: AuthorizationRequest, subject: str, session: LiveSession | None
) -> str:
    """Return the account behind a subject that was named: the session's, or one that is nobody here."""
    if not subject or session is None:
        return subject
    own = subject_of(services, request.known_client, session.account.id)
    return session.account.id if subject == own else f"{request.known_client.id}:{subject}"


def waiting_form(request: AuthorizationRequest, subject: str) -> dict[str, object]:
    """Return the request as it waits in a login flow: as it was read, so that nothing is opened twice."""
    return {
        "kind": KIND,
        "params": {name: list(values) for name, values in request.parameters.items() if name not in _HINTS},
        "subject": subject,
        **({"pushed": request.pushed.hex()} if request.pushed else {}),
        **({"signed": True} if request.signed else {}),
    }


def read_waiting(unit: Unit, waiting: Mapping[str, Any]) -> AuthorizationRequest:
    """Return a request that waited, with its client as the units before this one left it.

    It waited as it was read: what it was pushed or signed as is not looked for again.
    """
    parameters, pushed = waiting["params"], waiting.get("pushed")
    client_id = next(iter(parameters.get("client_id", ())), "")
    return AuthorizationRequest(
        {name: list(parameters[name]) for name in PARAMETERS if parameters.get(name)},
        find_client(unit.connection, client_id),
        pushed=bytes.fromhex(pushed) if pushed else None,
        signed=bool(waiting.get("signed")),
    )


def obstacle(
    unit: Unit, request: AuthorizationRequest, session: LiveSession, *, just_decided: bool = False
) -> NoAccess | ConsentMissing | None:
    """Return why this person's answer has to wait, or None: no access, or a question not put yet.

    A client that is not the operator's own has to wait for a yes. That is remembered, so it is asked once;
    ``prompt=consent`` asks again, once (``just_decided``).
    """
    client = request.known_client
    if not may_enter(unit, client, session.account):
        return NoAccess(client.id, client.name, request.value("ui_locales"))
    if client.first_party:
        return None
    needed = consent_needed(request)
    given = consent_given(unit.connection, session.account.id, client.id)
    again = "consent" in request.prompts and not just_decided
    return None if covers(given, needed) and not again else ConsentMissing(needed)
