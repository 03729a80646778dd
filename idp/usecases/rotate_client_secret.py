"""Giving a client a new secret, with an overlap in which the former one still works (CA-11)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from idp.domain.oauth import SECRET_METHODS
from idp.storage import clients
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.crypto import digest

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
) -> SecretRotated | NoSecret:
    """Give the client a new secret; former ones work on for ``overlap``, and each use of one is audited."""
    with services.store.write() as unit:
        found = clients.find_client(unit.connection, client_id)
        if found is None or found.auth_method not in SECRET_METHODS:
            return NoSecret()
        clients.end_secrets(unit.connection, client_id, at=unit.now + overlap)
        secret = unit.randomness.token(32)
        clients.add_secret(unit.connection, client_id, digest(secret), now=unit.now)
        clients.change_client(unit.connection, client_id, {"updated_at": unit.now})
        unit.audit.record(
            "gateway:client:credential-rotated",
            actor=actor,
            target=client_id,
            details={"overlap_seconds": int(overlap.total_seconds())},
        )
    services.clients.forget(client_id)
    return SecretRotated(client_id, secret)
