"""Forgetting provisioning requests that are older than they are kept."""

from __future__ import annotations

import datetime as dt

from idp.storage.provisioning_log import sweep
from idp.usecases.services import IdpServices
from kernel.randomness import first_ulid

_BATCH = 500


def sweep_provisioning_log(services: IdpServices, *, keep: dt.timedelta) -> int:
    """Remove one batch of the requests that are older than ``keep``; return how many.

    Small batches keep the writer free for others; call it again while it returns something.
    """
    before = first_ulid(services.store.clock.now() - keep)
    with services.store.database.write() as connection:
        return sweep(connection, before=before, limit=_BATCH)
