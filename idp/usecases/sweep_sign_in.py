"""Clearing away what sign-ins leave behind once it can never matter again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import Connection

from idp.storage import devices, flows, lockouts, one_time, sessions
from idp.storage.factors import sweep_challenges
from idp.usecases.services import IdpServices
from kernel.sweeping import Rest, no_rest, sweep_each

KEPT_FLOWS = dt.timedelta(days=1)
"""Who comes back to an expired sign-in within this span starts again with the same target."""

KEPT_SECRETS = dt.timedelta(days=30)
"""Dead links stay this long, so that support can tell an old one from a forged one."""

KEPT_SESSIONS = dt.timedelta(days=30)
"""Ended sessions stay this long for the line that says when one was here before."""

KEPT_DEVICES = dt.timedelta(days=400)
"""As long as the cookie that names a browser lives."""


MOST_FLOWS = 50_000
"""Of flows that expired no more than the newest are kept: anybody may start one."""


def sweep_sign_in(services: IdpServices, *, rest: Rest = no_rest) -> int:
    """Remove some flows, challenges, counters, secrets, sessions and browsers long expired; return how many.

    Each kind is a unit of work of its own with a ``rest`` after it; call it again while it returns something.
    """
    now = services.store.clock.now()
    sweeps: tuple[Callable[[Connection], int], ...] = (
        lambda connection: flows.sweep(connection, before=now - KEPT_FLOWS, now=now, most=MOST_FLOWS),
        lambda connection: sweep_challenges(connection, now=now),
        lambda connection: lockouts.sweep(connection, now=now),
        lambda connection: one_time.sweep(connection, before=now - KEPT_SECRETS),
        lambda connection: sessions.sweep(connection, before=now - KEPT_SESSIONS),
        lambda connection: devices.sweep(connection, before=now - KEPT_DEVICES),
    )
    return sweep_each(services.store.database, sweeps, rest=rest)
