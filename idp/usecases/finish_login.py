"""The button at the end of the wizard (G-21)."""

from __future__ import annotations

from idp.domain.login_flow import FINISHING_STEPS
from idp.usecases.dispatcher import Position, finish, locate, page_of
from idp.usecases.flow_outcomes import Moved
from idp.usecases.services import IdpServices


def finish_login(services: IdpServices, *, flow: str, browser: str) -> Moved:
    """End the flow in a session if it needs nothing more; otherwise return where it stands."""
    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now, keep=True)
        if not isinstance(position, Position):
            return position
        if position.step not in FINISHING_STEPS:
            return page_of(unit.connection, services, position)
        return finish(unit, services, position)
