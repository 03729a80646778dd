"""How an account stands: whether its holder can sign in, and with what. No deed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection

from idp.domain.account import Account
from idp.domain.factors import FactorKind, FactorSummary
from idp.storage.credentials import StoredPassword
from idp.storage.devices import devices_of
from idp.storage.endings import live_sessions_of
from idp.storage.lockouts import latest_lock
from idp.storage.standing import Standing, find_standing


@dataclass(frozen=True, slots=True)
class AccountDetail:
    """An account with what it has. ``guessed_until`` is the end of a lock by wrong guesses, if one is set.

    ``can_sign_in`` looks past that lock, which need not be set for every browser.
    """

    account: Account
    can_sign_in: bool
    password: StoredPassword | None
    factors: tuple[FactorSummary, ...]
    sessions: int
    browsers: int
    guessed_until: dt.datetime | None


def account_detail(connection: Connection, account_id: str, *, now: dt.datetime) -> AccountDetail | None:
    """Return how the account with this id stands; None if there is none."""
    standing = find_standing(connection, account_id)
    if standing is None:
        return None
    devices = devices_of(connection, account_id)
    return AccountDetail(
        standing.account,
        _can_sign_in(standing, now),
        standing.password,
        standing.factors,
        sessions=len(live_sessions_of(connection, account_id, now=now)),
        browsers=len(devices),
        guessed_until=latest_lock(connection, account_id, devices, now=now),
    )


def _can_sign_in(standing: Standing, now: dt.datetime) -> bool:
    """Tell whether anything opens the account: a password, unless it is temporary and over, or a passkey."""
    opens = standing.password is not None and standing.password.opens(now)
    passkey = any(each.kind is FactorKind.PASSKEY for each in standing.factors)
    return standing.account.is_usable and (opens or passkey)
