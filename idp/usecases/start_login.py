"""Starting a login flow."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from idp.domain.identification import typed_identifier
from idp.domain.login_flow import Demands, Flow, FlowKind
from idp.domain.session import LiveSession
from idp.storage.flows import add_flow
from idp.usecases.limits import FLOWS, take_from_place
from idp.usecases.services import IdpServices
from kernel.crypto import digest
from kernel.errors import BusyError


def start_login(
    services: IdpServices,
    *,
    browser: str,
    request: Mapping[str, object],
    client_id: str = "",
    client_name: str = "",
    demands: Demands | None = None,
    session: LiveSession | None = None,
    login_hint: str = "",
) -> str:
    """Start a flow bound to ``browser`` and return its token, which travels in the address.

    With a live ``session`` the flow steps that session up: its account is fixed, and a fresh proof is asked
    for only if ``demands`` say so. ``request`` is ``{"kind": "authorize", "params": ...}`` or
    ``{"kind": "page", "path": ...}``.

    Raises:
        BusyError: if strangers at this address have started more flows than people do.
    """
    wanted = demands or Demands()
    token = services.store.randomness.token(32)
    with services.store.write() as unit:
        # Anybody may have a flow kept without having proved anything: what one address may fill is bounded.
        wait = take_from_place(unit, services, FLOWS) if session is None else None
        if session is not None:
            fresh = wanted.wants_fresh(authenticated_at=session.authenticated_at, now=unit.now)
            wanted = dataclasses.replace(wanted, fresh=fresh)
        flow = Flow(
            id=digest(token),
            browser=digest(browser),
            kind=FlowKind.STEP_UP if session else FlowKind.SIGN_IN,
            account_id=session.account.id if session else None,
            session_id=session.id if session else None,
            client_id=client_id,
            client_name=client_name,
            login_hint=typed_identifier(login_hint),
            request=request,
            demands=wanted,
            session_acr=session.acr if session else "",
            proofs=(),
            step=0,
            tries=0,
            created_at=unit.now,
            expires_at=unit.now + services.settings.flow_life,
        )
        if wait is None:
            add_flow(unit.transaction, flow)
    if wait is not None:
        raise BusyError(retry_after=math.ceil(wait.total_seconds()))
    return token
