"""Taking a SCIM client out of service at once, and putting it back."""

from __future__ import annotations

from idp.storage.scim_register import switch_scim_client as switch
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def switch_scim_client(
    services: IdpServices, client_id: str, *, enabled: bool, actor: Actor, reason: str = ""
) -> bool:
    """Enable the client or disable it; False if it is so already, or there is none.

    A disabled client is let in by no token, from its next request on. What it made stays as it is, and its
    tokens open again what they did once it is enabled.
    """
    with services.store.write() as unit:
        done = switch(unit.connection, client_id, enabled=enabled, now=unit.now)
        if done:
            unit.audit.record(
                f"gateway:scim-client:{'enabled' if enabled else 'disabled'}",
                actor=actor,
                target=client_id,
                reason=reason,
            )
    return done
