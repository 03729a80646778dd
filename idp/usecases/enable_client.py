"""Putting a disabled client into service again."""

from __future__ import annotations

from idp.storage import client_register
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def enable_client(services: IdpServices, client_id: str, *, actor: Actor) -> bool:
    """Enable a client; False if it was not disabled. What it had before stays dead: people sign in anew."""
    with services.store.write() as unit:
        done = client_register.enable_client(unit.connection, client_id, now=unit.now)
        if done:
            unit.audit.record("gateway:client:enabled", actor=actor, target=client_id)
    services.clients.forget(client_id)
    return done
