"""The operator's staff take a lock off an account: their own, and the one that wrong guesses set (G-72)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.account_lock import unlocked
from idp.domain.help_desk import Desk, DeskRefusal
from idp.domain.one_time import Purpose
from idp.domain.provisioning import Missing, Protected
from idp.domain.query import StoredAccount
from idp.storage.account_locks import store_lock
from idp.storage.devices import devices_of
from idp.storage.lockouts import clear_all
from idp.storage.one_time import last_issued_at
from idp.storage.signal_receivers import receivers_of_account
from idp.usecases.help_desk import held_at_desk
from idp.usecases.invitation import invite
from idp.usecases.services import IdpServices
from idp.usecases.switching import follow_switch, tell_source
from kernel.audit import Actor
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class AccountUnlocked:
    """The account is not locked. ``was_locked`` by staff; ``guesses`` tells that wrong tries were forgotten.

    ``is_active`` tells whether its source wants it to be active: else it stays switched off.
    """

    was_locked: bool
    guesses: bool
    is_active: bool


def unlock_account(
    services: IdpServices,
    user_name: str,
    *,
    actor: Actor,
    desk: Desk | None = None,
    former: dt.datetime | None = None,
) -> AccountUnlocked | Missing | Protected | DeskRefusal:
    """Take every lock off the account with this user name: that of staff, and those of wrong guesses.

    Nothing that ended comes back. Whoever had not activated the account yet, and was invited, is invited
    anew. Relying parties hear that the account is enabled, if its source wants it to be active.

    At the help desk (``desk``) protected accounts and those of staff are refused, and who was not verified.
    A lock that was set at another time than ``former``, when the one was set that they looked at, stays.
    """
    with services.store.write() as unit:
        held = held_at_desk(unit.connection, user_name, desk)
        if not isinstance(held, StoredAccount):
            return held
        account = held.account
        was_locked = account.locked_at is not None
        if desk is not None and was_locked and account.locked_at != former:
            return DeskRefusal.MEANWHILE
        if was_locked:
            account = unlocked(account, at=unit.now)
            store_lock(unit.connection, account, held.document)
            if account.active:
                _bring_back(unit, services, account, actor)
        guesses = clear_all(unit.connection, account.id, devices_of(unit.connection, account.id)) > 0
        if was_locked or guesses:
            unit.audit.record(
                "gateway:account:unlocked",
                actor=actor,
                target=account.id,
                organization=account.first_organization_id,
                details={
                    **(desk.verification.told if desk else {}),
                    "staff": was_locked,
                    "guesses": guesses,
                    "active": account.active,
                },
            )
        return AccountUnlocked(was_locked, guesses, account.active)


def _bring_back(unit: Unit, services: IdpServices, account: Account, actor: Actor) -> None:
    receivers = receivers_of_account(unit.connection, account.id)
    follow_switch(unit, services, account, to=receivers, actor=actor)
    tell_source(unit, account)
    if not account.awaits_activation or not account.email:
        return
    if last_issued_at(unit.connection, account.id, purpose=Purpose.ACTIVATION) is not None:
        invite(unit, services, account)
