"""A client registers itself (RFC 7591 §3, OpenID Connect Registration §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.domain.oauth import Fault
from idp.domain.self_registration import CLOSED, OPEN
from idp.domain.token_form import INITIAL, MANAGEMENT, is_mistyped, with_check
from idp.storage import clients
from idp.storage.registration_tokens import (
    RegistrationToken,
    find_registration_token,
    spend_registration_token,
)
from idp.usecases.limits import REGISTRATIONS, take_from_place
from idp.usecases.register_client import ClientOrder, RegistrationRefused
from idp.usecases.self_registration import (
    LONGEST_REGISTRATION_TOKEN,
    UNKNOWN_TOKEN,
    Reading,
    RegistrationShown,
    give_secret,
    needs_secret,
    ordered,
    refused,
    too_many,
)
from idp.usecases.services import IdpServices
from kernel.audit import SYSTEM, Actor
from kernel.crypto import digest
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class _Admitted:
    """Who lets the client in. ``digest`` is that of the token that is to be spent; empty: there is none."""

    by: str = OPEN
    digest: bytes = b""
    profile: str = ""
    application_key: str = ""


def register_itself(
    services: IdpServices, document: Mapping[str, Any], *, token: str, reading: Reading
) -> RegistrationShown | RegistrationRefused | Fault:
    """Register the client that ``document`` describes, for whoever brings a token that allows it.

    Without a token nobody registers anything, unless the settings open it to everybody. The place is counted
    before the token is looked at, the token is looked at before anything is fetched, and it is spent with the
    client's row: what is refused costs no use of it.
    """
    admitted = _admitted(services, token)
    if isinstance(admitted, Fault):
        return admitted
    now = services.store.clock.now()
    order = ordered(
        services,
        document,
        client_id=f"client-{services.store.randomness.ulid(now).lower()}",
        profile=admitted.profile or services.settings.registration_profile,
        application_key=admitted.application_key,
    )
    refusal = refused(services, document, order, reading)
    if refusal is not None:
        return refusal
    with services.store.write() as unit:
        if (
            admitted.digest
            and spend_registration_token(unit.connection, admitted.digest, now=unit.now) is None
        ):
            return UNKNOWN_TOKEN
        return _stored(unit, order, admitted)


def _admitted(services: IdpServices, token: str) -> _Admitted | Fault:
    if services.settings.registration == CLOSED:
        return UNKNOWN_TOKEN
    with services.store.write() as unit:
        wait = take_from_place(unit, services, REGISTRATIONS)
        if wait is not None:
            return too_many(wait)
        if not token and services.settings.registration == OPEN:
            return _Admitted()
        found = _known(unit, token)
        if found is None:
            unit.audit.record(
                "gateway:registration:refused", actor=SYSTEM, outcome="refused", reason="registration"
            )
            return UNKNOWN_TOKEN
        return _Admitted(found.id, digest(token), found.profile, found.application_key)


def _known(unit: Unit, token: str) -> RegistrationToken | None:
    if not 0 < len(token) <= LONGEST_REGISTRATION_TOKEN or is_mistyped(INITIAL, token):
        return None
    return find_registration_token(unit.connection, digest(token), now=unit.now)


def _stored(unit: Unit, order: ClientOrder, admitted: _Admitted) -> RegistrationShown:
    management = with_check(MANAGEMENT, unit.randomness.token(32))
    row = {
        "id": order.id,
        "name": order.name,
        "description": "",
        "application_key": order.application_key,
        "launch_url": "",
        "profile": order.profile,
        "first_party": order.first_party,
        "metadata": dict(order.metadata),
        "version": 1,
        "created_at": unit.now,
        "updated_at": unit.now,
        "registered_by": admitted.by,
        "registration_digest": digest(management),
    }
    if not clients.insert_client(unit.connection, row):
        raise RuntimeError("an identifier that was just drawn is taken")
    with_secret = needs_secret(order.metadata)
    secret = give_secret(unit, order.id) if with_secret else ""
    unit.audit.record(
        "gateway:client:registered",
        actor=Actor("client", order.id),
        target=order.id,
        details={
            "method": str(order.metadata["token_endpoint_auth_method"]),
            "profile": order.profile,
            "registered_by": admitted.by,
        },
    )
    until = 0 if with_secret else None
    return RegistrationShown(order.id, unit.now, order.metadata, management, secret, until)
