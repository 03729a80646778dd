"""Changing a client that is registered, by one operator at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.domain.client import Client
from idp.domain.client_metadata import kept
from idp.domain.client_record import Registration
from idp.domain.oauth import SECRET_METHODS
from idp.storage import clients
from idp.storage.client_register import find_registration
from idp.storage.client_secrets import SecretOf, remove_secrets, secret_ages
from idp.usecases.register_client import ClientOrder, RegistrationRefused, order_faults
from idp.usecases.secrets_to_show import keep_for_its_page
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.store import Unit

_COLUMNS = ("name", "description", "application_key", "launch_url", "profile", "first_party")


@dataclass(frozen=True, slots=True)
class ClientChanged:
    """The client is as it was ordered.

    ``changed`` names what differs, and is empty where nothing did. ``secret`` is one that it did not have
    before and needs now: shown this once.
    """

    client: Client
    changed: tuple[str, ...]
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ClientOutdated:
    """Somebody else changed the client meanwhile; nothing was stored. ``version`` is the present one."""

    version: int


@dataclass(frozen=True, slots=True)
class NoSuchClient:
    """There is no client by this id."""


def change_client(
    services: IdpServices, order: ClientOrder, *, version: int, actor: Actor
) -> ClientChanged | ClientOutdated | NoSuchClient | RegistrationRefused:
    """Change the client to what ``order`` says, if it is still at ``version``; disabled stays disabled.

    Whoever orders what stands already changes nothing, whatever the version: so the second of two clicks.

    What is wrong is told field by field. Its secrets stay, unless it proves itself in another way from now
    on: then they are gone, and one is made if the new way needs one.
    """
    metadata = kept(order.metadata)
    faults = order_faults(services, order, metadata)
    if faults:
        return RegistrationRefused(faults)
    with services.store.write() as unit:
        clients.hold_client_alone(unit.connection, order.id)
        known = find_registration(unit.connection, order.id)
        if known is None:
            return NoSuchClient()
        if "client_name" in known.metadata:  # a client that registered itself: one name, not two
            metadata["client_name"] = order.name
        changed = _differences(known, order, metadata)
        if not changed:
            return ClientChanged(known.client, ())
        if known.client.version != version:
            return ClientOutdated(known.client.version)
        values = {name: getattr(order, name) for name in _COLUMNS}
        values |= {"metadata": metadata, "updated_at": unit.now}
        clients.change_client(unit.connection, order.id, values)
        secret = _settle_secrets(unit, order.id, str(metadata["token_endpoint_auth_method"]))
        keep_for_its_page(unit, actor, order.id, secret, SecretOf.CLIENT)
        unit.audit.record(
            "gateway:client:changed", actor=actor, target=order.id, details={"changed": list(changed)}
        )
        stored = clients.find_client(unit.connection, order.id) or known.client
    services.clients.forget(order.id)
    return ClientChanged(stored, changed, secret)


def _differences(known: Registration, order: ClientOrder, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    found = [name for name in _COLUMNS if getattr(known.client, name) != getattr(order, name)]
    names = sorted({*known.metadata, *metadata})
    return (*found, *(name for name in names if known.metadata.get(name) != metadata.get(name)))


def _settle_secrets(unit: Unit, client_id: str, method: str) -> str:
    """Let the client have a secret exactly if its method is one with secrets; return a new one."""
    if method not in SECRET_METHODS:
        remove_secrets(unit.connection, client_id)
        return ""
    if secret_ages(unit.connection, client_id, now=unit.now):
        return ""
    secret = unit.randomness.token(32)
    clients.add_secret(unit.connection, client_id, digest(secret), now=unit.now)
    return secret
