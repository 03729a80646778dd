"""Taking away what nobody can use any more, so that the token tables stay bounded."""

from __future__ import annotations

import datetime as dt

from idp.storage import consents, device_authorizations, pushed_requests
from idp.storage.client_secrets import sweep_to_show
from idp.storage.clients import sweep_assertions
from idp.storage.grants import sweep
from idp.usecases.services import IdpServices

KEEP = dt.timedelta(days=1)


def sweep_tokens(services: IdpServices) -> int:
    """Remove one batch of dead tokens, codes, grants and assertions; return how many rows were touched.

    Small batches keep the writer free for others; call it again while it returns something. What is removed
    was dead for a day; a spent refresh token stays as long as its family, so that its reuse is noticed.
    """
    with services.store.write() as unit:
        removed = sweep(unit.connection, now=unit.now, keep=KEEP, grace=services.settings.refresh_grace)
        removed += pushed_requests.sweep(unit.connection, before=unit.now - KEEP)
        removed += device_authorizations.sweep(unit.connection, before=unit.now - KEEP)
        removed += consents.sweep(unit.connection, before=unit.now - KEEP)
        removed += sweep_to_show(unit.connection, now=unit.now)
        return removed + sweep_assertions(unit.connection, now=unit.now)
