"""The operator's staff lock an account at once: it was taken over, or a device is lost (LG-11)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.account_lock import LockReason, locked
from idp.domain.help_desk import Desk, DeskRefusal
from idp.domain.provisioning import Missing, Protected
from idp.domain.query import StoredAccount
from idp.domain.session import EndReason
from idp.domain.ticket import BadTicket, is_ticket
from idp.storage.account_locks import store_lock
from idp.storage.devices import devices_of, forget_devices
from idp.storage.lockouts import clear_all
from idp.storage.signal_receivers import receivers_of_account
from idp.usecases.help_desk import held_at_desk
from idp.usecases.services import IdpServices
from idp.usecases.switching import follow_switch, tell_source
from kernel.audit import Actor
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class AccountLocked:
    """The account is locked since then: ``sessions`` ended by it, or it was locked before (``again``)."""

    since: dt.datetime
    sessions: int = 0
    again: bool = False


def lock_account(
    services: IdpServices,
    user_name: str,
    *,
    reason: LockReason,
    ticket: str = "",
    actor: Actor,
    desk: Desk | None = None,
) -> AccountLocked | Missing | Protected | BadTicket | DeskRefusal:
    """Lock the account with this user name until staff unlock it; whatever its source states meanwhile.

    Sessions, sign-ins under way, codes, access and refresh tokens, answers to devices, links and mailed
    codes end in the same transaction, and the applications are told, as by a deactivation (I4). No browser
    is known any more. A sign-in is answered as any other that fails. What is not opened yet when the lock is
    committed never is.

    A protected account is refused: what it is kept for may be this very moment. At the help desk (``desk``,
    whose ticket counts) the accounts of staff are refused, too, and who was not verified.
    """
    if not is_ticket(ticket):
        return BadTicket()
    with services.store.write() as unit:
        held = held_at_desk(unit.connection, user_name, desk, protects=True)
        if not isinstance(held, StoredAccount):
            return held
        before = held.account
        if before.protected_at is not None:
            return Protected()
        if before.locked_at is not None:
            return AccountLocked(before.locked_at, again=True)
        # Later than whatever was proved before the account was held: this may have waited for that.
        after = locked(before, at=services.store.clock.now())
        store_lock(unit.connection, after, held.document)
        sessions = _end(unit, services, before, after, actor)
        unit.audit.record(
            "gateway:account:locked",
            actor=actor,
            target=after.id,
            reason=reason.value,
            organization=after.first_organization_id,
            details={"ticket": ticket, **(desk.verification.told if desk else {}), "sessions": sessions},
        )
        return AccountLocked(after.updated_at, sessions)


def _end(unit: Unit, services: IdpServices, before: Account, after: Account, actor: Actor) -> int:
    sessions = 0
    if before.active:
        receivers = receivers_of_account(unit.connection, after.id)
        reason = EndReason.LOCKED.value
        sessions = follow_switch(unit, services, after, to=receivers, reason=reason, actor=actor)
        tell_source(unit, after)
    # Once its sessions are over, whose browsers a sign-in that came first has remembered. What was counted
    # for one that is a stranger's now would be found by nobody.
    clear_all(unit.connection, after.id, devices_of(unit.connection, after.id))
    forget_devices(unit.connection, after.id)
    return sessions
