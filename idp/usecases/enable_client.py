"""Putting a disabled client into service again."""

from __future__ import annotations

from idp.storage import client_register
from idp.storage.client_endings import end_holdings, forget_requests
from idp.storage.clients import wait_for_issues
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def enable_client(services: IdpServices, client_id: str, *, actor: Actor) -> bool:
    """Enable a client; False if it was not disabled. What it had before stays dead: people sign in anew.

    What was issued at the very moment of its disabling ends here: it is waited for.
    """
    with services.store.write() as unit:
        forget_requests(unit.connection, client_id)
        wait_for_issues(unit.connection, client_id)
        done = client_register.enable_client(unit.connection, client_id, now=unit.now)
        if done:
            end_holdings(unit.connection, client_id, reason="client-disabled", now=unit.now)
            unit.audit.record("gateway:client:enabled", actor=actor, target=client_id)
    services.clients.forget(client_id)
    return done
