"""An operator ends a static bearer token of a SCIM client before its time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from idp.storage.scim_clients import lock_scim_client, remove_token, static_tokens
from idp.usecases.services import IdpServices
from kernel.audit import Actor

_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class ScimTokenRevoked:
    """The token opens nothing any more, on any node."""


class RevocationRefused(StrEnum):
    """Why no token was revoked."""

    UNKNOWN_CLIENT = "there is no such SCIM client"
    NO_SUCH = "the client has no live token with this fingerprint"


def revoke_scim_token(
    services: IdpServices, client_id: str, fingerprint: str, *, actor: Actor
) -> ScimTokenRevoked | RevocationRefused:
    """Revoke the token that ``fingerprint``, or its beginning, names; it counts from the next request on."""
    with services.store.write() as unit:
        if not lock_scim_client(unit.connection, client_id):
            return RevocationRefused.UNKNOWN_CLIENT
        named = [
            each
            for each in static_tokens(unit.connection, client_id, now=unit.now)
            if len(fingerprint) >= _SHORTEST and each.fingerprint.startswith(fingerprint.lower())
        ]
        if len(named) != 1 or not remove_token(unit.connection, client_id, named[0].digest):
            return RevocationRefused.NO_SUCH
        unit.audit.record(
            "gateway:scim-token:revoked",
            actor=actor,
            target=client_id,
            details={"fingerprint": named[0].fingerprint},
        )
    return ScimTokenRevoked()
