"""Staff remove second factors that a person has lost, so that she can enrol others (ASVS 6.4.4, MF-13)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.factors import FactorKind
from idp.domain.help_desk import Desk, DeskRefusal
from idp.domain.provisioning import Missing, Protected
from idp.domain.query import StoredAccount
from idp.domain.session import EndReason
from idp.domain.signals import credential_of
from idp.domain.ticket import BadTicket, is_ticket
from idp.outbound.mail import post_factors_lost
from idp.storage.devices import devices_of
from idp.storage.lockouts import clear_all
from idp.storage.own_factors import own_factors, remove_lost
from idp.usecases.endings import end_everywhere
from idp.usecases.help_desk import held_at_desk
from idp.usecases.letterhead import letterhead
from idp.usecases.services import IdpServices
from idp.usecases.signals import signal_credential_changed
from kernel.audit import Actor
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class FactorsRemoved:
    """Factors of these kinds are gone, one for each; ``left`` are still there, and ``sessions`` ended."""

    kinds: tuple[FactorKind, ...]
    left: int
    sessions: int


@dataclass(frozen=True, slots=True)
class NoneOfThose:
    """The account has none of the factors that were named: somebody removed them, or it never did."""


def remove_lost_factors(
    services: IdpServices,
    user_name: str,
    factor_ids: Collection[str],
    *,
    ticket: str = "",
    actor: Actor,
    desk: Desk | None = None,
) -> FactorsRemoved | NoneOfThose | Missing | Protected | DeskRefusal | BadTicket:
    """Remove those of these factors that the account has, and end all that anybody signed in to with it.

    Also the last one: the next sign-in is proved by the password and a code that is sent to the holder's
    mailbox, and goes on to the enrolment of a new one (MF-14), where the policy demands one. Every session
    ends with its codes and tokens, offline access too, and every sign-in under way; wrong guesses are
    forgotten. The password stays. The holder is written to, and receivers of security events hear of each.

    A protected account is refused, as it is to a lock. At the help desk (``desk``, whose ticket counts) the
    accounts of staff are refused, too, and who was not verified.
    """
    if not is_ticket(ticket):
        return BadTicket()
    with services.store.write() as unit:
        held = held_at_desk(unit.connection, user_name, desk)
        if not isinstance(held, StoredAccount):
            return held
        if held.account.protected_at is not None:
            return Protected()
        told = {"ticket": ticket, **(desk.verification.told if desk else {})}
        return _remove(unit, services, held.account, factor_ids, told=told, actor=actor)


def _remove(
    unit: Unit,
    services: IdpServices,
    account: Account,
    factor_ids: Collection[str],
    *,
    told: Mapping[str, str],
    actor: Actor,
) -> FactorsRemoved | NoneOfThose:
    removed = remove_lost(unit.connection, account.id, factor_ids)
    if not removed:
        return NoneOfThose()
    left = len(own_factors(unit.connection, account.id))
    reason = EndReason.FACTOR_REMOVED.value
    sessions = end_everywhere(unit, services, account_id=account.id, reason=reason, actor=actor)
    clear_all(unit.connection, account.id, devices_of(unit.connection, account.id))
    post_factors_lost(unit, account, letterhead(services), removed, any_left=left > 0)
    unit.audit.record(
        "gateway:account:factors-removed",
        actor=actor,
        target=account.id,
        organization=account.first_organization_id,
        details={
            **told,
            "factors": {each.id: each.kind.value for each in removed},
            "left": left,
            "sessions": sessions,
        },
    )
    for each in removed:
        signal_credential_changed(
            unit,
            services,
            account_id=account.id,
            credential=credential_of(each),
            change="delete",
            actor=actor,
        )
    return FactorsRemoved(tuple(each.kind for each in removed), left, sessions)
