"""Taking a client out of service at once."""

from __future__ import annotations

from idp.storage import clients
from idp.storage.client_endings import end_holdings
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def disable_client(services: IdpServices, client_id: str, *, actor: Actor, reason: str = "") -> bool:
    """Disable a client: it gets nothing more, and what it has is dead. False if it was not enabled.

    Its grants and tokens are revoked in the same transaction, so that none lives again when it is enabled.
    """
    with services.store.write() as unit:
        done = clients.disable_client(unit.connection, client_id, now=unit.now)
        if done:
            ended = end_holdings(unit.connection, client_id, reason="client-disabled", now=unit.now)
            unit.audit.record(
                "gateway:client:disabled",
                actor=actor,
                target=client_id,
                reason=reason,
                details={"grants": ended.grants},
            )
    services.clients.forget(client_id)
    return done
