"""Showing a new secret on the one page that may, to the session that asked for it, once (CA-09)."""

from __future__ import annotations

from idp.domain.session import LiveSession
from idp.storage.client_secrets import SecretOf, take_to_show, waits_to_show
from idp.usecases.secrets_to_show import opened
from idp.usecases.services import IdpServices

__all__ = ["SecretOf", "secret_waits", "take_secret_up"]


def secret_waits(services: IdpServices, session: LiveSession, *, owner_id: str, of: SecretOf) -> bool:
    """Tell whether a secret that this session asked for still waits to be shown.

    After a double click a browser shows the answer to the second click, which makes no secret.
    """
    with services.store.read() as connection:
        return waits_to_show(connection, of, session.id, owner_id, now=services.store.clock.now())


def take_secret_up(services: IdpServices, session: LiveSession, *, owner_id: str, of: SecretOf) -> str:
    """Return the secret that waits for this session, once; empty if none does."""
    with services.store.write() as unit:
        sealed = take_to_show(unit.connection, of, session.id, owner_id, now=unit.now)
        return "" if sealed is None else opened(unit.sealer, sealed, session.id, owner_id, of)
