"""A client replaces its own registration (RFC 7592 §2.2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from idp.domain.client_metadata import MetadataError, MetadataFault
from idp.domain.oauth import ErrorCode, Fault
from idp.domain.self_registration import RENEWAL, assigned_names, renewal_fault
from idp.storage.clients import change_client
from idp.storage.self_registered import SelfRegistered, live_secrets, remove_secrets
from idp.usecases.register_client import ClientOrder, RegistrationRefused
from idp.usecases.secret_renewal import StillRotating, renewed_secret
from idp.usecases.self_registration import (
    Reading,
    RegistrationShown,
    end_of,
    find_managed,
    give_secret,
    managed,
    needs_secret,
    ordered,
    refused,
)
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest, same
from kernel.store import Unit

_JUDGED_BY_ANOTHER = Fault(
    ErrorCode.TEMPORARILY_UNAVAILABLE,
    "An operator changed the profile of the client meanwhile. Try again.",
    503,
    "registration",
    dt.timedelta(seconds=1),
)


def change_registration(
    services: IdpServices, client_id: str, document: Mapping[str, Any], *, token: str, reading: Reading
) -> RegistrationShown | RegistrationRefused | Fault:
    """Let ``document`` take the place of the whole registration: what it leaves out is gone.

    The client keeps its id, its profile, its registration access token and its secret; a client that proves
    itself by a secret from now on is given one. One that asks for another (``RENEWAL``) gets it beside the
    former, which works on for as long as it says. Of two changes at once one comes after the other, whole.
    """
    found = managed(services, client_id, token)
    if isinstance(found, Fault):
        return found
    client = found.client
    order = ordered(
        services,
        document,
        client_id=client_id,
        profile=client.profile,
        application_key=client.application_key,
    )
    refusal = _misstated(client_id, document, order) or refused(services, document, order, reading)
    if refusal is not None:
        return refusal
    with services.store.write() as unit:
        held = find_managed(unit, client_id, token, hold=True)
        if isinstance(held, Fault):
            return held
        shown = _replaced(unit, order, held, token, document)
    services.clients.forget(client_id)
    return shown


def _replaced(
    unit: Unit, order: ClientOrder, held: SelfRegistered, token: str, document: Mapping[str, Any]
) -> RegistrationShown | RegistrationRefused | Fault:
    if held.client.profile != order.profile:
        return _JUDGED_BY_ANOTHER
    if not _is_secret(unit, order.id, document.get("client_secret")):
        return _wrong("client_secret", "is not the client's")
    renewed = _renewed(unit, order.id, document.get(RENEWAL))
    if isinstance(renewed, StillRotating):
        return _wrong(RENEWAL, "has to wait until the former secret has ended, or be 0")
    return _changed(unit, order, held, token, renewed)


def _misstated(
    client_id: str, document: Mapping[str, Any], order: ClientOrder
) -> RegistrationRefused | Fault | None:
    if names := assigned_names(document):
        return Fault(ErrorCode.INVALID_REQUEST, f"{names[0]} is not for the client to state.")
    if document.get("client_id") != client_id:
        return _wrong("client_id", "has to be the client's own")
    fault = renewal_fault(document, order.metadata)
    return _wrong(RENEWAL, fault) if fault else None


def _changed(
    unit: Unit, order: ClientOrder, held: SelfRegistered, token: str, renewed: str
) -> RegistrationShown:
    metadata = dict(order.metadata)
    values = {"name": order.name, "metadata": metadata, "updated_at": unit.now}
    change_client(unit.connection, order.id, values)
    secret, until = "", None
    if not needs_secret(metadata):
        remove_secrets(unit.connection, order.id)
    else:
        secrets = live_secrets(unit.connection, order.id, now=unit.now)
        secret = renewed if secrets else give_secret(unit, order.id)
        until = end_of(secrets.values()) if secrets else 0
    unit.audit.record(
        "gateway:client:changed",
        actor=Actor("client", order.id),
        target=order.id,
        details={"method": str(metadata["token_endpoint_auth_method"])},
    )
    return RegistrationShown(order.id, held.created_at, metadata, token, secret, until)


def _renewed(unit: Unit, client_id: str, overlap: int | None) -> str | StillRotating:
    """Return the new secret of a client that asks for one beside those it has, or an empty text."""
    if overlap is None or not live_secrets(unit.connection, client_id, now=unit.now):
        return ""
    span = dt.timedelta(seconds=overlap)
    return renewed_secret(unit, client_id, overlap=span, actor=Actor("client", client_id))


def _is_secret(unit: Unit, client_id: str, stated: object) -> bool:
    """Tell whether what a client states as its secret is one of its own; it need not state any."""
    if stated is None:
        return True
    if not isinstance(stated, str):
        return False
    known = live_secrets(unit.connection, client_id, now=unit.now)
    return any(same(each, digest(stated)) for each in known)


def _wrong(name: str, message: str) -> RegistrationRefused:
    return RegistrationRefused((MetadataFault(MetadataError.METADATA, name, message),))
