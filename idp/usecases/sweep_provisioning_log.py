"""Forgetting provisioning requests that are older than they are kept."""

from __future__ import annotations

import datetime as dt

from idp.storage.provisioning_log import sweep
from idp.usecases.services import IdpServices
from kernel.randomness import first_ulid
from kernel.sweeping import BATCH, Rest, Sweep, no_rest, sweep_each


def sweep_provisioning_log(services: IdpServices, *, keep: dt.timedelta, rest: Rest = no_rest) -> int:
    """Remove some of the requests that are older than ``keep``, then ``rest``; return how many.

    Call it again while it returns something.
    """
    before = first_ulid(services.store.clock.now() - keep)
    sweeps: dict[str, Sweep] = {"requests": lambda connection: sweep(connection, before=before, limit=BATCH)}
    return sweep_each(services.store.database, sweeps, rest=rest)
