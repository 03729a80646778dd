"""Looking at the one client that a page is about."""

from __future__ import annotations

from idp.domain.client import Client
from idp.usecases.services import IdpServices


def look_at_client(services: IdpServices, client_id: str) -> Client | None:
    """Return an enabled client as it was within the last second, or None."""
    found, _ = services.clients.recall(services.store, client_id) if client_id else (None, True)
    return found.client if found is not None and not found.client.disabled else None
