"""Giving a client a new secret, with an overlap in which the former one still works (CA-11)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from idp.domain.oauth import SECRET_METHODS
from idp.storage import clients
from idp.storage.client_secrets import SecretOf
from idp.usecases.secret_renewal import StillRotating, renewed_secret
from idp.usecases.secrets_to_show import keep_for_its_page
from idp.usecases.services import IdpServices
from kernel.audit import Actor

DEFAULT_OVERLAP = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SecretRotated:
    """The new secret, shown this once and kept as a digest only (CA-09)."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoSecret:
    """There is no such client, or it proves itself without a secret."""


def rotate_client_secret(
    services: IdpServices, client_id: str, *, actor: Actor, overlap: dt.timedelta = DEFAULT_OVERLAP
) -> SecretRotated | NoSecret | StillRotating:
    """Give the client a new secret; the former works on for ``overlap``, and each use of it is audited.

    No more than two work at a time. Without an overlap, for a secret that leaked, all others die at once.
    Of two rotations at once one comes after the other.
    """
    with services.store.write() as unit:
        clients.hold_client_alone(unit.connection, client_id)
        found = clients.find_client(unit.connection, client_id)
        if found is None or found.auth_method not in SECRET_METHODS:
            return NoSecret()
        secret = renewed_secret(unit, client_id, overlap=overlap, actor=actor)
        if isinstance(secret, StillRotating):
            return secret
        clients.change_client(unit.connection, client_id, {"updated_at": unit.now})
        keep_for_its_page(unit, actor, client_id, secret, SecretOf.CLIENT)
    services.clients.forget(client_id)
    return SecretRotated(client_id, secret)
