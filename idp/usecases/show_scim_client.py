"""What an operator sees of SCIM clients: the list, and one of them whole. No token is among it (O2)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.client_record import ClientState
from idp.domain.page_by_id import PageById, page_by_id
from idp.domain.recorded_deed import RecordedDeed
from idp.domain.scim_client import StoredToken, fingerprint
from idp.domain.security_events import Stream
from idp.storage.client_register import find_registration
from idp.storage.deeds import deeds_on
from idp.storage.event_streams import count_waiting, stream_within
from idp.storage.scim_clients import static_tokens_of
from idp.storage.scim_register import (
    DEEDS,
    ScimRegistration,
    find_scim_registration,
    search_scim_registrations,
)
from idp.usecases.services import IdpServices
from kernel.crypto import digest

PAGE = 25
_MOST_DEEDS = 20


@dataclass(frozen=True, slots=True)
class ScimClientLine:
    """A SCIM client in the list, with its live static tokens, the oldest first."""

    registration: ScimRegistration
    tokens: tuple[StoredToken, ...]

    @property
    def last_used_at(self) -> dt.datetime | None:
        """When it was heard from last: by a token that lives, or as the record of requests says."""
        moments = (self.registration.last_request_at, *(each.last_used_at for each in self.tokens))
        return max((each for each in moments if each is not None), default=None)

    @property
    def next_expiry(self) -> dt.datetime | None:
        """When the next of its tokens ends by itself; None if none does."""
        return min((each.expires_at for each in self.tokens if each.expires_at), default=None)


@dataclass(frozen=True, slots=True)
class ScimClientDetail:
    """One SCIM client with what was done to it, newest first.

    ``is_oauth_client`` says that an OAuth client has its id, and ``oauth_disabled`` that this one is
    disabled, which shuts static tokens out, too. ``stream`` is where it hears of what it provisions, and
    ``waiting`` how many events it has not taken yet.
    """

    line: ScimClientLine
    deeds: tuple[RecordedDeed, ...]
    is_oauth_client: bool
    oauth_disabled: bool
    stream: Stream | None
    waiting: int = 0

    def named(self, name: str) -> StoredToken | None:
        """Return the live static token whose whole fingerprint is ``name``."""
        return next((each for each in self.line.tokens if each.fingerprint == name), None)

    def holding(self, token: str) -> StoredToken | None:
        """Return what is stored of a live static token."""
        return self.named(fingerprint(digest(token)))


def search_scim_clients(
    services: IdpServices,
    *,
    words: str = "",
    state: ClientState = ClientState.ALL,
    after: str = "",
    before: str = "",
) -> PageById[ScimClientLine]:
    """Return a page of the SCIM clients whose id or name holds every word, by id."""
    now = services.store.clock.now()
    with services.store.read() as connection:
        found = search_scim_registrations(
            connection,
            words=words.split(),
            disabled=state.disabled,
            after=after,
            before=before,
            limit=PAGE + 1,
        )
        tokens = static_tokens_of(connection, [each.client.id for each in found], now=now)
    lines = [ScimClientLine(each, tokens.get(each.client.id, ())) for each in found]
    return page_by_id(lines, lambda each: each.registration.client.id, size=PAGE, after=after, before=before)


def show_scim_client(services: IdpServices, client_id: str) -> ScimClientDetail | None:
    """Return one SCIM client whole, or None."""
    now = services.store.clock.now()
    with services.store.read() as connection:
        found = find_scim_registration(connection, client_id)
        if found is None:
            return None
        tokens = static_tokens_of(connection, [client_id], now=now).get(client_id, ())
        oauth = find_registration(connection, client_id)
        stream = stream_within(connection, client_id)
        return ScimClientDetail(
            ScimClientLine(found, tokens),
            deeds_on(connection, client_id, DEEDS, limit=_MOST_DEEDS),
            oauth is not None,
            oauth is not None and oauth.client.disabled,
            stream,
            count_waiting(connection, stream.id) if stream else 0,
        )
