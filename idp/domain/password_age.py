"""How old a password may become (G-52, G-54, X-20)."""

from __future__ import annotations

import datetime as dt

from idp.domain.account import AccountKind
from idp.domain.login_flow import PasswordDue
from idp.domain.policy_profiles import PolicyProfile


def expires_at(profile: PolicyProfile, kind: AccountKind, set_at: dt.datetime) -> dt.datetime | None:
    """Return when a password that was set at ``set_at`` must be renewed, or None if never."""
    life = profile.machine_life if kind is AccountKind.MACHINE else profile.life
    return None if life is None else set_at + life


def password_due(
    profile: PolicyProfile, kind: AccountKind, *, set_at: dt.datetime, must_change: bool, now: dt.datetime
) -> PasswordDue:
    """Tell whether the password must be changed before anything else, and why (LG-08)."""
    if must_change:
        return PasswordDue.TEMPORARY
    limit = expires_at(profile, kind, set_at)
    return PasswordDue.EXPIRED if limit is not None and now >= limit else PasswordDue.NO
