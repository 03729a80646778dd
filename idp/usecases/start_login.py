"""Starting a login flow, and taking its request up again once it has ended."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

from idp.domain.identification import typed_identifier
from idp.domain.login_flow import Demands, Flow, FlowKind
from idp.domain.session import LiveSession
from idp.storage.flows import add_flow, resume_flow
from idp.usecases.limits import FLOWS, take_from_place
from idp.usecases.services import IdpServices
from kernel.crypto import digest
from kernel.errors import BusyError
from kernel.store import Unit


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


@dataclass(frozen=True, slots=True)
class FinishedFlow:
    """A flow that ended, with the request that it interrupted; in no session if the person gave it up."""

    kind: FlowKind
    request: Mapping[str, object]
    client_id: str
    account_id: str | None
    session_id: str | None
    demands: Demands


def take_up(unit: Unit, flow_token: str, browser: str) -> FinishedFlow | None:
    """Take the request of a finished flow up: one conditional UPDATE lets one do it, None the others."""
    identifier, bound = digest(flow_token), digest(browser)
    flow = resume_flow(unit.connection, identifier, bound, now=unit.now)
    return None if flow is None else _finished(flow)


def _finished(flow: Flow) -> FinishedFlow | None:
    if flow.finished_at is None:
        return None
    return FinishedFlow(
        flow.kind, flow.request, flow.client_id, flow.account_id, flow.session_id, flow.demands
    )
