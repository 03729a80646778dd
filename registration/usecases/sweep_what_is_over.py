"""Taking away what nobody can use any more: forms, attempts to sign in, and sessions long ended."""

from __future__ import annotations

import datetime as dt
from typing import Final

from kernel.sweeping import Rest, Sweep, no_rest, sweep_each
from registration.storage import drafts, sessions
from registration.usecases.services import RegistrationServices

KEEP_ENDED: Final = dt.timedelta(days=30)


def sweep_what_is_over(services: RegistrationServices, *, rest: Rest = no_rest) -> int:
    """Remove some rows of each kind, each in a unit of work of its own, and return how many.

    Call it again while it returns something.
    """
    now = services.store.clock.now()
    sweeps: dict[str, Sweep] = {
        "drafts": lambda connection: drafts.sweep(connection, now=now),
        "attempts": lambda connection: sessions.sweep_attempts(connection, now=now),
        "sessions": lambda connection: sessions.sweep_sessions(connection, before=now - KEEP_ENDED),
    }
    return sweep_each(services.store.database, sweeps, rest=rest)
