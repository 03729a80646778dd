"""The operator's staff reset a password, and tell the person a temporary one (G-66 to G-69, G-72)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from idp.domain.account import Account
from idp.domain.help_desk import Desk, DeskRefusal
from idp.domain.provisioning import Missing, Protected
from idp.domain.session import EndReason
from idp.domain.signals import Credential
from idp.domain.temporary_password import ALPHABET, LENGTH, temporary_password
from idp.domain.ticket import BadTicket, is_ticket
from idp.outbound.mail import post_password_reset
from idp.storage.account_locks import hold_by_name, look_by_name
from idp.storage.client_secrets import SecretOf
from idp.storage.credentials import find_password, set_temporary_password
from idp.storage.devices import devices_of
from idp.storage.endings import end_sign_ins_of
from idp.storage.lockouts import clear_all
from idp.usecases.endings import end_sessions
from idp.usecases.help_desk import refused_at_desk
from idp.usecases.letterhead import letterhead
from idp.usecases.secret_hashing import hash_password
from idp.usecases.secrets_to_show import keep_for_its_page
from idp.usecases.services import IdpServices
from idp.usecases.signals import signal_credential_changed
from kernel.audit import Actor
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class TemporaryPassword:
    """The password of the account from now on, once and until then: nobody can look at it again."""

    password: str = field(repr=False)
    until: dt.datetime
    sessions: int
    locked: bool


@dataclass(frozen=True, slots=True)
class NothingToReset:
    """There is no password in use: nobody has activated the account, or its source has switched it off."""


Refusal = Missing | Protected | NothingToReset | DeskRefusal


def issue_temporary_password(
    services: IdpServices,
    user_name: str,
    *,
    ticket: str = "",
    actor: Actor,
    desk: Desk | None = None,
    former: dt.datetime | None = None,
) -> TemporaryPassword | Refusal | BadTicket:
    """Put a temporary password in the place of the account's, and end all that the former one opened.

    It is taken once, within ``temporary_password_life``, at the page where one signs in; the second step is
    asked for as ever, and then a password that its holder chooses (G-68, LG-08). Every session ends with its
    codes and tokens, offline access too, and every sign-in under way. Wrong guesses are forgotten. The holder
    is written to, without the password. An account that staff keep locked stays locked.

    A protected account is refused, as it is to a lock. At the help desk (``desk``, whose ticket counts) the
    accounts of staff are refused, too, who was not verified, and whose password is no longer the one that
    was set at ``former``: of two who reset it at once one password works, and only one is told.

    Raises:
        BusyError: when too many hashes are asked for at once; nothing was changed.
    """
    if not is_ticket(ticket):
        return BadTicket()
    with services.store.read() as connection:
        found = look_by_name(connection, user_name)
        refused = _refusal(connection, found.account if found else None, desk, former)
    if found is None or refused is not None:
        return refused or Missing()
    randomness = services.store.randomness
    password = temporary_password([randomness.below(len(ALPHABET)) for _ in range(LENGTH)])
    hashed = hash_password(services, found.account.id, password)  # slow, so outside the unit of work
    with services.store.write() as unit:
        held = hold_by_name(unit.connection, user_name)
        refused = _refusal(unit.connection, held.account if held else None, desk, former)
        if held is None or refused is not None:
            return refused or Missing()
        if held.account.id != found.account.id:  # another one has the name since
            return Missing()
        told = {"ticket": ticket, **(desk.verification.told if desk else {})}
        return _reset(unit, services, held.account, (password, hashed), told=told, actor=actor)


def _refusal(
    connection: Connection, account: Account | None, desk: Desk | None, former: dt.datetime | None
) -> Refusal | None:
    if account is None:
        return Missing()
    if account.protected_at is not None:
        return Protected()
    refused = refused_at_desk(connection, desk, account)
    if refused is not None:
        return refused
    if account.activated_at is None or not account.is_wanted:
        return NothingToReset()
    if desk is None:
        return None
    stored = find_password(connection, account.id)
    return None if former == (stored.set_at if stored else None) else DeskRefusal.MEANWHILE


def _reset(
    unit: Unit,
    services: IdpServices,
    account: Account,
    new: tuple[str, str],
    *,
    told: Mapping[str, str],
    actor: Actor,
) -> TemporaryPassword:
    password, hashed = new
    # Later than whatever was proved before the account was held: this may have waited for that.
    now = services.store.clock.now()
    until = now + services.settings.temporary_password_life
    end_sign_ins_of(unit.connection, account.id, now=now)
    set_temporary_password(unit.connection, account.id, hashed, until=until, now=now)
    keep_for_its_page(unit, actor, account.id, password, SecretOf.ACCOUNT)
    reason = EndReason.PASSWORD_RESET.value
    sessions = end_sessions(unit, services, account_id=account.id, reason=reason, actor=actor)
    clear_all(unit.connection, account.id, devices_of(unit.connection, account.id))
    post_password_reset(unit, account, letterhead(services), until=until)
    unit.audit.record(
        "gateway:password:reset",
        actor=actor,
        target=account.id,
        organization=account.first_organization_id,
        details={**told, "until": until.isoformat(), "sessions": sessions},
    )
    signal_credential_changed(
        unit, services, account_id=account.id, credential=Credential.PASSWORD, change="update", actor=actor
    )
    return TemporaryPassword(password, until, sessions, account.locked_at is not None)
