"""Asking a person whether an application may have what it asks for, and keeping the answer."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.client import Client
from idp.domain.one_time import is_token
from idp.domain.session import LiveSession
from idp.storage.accounts import keep_account
from idp.storage.clients import hold_client, look_up_client
from idp.storage.consents import decide_consent_request, find_consent_request, keep_consent
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest


@dataclass(frozen=True, slots=True)
class ConsentQuestion:
    """Who asks, for what, in the words of scopes, and where the answer goes."""

    client: Client
    scope: tuple[str, ...]
    redirect_uri: str


def look_at_consent(services: IdpServices, *, token: str, session: LiveSession) -> ConsentQuestion | None:
    """Return the question behind ``token``, if it was put to this very session and waits for its answer."""
    if not is_token(token):
        return None
    with services.store.read() as connection:
        now = services.store.clock.now()
        found = find_consent_request(connection, digest(token), session.id, now=now)
    client = look_up_client(services.store.database, found.client_id) if found else None
    if found is None or client is None or client.disabled:
        return None
    return ConsentQuestion(client, found.scope, found.request["params"]["redirect_uri"][0])


def decide_consent(services: IdpServices, *, token: str, session: LiveSession, allowed: bool) -> bool:
    """Answer the question once; a yes is remembered for the next time. False if nobody waits for it."""
    if not is_token(token):
        return False
    with services.store.write() as unit:
        keep_account(unit.connection, session.account.id)  # the questions of one go after it
        found = decide_consent_request(
            unit.connection, digest(token), session.id, allowed=allowed, now=unit.now
        )
        if found is None:
            return False
        if not hold_client(unit.connection, found.client_id):
            return False  # it ended its registration while the question was open
        if allowed:
            keep_consent(unit.connection, session.account.id, found.client_id, found.scope, now=unit.now)
        unit.audit.record(
            "gateway:consent:given" if allowed else "gateway:consent:refused",
            actor=Actor("account", session.account.id, session.id),
            target=found.client_id,
            details={"scope": " ".join(found.scope)},
        )
    return True
