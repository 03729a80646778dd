"""Somebody who is signed in changes the password, by the present one (G-73, LG-07)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.lockout import Counted, LockRule
from idp.domain.password_policy import Fault, Requirement, requirements
from idp.domain.session import LiveSession
from idp.outbound.mail import post_locked
from idp.storage.credentials import find_password, recent_hashes
from idp.storage.lockouts import Locked, Try, account_key, clear_at_last, count_try, give_back
from idp.storage.sessions import browser_of
from idp.usecases.dispatcher import policy
from idp.usecases.flow_outcomes import SlowDown
from idp.usecases.letterhead import letterhead
from idp.usecases.limits import LOCK_LETTERS
from idp.usecases.password_change import new_password_faults, put_new_password
from idp.usecases.secret_hashing import hash_password, password_matches
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.errors import BusyError
from kernel.ratelimit import take


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """The password is changed, and every other session has ended."""


@dataclass(frozen=True, slots=True)
class ChangeRefused:
    """Nothing was changed: the present password is wrong, the new one breaks rules, or both."""

    wrong: bool
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class NoPassword:
    """The account has no password that could be changed."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A counted try: the hashes it is compared with, and the counter it was counted by.

    ``opens`` tells that the present password is not a temporary one which was used, or is too old.
    """

    stored: str
    opens: bool
    earlier: tuple[str, ...]
    key: bytes
    counted: Try


def own_requirements(services: IdpServices) -> tuple[Requirement, ...]:
    """Return what the policy in force asks of a password, for the page that lists it (G-55)."""
    return requirements(policy(services))


def has_password(services: IdpServices, session: LiveSession) -> bool:
    """Tell whether whoever is signed in has a password."""
    with services.store.read() as connection:
        return find_password(connection, session.account.id) is not None


def change_password(
    services: IdpServices, session: LiveSession, *, current: str, password: str, repeat: str
) -> PasswordChanged | ChangeRefused | SlowDown | NoPassword:
    """Change the password of whoever is signed in, if ``current`` is the present one.

    The try is counted with those of sign-ins from this browser before anything is looked at, so that a
    stolen session guesses no more passwords than a stranger. The slow hashes run outside the units of work.

    Raises:
        BusyError: when too many hashes are asked for at once; the try is given back, nothing was changed.
    """
    attempt = _admit(services, session)
    if not isinstance(attempt, _Attempt):
        return attempt
    account = session.account
    try:
        stored = attempt.stored if attempt.opens else None
        right = password_matches(services, stored, account.id, current)
        compared = (attempt.stored, *attempt.earlier) if right else ()
        faults = new_password_faults(services, account, password, repeat, compared)
        new = hash_password(services, account.id, password) if right and not faults else ""
    except BusyError:
        with services.store.write() as unit:
            give_back(unit.connection, Counted.PASSWORD, attempt.key)
        raise
    if not right:
        return _refuse(services, session, attempt, faults)
    actor = Actor("account", account.id, session.id)
    with services.store.write() as unit:
        done = not faults and put_new_password(
            unit, services, account, (attempt.stored, new), actor=actor, keep=session.id
        )
        clear_at_last(unit.transaction, Counted.PASSWORD, attempt.key)
        if faults:
            return ChangeRefused(wrong=False, faults=faults)
    return PasswordChanged() if done else ChangeRefused(wrong=True)


def _admit(services: IdpServices, session: LiveSession) -> _Attempt | SlowDown | NoPassword:
    """Count the try and find what it is compared with."""
    account = session.account
    with services.store.write() as unit:
        stored = find_password(unit.connection, account.id)
        if stored is None or not account.is_usable:
            return NoPassword()
        key = account_key(account.id, browser_of(unit.connection, session.id))
        rule = LockRule(services.settings.lock_after, services.settings.lock_first)
        counted = count_try(unit.connection, Counted.PASSWORD, key, rule=rule, now=unit.now)
        if isinstance(counted, Locked):
            return SlowDown(max(counted.until - unit.now, dt.timedelta(seconds=1)))
        earlier = recent_hashes(unit.connection, account.id, policy(services).history)
    return _Attempt(stored.hash, stored.opens(unit.now), earlier, key, counted)


def _refuse(
    services: IdpServices, session: LiveSession, attempt: _Attempt, faults: tuple[Fault, ...]
) -> ChangeRefused:
    """Write the failure down; if it set a lock, tell the holder."""
    account = session.account
    with services.store.write() as unit:
        unit.audit.record(
            "gateway:password:change-refused",
            actor=Actor("account", account.id, session.id),
            target=account.id,
            outcome="refused",
            reason="wrong",
        )
        until = attempt.counted.locked_until
        if until is not None and take(unit.connection, LOCK_LETTERS, account.id, now=unit.now).allowed:
            post_locked(unit, account, letterhead(services), until=until)
    return ChangeRefused(wrong=True, faults=faults)
