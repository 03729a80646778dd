"""Giving a sign-in up for which an application waits."""

from __future__ import annotations

from idp.storage.flows import find_flow, give_up_flow
from idp.usecases.services import IdpServices
from kernel.audit import SYSTEM, Actor
from kernel.crypto import digest


def cancel_login(services: IdpServices, *, flow: str, browser: str) -> bool:
    """End a flow of this browser in no session, so that its client hears of it (RFC 6749 §4.1.2.1).

    Whatever was proved in it counts no more; a session that it was to step up stays as it is. The audit names
    the account, if one was proved or is signed in. False if the flow has ended, or no client waits for it.
    """
    with services.store.write() as unit:
        found = find_flow(unit.connection, digest(flow), digest(browser))
        if found is None or not give_up_flow(unit.connection, found.id, found.browser, now=unit.now):
            return False
        unit.audit.record(
            "gateway:sign-in:cancelled",
            actor=Actor("account", found.account_id) if found.account_id else SYSTEM,
            target=found.account_id or found.client_id,
            details={"flow": found.kind.value, "client": found.client_id},
        )
        return True
