"""Looking at the registered clients."""

from __future__ import annotations

from idp.domain.client import Client
from idp.storage import clients
from idp.usecases.services import IdpServices


def list_clients(services: IdpServices) -> list[Client]:
    """Return every client by id; no secret is among what is returned (CA-09)."""
    with services.store.read() as connection:
        return clients.list_clients(connection)
