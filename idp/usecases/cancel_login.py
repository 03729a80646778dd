"""Giving a sign-in up for which an application waits."""

from __future__ import annotations

from idp.storage.flows import give_up_flow
from idp.usecases.services import IdpServices
from kernel.crypto import digest


def cancel_login(services: IdpServices, *, flow: str, browser: str) -> bool:
    """End a flow of this browser in no session, so that its client hears of it (RFC 6749 §4.1.2.1).

    A session that it was to step up stays as it is. False if the flow has ended, or no client waits for it.
    """
    with services.store.write() as unit:
        return give_up_flow(unit.connection, digest(flow), digest(browser), now=unit.now)
