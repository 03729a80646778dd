"""What an operator sees of clients: the list, and one of them whole. No secret is among it (CA-09)."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.client_record import ClientState, Holdings, Registration, SecretAge
from idp.domain.page_by_id import PageById, page_by_id
from idp.domain.recorded_deed import RecordedDeed
from idp.storage.client_endings import holdings
from idp.storage.client_register import DEEDS, REGISTERED, find_registration, search_registrations
from idp.storage.client_secrets import secret_ages
from idp.storage.deeds import deeds_on, last_deed_on
from idp.storage.registration_tokens import registration_token_name
from idp.storage.scim_register import find_scim_registration
from idp.usecases.services import IdpServices

PAGE = 25
_MOST_DEEDS = 10


@dataclass(frozen=True, slots=True)
class ClientDetail:
    """One client with what lives of it and what was done to it, newest first.

    ``let_in_by`` names the registration token that a client registered itself with, if it did, and
    ``is_scim_client`` says that a SCIM client has its id.
    """

    registration: Registration
    made_by: RecordedDeed | None
    deeds: tuple[RecordedDeed, ...]
    secrets: tuple[SecretAge, ...]
    holdings: Holdings
    let_in_by: str = ""
    is_scim_client: bool = False


def search_clients(
    services: IdpServices,
    *,
    words: str = "",
    state: ClientState = ClientState.ALL,
    after: str = "",
    before: str = "",
) -> PageById[Registration]:
    """Return a page of the clients whose id or name holds every word, by id."""
    with services.store.read() as connection:
        found = search_registrations(
            connection,
            words=words.split(),
            disabled=state.disabled,
            after=after,
            before=before,
            limit=PAGE + 1,
        )
    return page_by_id(found, lambda each: each.client.id, size=PAGE, after=after, before=before)


def show_client(services: IdpServices, client_id: str) -> ClientDetail | None:
    """Return one client whole, or None."""
    now = services.store.clock.now()
    with services.store.read() as connection:
        found = find_registration(connection, client_id)
        if found is None:
            return None
        return ClientDetail(
            found,
            last_deed_on(connection, client_id, REGISTERED),
            deeds_on(connection, client_id, DEEDS, limit=_MOST_DEEDS),
            secret_ages(connection, client_id, now=now),
            holdings(connection, client_id, now=now),
            registration_token_name(connection, found.client.registered_by),
            find_scim_registration(connection, client_id) is not None,
        )
