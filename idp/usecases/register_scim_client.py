"""An operator registers a SCIM client that was not known before."""

from __future__ import annotations

from dataclasses import dataclass

from idp.storage.scim_register import add_scim_client
from idp.usecases.services import IdpServices
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientRefused, ordered, refusals, told_of
from kernel.audit import Actor


@dataclass(frozen=True, slots=True)
class ScimClientRegistered:
    """The client stands, enabled and without a token."""


@dataclass(frozen=True, slots=True)
class ScimOrderRefused:
    """Nothing was stored; ``faults`` says all that is wrong."""

    faults: tuple[ScimClientRefused, ...]


@dataclass(frozen=True, slots=True)
class ScimClientTaken:
    """There is a client by this id, which stays as it is."""


def register_scim_client(
    services: IdpServices, order: ScimClientOrder, *, actor: Actor
) -> ScimClientRegistered | ScimOrderRefused | ScimClientTaken:
    """Register the client of ``order``; of two who take one id at once the later is refused."""
    faults = refusals(order)
    if faults:
        return ScimOrderRefused(faults)
    with services.store.write() as unit:
        if not add_scim_client(unit.connection, ordered(order), now=unit.now):
            return ScimClientTaken()
        unit.audit.record(
            "gateway:scim-client:registered", actor=actor, target=order.id, details=told_of(order)
        )
    return ScimClientRegistered()
