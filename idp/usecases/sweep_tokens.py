"""Taking away what nobody can use any more, so that the token tables stay bounded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import Connection

from idp.storage import consents, device_authorizations, pushed_requests, token_sweeps
from idp.storage.client_secrets import sweep_to_show
from idp.storage.clients import sweep_assertions, sweep_proofs
from idp.usecases.services import IdpServices
from kernel.sweeping import Rest, no_rest, sweep_each

KEEP = dt.timedelta(days=1)


def sweep_tokens(services: IdpServices, *, rest: Rest = no_rest) -> int:
    """Remove some dead tokens, codes, grants and spent proofs; return how many rows were touched.

    Each kind is a unit of work of its own and of a few hundred rows at most, with a ``rest`` after it; call
    it again while it returns something. What is removed was dead for a day; a spent refresh token stays as
    long as its family, so that its reuse is noticed (RT-04).
    """
    now = services.store.clock.now()
    before, graced = now - KEEP, now - services.settings.refresh_grace
    sweeps: tuple[Callable[[Connection], int], ...] = (
        lambda connection: token_sweeps.sweep_access_tokens(connection, before=before),
        lambda connection: token_sweeps.sweep_codes(connection, before=before),
        lambda connection: token_sweeps.sweep_families(connection, before=before),
        lambda connection: token_sweeps.sweep_grants(connection, before=before),
        lambda connection: token_sweeps.wipe_answers(connection, issued_before=graced),
        lambda connection: pushed_requests.sweep(connection, before=before),
        lambda connection: device_authorizations.sweep(connection, before=before),
        lambda connection: consents.sweep(connection, before=before),
        lambda connection: sweep_to_show(connection, now=now),
        lambda connection: sweep_assertions(connection, now=now),
        lambda connection: sweep_proofs(connection, now=now),
    )
    return sweep_each(services.store.database, sweeps, rest=rest)
