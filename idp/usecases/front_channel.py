"""Telling clients through the browser that its session is over (Front-Channel Logout 1.0). Part of deeds."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.browser_addresses import logout_frame
from idp.storage.endings import clients_signed_in_to
from idp.usecases.services import IdpServices
from idp.usecases.subjects import session_of
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class LogoutFrame:
    """A frame for the page that says that one is signed out: whose it is, and where it leads."""

    client_id: str
    client_name: str
    address: str


def logout_frames(unit: Unit, services: IdpServices, *, session_id: str) -> tuple[LogoutFrame, ...]:
    """Return a frame for each client that the session signed in to and that registered one (§2, §3).

    Disabled clients get none.
    """
    return tuple(
        LogoutFrame(
            client.id,
            client.name,
            logout_frame(
                client.frontchannel_logout_uri,
                issuer=services.issuer,
                session_id=session_of(services, client, session_id),
            ),
        )
        for client in clients_signed_in_to(unit.connection, session_id)
        if client.frontchannel_logout_uri and not client.disabled
    )
