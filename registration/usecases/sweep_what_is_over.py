"""Taking away what nobody can use any more: forms, attempts to sign in, and sessions long ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from kernel.sweeping import Rest, no_rest, sweep_each
from registration.storage import drafts, sessions
from registration.usecases.services import RegistrationServices

KEEP_ENDED: Final = dt.timedelta(days=30)


def sweep_what_is_over(services: RegistrationServices, *, rest: Rest = no_rest) -> int:
    """Remove some rows of each kind, each in a unit of work of its own, and return how many.

    Call it again while it returns something.
    """
    now = services.store.clock.now()
    sweeps: tuple[Callable[[Connection], int], ...] = (
        lambda connection: drafts.sweep(connection, now=now),
        lambda connection: sessions.sweep_attempts(connection, now=now),
        lambda connection: sessions.sweep_sessions(connection, before=now - KEEP_ENDED),
    )
    return sweep_each(services.store.database, sweeps, rest=rest)
