"""Looking at a login flow: nothing changes, however often one looks."""

from __future__ import annotations

from idp.usecases.dispatcher import Position, first_page, locate, locate_stranger, page_of
from idp.usecases.flow_outcomes import AlreadyDone, FlowLost, FlowPage
from idp.usecases.services import IdpServices


def look_at_flow(services: IdpServices, *, flow: str, browser: str) -> FlowPage | FlowLost | AlreadyDone:
    """Return what the flow waits for, for the browser it is bound to."""
    now = services.store.clock.now()
    stranger = locate_stranger(services, token=flow, browser=browser, now=now)
    if stranger is not None:
        return first_page(services, stranger) if isinstance(stranger, Position) else stranger
    with services.store.read() as connection:
        position = locate(connection, services, token=flow, browser=browser, now=now)
        if not isinstance(position, Position):
            return position
        return page_of(connection, services, position)
