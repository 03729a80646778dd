"""The help desk sends a new activation link: the letter was lost, or its link expired (G-12, G-14, G-25)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from idp.domain.help_desk import Desk, DeskRefusal
from idp.domain.one_time import Purpose
from idp.domain.query import StoredAccount
from idp.storage.one_time import last_issued_at
from idp.usecases.help_desk import Refused, held_at_desk
from idp.usecases.invitation import invite
from idp.usecases.services import IdpServices
from kernel.audit import Actor


@dataclass(frozen=True, slots=True)
class InvitedAgain:
    """A letter with a new link is on its way to the address that the source of the account states."""


@dataclass(frozen=True, slots=True)
class NothingToActivate:
    """The account was activated before, is switched off or locked, or there is no address to write to."""


def invite_again(
    services: IdpServices, user_name: str, *, former: dt.datetime | None, actor: Actor, desk: Desk
) -> InvitedAgain | NothingToActivate | Refused:
    """Send the holder of an account that waits for activation a new link; every former one is out of force.

    Nothing is sent if another link was sent after ``former``: of two clicks one letter comes, and its link
    works.
    """
    with services.store.write() as unit:
        held = held_at_desk(unit.connection, user_name, desk)
        if not isinstance(held, StoredAccount):
            return held
        account = held.account
        if not account.awaits_activation or not account.email:
            return NothingToActivate()
        if last_issued_at(unit.connection, account.id, purpose=Purpose.ACTIVATION) != former:
            return DeskRefusal.MEANWHILE
        invite(unit, services, account)
        unit.audit.record(
            "gateway:account:invited-again",
            actor=actor,
            target=account.id,
            organization=account.first_organization_id,
            details=desk.verification.told,
        )
        return InvitedAgain()
