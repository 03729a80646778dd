"""Static bearer tokens of SCIM clients that know nothing else: shown once, kept as digests, two at a time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from idp.storage.scim_clients import (
    NewScimToken,
    add_scim_token,
    count_live_tokens,
    keep_newest_token,
    lock_scim_client,
    remove_other_tokens,
)
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest

PREFIX = "swscim_"
_MOST_LIVE = 2


@dataclass(frozen=True, slots=True)
class ScimTokenIssued:
    """The token works from now on. It is shown this once."""

    token: str = field(repr=False)


class ScimTokenRefused(StrEnum):
    """Why no token was made."""

    UNKNOWN_CLIENT = "there is no such SCIM client"
    TAKEN = "another SCIM client has this token"


def issue_scim_token(
    services: IdpServices, client_id: str, *, actor: Actor, life: dt.timedelta | None = None
) -> ScimTokenIssued | ScimTokenRefused:
    """Make a token for the client; the newest of its earlier ones lives on beside it, for rotation."""
    token = PREFIX + services.store.randomness.token(32)
    with services.store.write() as unit:
        if not lock_scim_client(unit.connection, client_id):
            return ScimTokenRefused.UNKNOWN_CLIENT
        if count_live_tokens(unit.connection, client_id, now=unit.now) >= _MOST_LIVE:
            keep_newest_token(unit.connection, client_id)
        new = NewScimToken(digest(token), client_id, unit.now + life if life is not None else None)
        add_scim_token(unit.connection, new, now=unit.now)
        unit.audit.record("gateway:scim-token:issued", actor=actor, target=client_id)
    return ScimTokenIssued(token)


def fix_scim_token(
    services: IdpServices, client_id: str, token: str, *, actor: Actor
) -> ScimTokenIssued | ScimTokenRefused:
    """Make ``token``, which somebody chose, the only one of the client: for laboratories."""
    with services.store.write() as unit:
        if not lock_scim_client(unit.connection, client_id):
            return ScimTokenRefused.UNKNOWN_CLIENT
        if not add_scim_token(unit.connection, NewScimToken(digest(token), client_id, None), now=unit.now):
            return ScimTokenRefused.TAKEN
        remove_other_tokens(unit.connection, client_id, digest(token))
        unit.audit.record("gateway:scim-token:fixed", actor=actor, target=client_id)
    return ScimTokenIssued(token)
