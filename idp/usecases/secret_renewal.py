"""A new secret beside the former one: what an operator's rotation and a client's own share. No deed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.storage import clients
from idp.storage.client_secrets import remove_secrets, secret_ages
from kernel.audit import Actor
from kernel.crypto import digest
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class StillRotating:
    """Two secrets work already: the former of them has to be retired first, or both replaced at once."""

    former_until: dt.datetime


def renewed_secret(unit: Unit, client_id: str, *, overlap: dt.timedelta, actor: Actor) -> str | StillRotating:
    """Give a client that the unit holds a new secret and return it; the former works on for ``overlap``.

    No more than two work at a time (CA-11). Without an overlap, for a secret that leaked, the others die at
    once.
    """
    if overlap:
        former = (age.expires_at for age in secret_ages(unit.connection, client_id, now=unit.now))
        until = next((each for each in former if each is not None), None)
        if until is not None:
            return StillRotating(until)
        clients.end_secrets(unit.connection, client_id, at=unit.now + overlap)
    else:
        remove_secrets(unit.connection, client_id)
    secret = unit.randomness.token(32)
    clients.add_secret(unit.connection, client_id, digest(secret), now=unit.now)
    unit.audit.record(
        "gateway:client:credential-rotated",
        actor=actor,
        target=client_id,
        details={"overlap_seconds": int(overlap.total_seconds())},
    )
    return secret
