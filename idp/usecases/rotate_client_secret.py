"""Giving a client a new secret, with an overlap in which the former one still works (CA-11)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from idp.domain.oauth import SECRET_METHODS
from idp.storage import clients
from idp.storage.client_secrets import remove_secrets, secret_ages
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


@dataclass(frozen=True, slots=True)
class StillRotating:
    """Two secrets work already: the former of them has to be retired first, or both replaced at once."""

    former_until: dt.datetime


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
        if overlap:
            former = [age.expires_at for age in secret_ages(unit.connection, client_id, now=unit.now)]
            for until in former:
                if until is not None:
                    return StillRotating(until)
            clients.end_secrets(unit.connection, client_id, at=unit.now + overlap)
        else:
            remove_secrets(unit.connection, client_id)
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
