"""Changing a SCIM client that is registered, by one operator at a time."""

from __future__ import annotations

from dataclasses import dataclass

from idp.storage.scim_clients import lock_scim_client, values_of
from idp.storage.scim_register import change_scim_registration, find_scim_registration
from idp.usecases.register_scim_client import ScimOrderRefused
from idp.usecases.services import IdpServices
from idp.usecases.store_scim_client import ScimClientOrder, ordered, refusals, told_of
from kernel.audit import Actor


@dataclass(frozen=True, slots=True)
class ScimClientChanged:
    """The client is as it was ordered, and at ``version``.

    ``changed`` names what differs, and is empty where nothing did.
    """

    changed: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True)
class ScimClientOutdated:
    """Somebody else changed the client meanwhile; nothing was stored. ``version`` is the present one."""

    version: int


@dataclass(frozen=True, slots=True)
class NoSuchScimClient:
    """There is no SCIM client by this id."""


def change_scim_client(
    services: IdpServices, order: ScimClientOrder, *, version: int, actor: Actor
) -> ScimClientChanged | ScimClientOutdated | NoSuchScimClient | ScimOrderRefused:
    """Change the client to what ``order`` says, if it is still at ``version``.

    Whoever orders what stands already changes nothing, whatever the version: so the second of two clicks.
    A disabled client stays disabled, whatever the order says, and its tokens stay as they are.
    """
    faults = refusals(order)
    if faults:
        return ScimOrderRefused(faults)
    values = values_of(ordered(order))
    with services.store.write() as unit:
        lock_scim_client(unit.connection, order.id)
        known = find_scim_registration(unit.connection, order.id)
        if known is None:
            return NoSuchScimClient()
        former = values_of(known.client)
        changed = tuple(name for name, value in values.items() if former[name] != value)
        if not changed:
            return ScimClientChanged((), known.version)
        if known.version != version:
            return ScimClientOutdated(known.version)
        change_scim_registration(unit.connection, order.id, values, now=unit.now)
        details = told_of(order) | {"disabled": known.client.disabled, "changed": [*changed]}
        unit.audit.record("gateway:scim-client:changed", actor=actor, target=order.id, details=details)
    return ScimClientChanged(changed, version + 1)
