"""An operator looks at the SCIM clients and their static tokens."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.scim_client import StoredScimClient, StoredToken
from idp.storage import scim_clients as rows
from idp.usecases.services import IdpServices


@dataclass(frozen=True, slots=True)
class ScimClientView:
    """A SCIM client and its live static tokens, the oldest first."""

    client: StoredScimClient
    tokens: tuple[StoredToken, ...]


def list_scim_clients(services: IdpServices) -> tuple[ScimClientView, ...]:
    """Return every SCIM client, by id."""
    now = services.store.clock.now()
    with services.store.read() as connection:
        clients = rows.list_scim_clients(connection)
        tokens = rows.static_tokens_of(connection, [each.id for each in clients], now=now)
    return tuple(ScimClientView(each, tokens.get(each.id, ())) for each in clients)
