"""Starting again what a lost flow was for."""

from __future__ import annotations

import dataclasses

from idp.domain.login_flow import FlowKind
from idp.domain.session import LiveSession
from idp.storage.flows import add_flow, find_flow
from idp.usecases.services import IdpServices
from kernel.crypto import digest


def restart_login(
    services: IdpServices, *, flow: str, browser: str, session: LiveSession | None
) -> str | None:
    """Return the token of a new flow with the target of an expired or abandoned one of this browser.

    No proof is taken over. None if there is no such flow, it is another browser's, or it has ended in a
    session already.
    """
    token = services.store.randomness.token(32)
    with services.store.write() as unit:
        old = find_flow(unit.connection, digest(flow), digest(browser))
        if old is None or old.finished_at is not None:
            return None
        new = dataclasses.replace(
            old,
            id=digest(token),
            kind=FlowKind.STEP_UP if session else FlowKind.SIGN_IN,
            account_id=session.account.id if session else None,
            session_id=session.id if session else None,
            session_acr=session.acr if session else "",
            proofs=(),
            step=0,
            tries=0,
            created_at=unit.now,
            expires_at=unit.now + services.settings.flow_life,
        )
        add_flow(unit.transaction, new)
    return token
