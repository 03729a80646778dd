"""Clearing away what sign-ins leave behind once it can never matter again."""

from __future__ import annotations

import datetime as dt

from idp.storage import devices, flows, lockouts, one_time, sessions
from idp.storage.factors import sweep_challenges
from idp.usecases.services import IdpServices
from kernel.sweeping import Crowd, Rest, Sweep, last_to_go, no_rest, sweep_crowds, sweep_each

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


def sweep_sign_in(services: IdpServices, *, rest: Rest = no_rest, done: set[str] | None = None) -> int:
    """Remove some flows, challenges, counters, secrets, sessions and browsers long expired; return how many.

    Each kind is a unit of work of its own with a ``rest`` after it; call it again while it returns something,
    with the same ``done``: what is swept is not looked for again.
    """
    database, now = services.store.database, services.store.clock.now()
    sweeps: dict[str, Sweep] = {
        "flows": lambda connection: flows.sweep(connection, before=now - KEPT_FLOWS),
        "challenges": lambda connection: sweep_challenges(connection, now=now),
        "locks": lambda connection: lockouts.sweep(connection, now=now),
        "links": lambda connection: one_time.sweep(connection, before=now - KEPT_SECRETS),
        "sessions": lambda connection: sessions.sweep(connection, before=now - KEPT_SESSIONS),
        "devices": lambda connection: devices.sweep(connection, before=now - KEPT_DEVICES),
    }
    crowds = {
        "many flows": Crowd(
            # A row that ended in the same moment as the last one to go stays for another round.
            lambda connection: last_to_go(connection, flows.EXPIRES_AT, most=MOST_FLOWS, before=now),
            lambda connection, last: flows.sweep(connection, before=last),
        )
    }
    removed = sweep_each(database, sweeps, rest=rest, done=done)
    return removed + sweep_crowds(database, crowds, rest=rest, done=done)
