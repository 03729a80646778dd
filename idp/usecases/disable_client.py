"""Taking a client out of service at once."""

from __future__ import annotations

from idp.storage import clients
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def disable_client(services: IdpServices, client_id: str, *, actor: Actor, reason: str = "") -> bool:
    """Disable a client: it gets nothing more, and what it has is dead. False if it was not enabled."""
    with services.store.write() as unit:
        done = clients.disable_client(unit.connection, client_id, now=unit.now)
        if done:
            unit.audit.record("gateway:client:disabled", actor=actor, target=client_id, reason=reason)
    services.clients.forget(client_id)
    return done
