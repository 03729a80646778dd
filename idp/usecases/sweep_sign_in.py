"""Clearing away what sign-ins leave behind once it can never matter again."""

from __future__ import annotations

import datetime as dt

from idp.storage import devices, flows, lockouts, one_time, sessions
from idp.storage.factors import sweep_challenges
from idp.usecases.services import IdpServices

KEPT_FLOWS = dt.timedelta(days=1)
"""Who comes back to an expired sign-in within this span starts again with the same target."""

KEPT_SECRETS = dt.timedelta(days=30)
"""Dead links stay this long, so that support can tell an old one from a forged one."""

KEPT_SESSIONS = dt.timedelta(days=30)
"""Ended sessions stay this long for the line that says when one was here before."""

KEPT_DEVICES = dt.timedelta(days=400)
"""As long as the cookie that names a browser lives."""


def sweep_sign_in(services: IdpServices) -> int:
    """Remove flows, challenges, counters, secrets, sessions and browsers long expired; return how many."""
    with services.store.write() as unit:
        connection, now = unit.connection, unit.now
        return (
            flows.sweep(connection, before=now - KEPT_FLOWS)
            + sweep_challenges(connection, now=now)
            + lockouts.sweep(connection, now=now)
            + one_time.sweep(connection, before=now - KEPT_SECRETS)
            + sessions.sweep(connection, before=now - KEPT_SESSIONS)
            + devices.sweep(connection, before=now - KEPT_DEVICES)
        )
