"""Forgetting clients that registered themselves and that nobody ever used."""

from __future__ import annotations

import datetime as dt
import time

from idp.storage.client_register import DELETED
from idp.storage.self_registered import find_unused, remove_unused
from idp.usecases.services import IdpServices
from kernel.audit import SYSTEM
from kernel.sweeping import BATCH, Rest, no_rest


def sweep_unused_clients(services: IdpServices, *, rest: Rest = no_rest) -> int:
    """Delete some clients that registered themselves long ago and are not used; return how many.

    Each goes in a unit of work of its own with a ``rest`` after it, as if it had been deleted, and the audit
    tells so. Call it again while it returns something. Not used is a client that nobody allowed anything, or
    that everybody took it back from, and that holds no grant and no stream of events. One that an operator
    disabled stays.
    """
    life = services.settings.unused_client_life
    if life <= dt.timedelta(0):
        return 0
    before = services.store.clock.now() - life
    with services.store.read() as connection:
        found = find_unused(connection, before=before, limit=BATCH)
    removed = 0
    for client_id in found:
        with services.store.write() as unit:
            begun = time.monotonic()
            version = remove_unused(unit.connection, client_id, before=before)
            if version is not None:
                unit.audit.record(
                    DELETED, actor=SYSTEM, target=client_id, reason="unused", details={"version": version}
                )
        services.clients.forget(client_id)
        rest(time.monotonic() - begun)
        removed += version is not None
    return removed
