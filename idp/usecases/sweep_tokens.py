"""Taking away what nobody can use any more, so that the token tables stay bounded."""

from __future__ import annotations

import datetime as dt

from idp.storage import consents, device_authorizations, pushed_requests, token_sweeps
from idp.storage.client_secrets import sweep_to_show
from idp.storage.clients import sweep_assertions, sweep_proofs
from idp.usecases.services import IdpServices
from kernel.sweeping import Crowd, Rest, Sweep, last_to_go, no_rest, sweep_crowds, sweep_each

KEEP = dt.timedelta(days=1)

MOST_QUESTIONS = 50_000
"""Of questions about consent no more than the newest are kept."""


def sweep_tokens(services: IdpServices, *, rest: Rest = no_rest, done: set[str] | None = None) -> int:
    """Remove some dead tokens, codes, grants and spent proofs; return how many rows were touched.

    Each kind is a unit of work of its own and of a few hundred rows at most, with a ``rest`` after it; call
    it again while it returns something, with the same ``done``: what is swept is not looked for again. What
    is removed was dead for a day; a spent refresh token stays as long as its family, so that its reuse is
    noticed (RT-04). A question about consent goes when it is over, or if too many wait.
    """
    database, now = services.store.database, services.store.clock.now()
    before, graced = now - KEEP, now - services.settings.refresh_grace
    sweeps: dict[str, Sweep] = {
        "access tokens": lambda connection: token_sweeps.sweep_access_tokens(connection, before=before),
        "codes": lambda connection: token_sweeps.sweep_codes(connection, before=before),
        "families": lambda connection: token_sweeps.sweep_families(connection, before=before),
        "answers": lambda connection: token_sweeps.wipe_answers(connection, issued_before=graced),
        "pushed requests": lambda connection: pushed_requests.sweep(connection, before=before),
        "device codes": lambda connection: device_authorizations.sweep(connection, before=before),
        "questions": lambda connection: consents.sweep(connection, before=now),
        "secrets to show": lambda connection: sweep_to_show(connection, now=now),
        "assertions": lambda connection: sweep_assertions(connection, now=now),
        "proofs": lambda connection: sweep_proofs(connection, now=now),
    }
    crowds = {
        "many questions": Crowd(
            lambda connection: last_to_go(connection, consents.OVER_AT, most=MOST_QUESTIONS),
            lambda connection, last: consents.sweep(connection, before=last),
        )
    }
    removed = sweep_each(database, sweeps, rest=rest, done=done)
    return removed + sweep_crowds(database, crowds, rest=rest, done=done)
