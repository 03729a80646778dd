"""The grant that a person's sign-in gives a client, by a redirect or to a device. Parts of deeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.domain.client import Client
from idp.domain.scope import OFFLINE_ACCESS
from idp.domain.session import LiveSession
from idp.domain.tokens import Authentication, seconds
from idp.storage.grants import NewGrant, insert_grant, remember_client_of_session
from idp.usecases.minting import StaleClientError
from idp.usecases.services import IdpServices
from idp.usecases.subjects import subject_of
from kernel.store import Unit


def grant_of_session(
    services: IdpServices,
    unit: Unit,
    client: Client,
    session: LiveSession,
    *,
    scope: tuple[str, ...],
    claims: Mapping[str, Any] | None = None,
) -> NewGrant:
    """Return the grant of ``scope``, before it is stored; it ends with the session unless it is offline."""
    offline = OFFLINE_ACCESS in scope
    family_end = unit.now + services.settings.refresh_token_life
    return NewGrant(
        unit.randomness.ulid(unit.now),
        client.id,
        session.account.id,
        None if offline else session.id,
        " ".join(scope),
        family_end if offline else min(family_end, session.expires_at),
        subject=subject_of(services, client, session.account.id),
        claims=claims or None,
    )


def store_grant(unit: Unit, new: NewGrant, session: LiveSession) -> None:
    """Store the grant, and note that the client hears of the session's end.

    Raises:
        StaleClientError: if client or account were switched off a moment ago; nothing was stored.
    """
    if not insert_grant(unit.connection, new, now=unit.now):
        raise StaleClientError(client=new.client_id)
    remember_client_of_session(unit.transaction, session.id, new.client_id, now=unit.now)


def authentication_in(session: LiveSession, *, acr: str) -> Authentication:
    """Return how the person of a session signed in; ``acr`` is the class that is told of it."""
    return Authentication(
        session.id,
        seconds(session.authenticated_at),
        acr,
        tuple(session.amr),
        seconds(session.expires_at),
    )
