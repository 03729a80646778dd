"""Deleting a client with everything it has."""

from __future__ import annotations

from idp.storage.client_endings import end_holdings, forget_requests, remove_client
from idp.storage.client_register import DELETED
from idp.storage.clients import wait_for_issues
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def delete_client(services: IdpServices, client_id: str, *, actor: Actor, reason: str = "") -> bool:
    """Delete a client with its secrets, consents, event stream, grants and tokens; False if there is none.

    All of it is one transaction (RFC 7592 §2.3). The audit keeps what was done to it and by whom; accounts
    that it provisioned stay.
    """
    with services.store.write() as unit:
        forget_requests(unit.connection, client_id)
        wait_for_issues(unit.connection, client_id)
        ended = end_holdings(unit.connection, client_id, reason="client-deleted", now=unit.now)
        version = remove_client(unit.connection, client_id)
        if version is not None:
            unit.audit.record(
                DELETED,
                actor=actor,
                target=client_id,
                reason=reason,
                details={"grants": ended.grants, "version": version},
            )
    services.clients.forget(client_id)
    return version is not None
