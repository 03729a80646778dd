"""Ending the overlap of a rotation: the former secret dies now."""

from __future__ import annotations

from idp.storage import clients
from idp.storage.client_secrets import remove_former_secrets
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def retire_client_secret(services: IdpServices, client_id: str, *, actor: Actor) -> bool:
    """Let the secret that a newer one replaced die at once (CA-11); False if there is none."""
    with services.store.write() as unit:
        done = remove_former_secrets(unit.connection, client_id) > 0
        if done:
            clients.change_client(unit.connection, client_id, {"updated_at": unit.now})
            unit.audit.record("gateway:client:credential-retired", actor=actor, target=client_id)
    services.clients.forget(client_id)
    return done
