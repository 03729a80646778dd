"""A client ends its own registration (RFC 7592 §2.3)."""

from __future__ import annotations

from idp.domain.oauth import Fault
from idp.storage.client_endings import end_holdings, forget_requests, remove_client
from idp.storage.client_register import DELETED
from idp.usecases.self_registration import find_managed, managed
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def withdraw_registration(services: IdpServices, client_id: str, *, token: str) -> Fault | None:
    """Remove the client with its secrets, grants, codes and tokens, all in one; None once it is gone."""
    found = managed(services, client_id, token)
    if isinstance(found, Fault):
        return found
    with services.store.write() as unit:
        forget_requests(unit.connection, client_id)  # before the client is held, as whoever answers one does
        held = find_managed(unit, client_id, token, hold=True)
        if isinstance(held, Fault):
            return held
        ended = end_holdings(unit.connection, client_id, reason="client-deleted", now=unit.now)
        version = remove_client(unit.connection, client_id)
        unit.audit.record(
            DELETED,
            actor=Actor("client", client_id),
            target=client_id,
            details={"grants": ended.grants, "version": version},
        )
    services.clients.forget(client_id)
    return None
