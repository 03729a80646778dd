"""The help desk signs a person out everywhere: a browser was left open, or is a stranger's (G-65)."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.help_desk import Desk
from idp.domain.query import StoredAccount
from idp.domain.session import EndReason
from idp.outbound.mail import post_sessions_ended
from idp.usecases.endings import end_everywhere
from idp.usecases.help_desk import Refused, held_at_desk
from idp.usecases.letterhead import letterhead
from idp.usecases.services import IdpServices
from kernel.audit import Actor


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """Every session of the account is over: so many ended by it."""

    sessions: int


def end_account_sessions(
    services: IdpServices, user_name: str, *, actor: Actor, desk: Desk
) -> SessionsEnded | Refused:
    """End every session of the account, every sign-in under way, and what applications hold of it.

    As who signs out everywhere (UI-05): codes, access and refresh tokens and offline access end, and the
    applications are told. Password, second factors and known browsers stay. The holder is written to.
    """
    with services.store.write() as unit:
        held = held_at_desk(unit.connection, user_name, desk, protects=True)
        if not isinstance(held, StoredAccount):
            return held
        account = held.account
        reason = EndReason.ENDED_BY_STAFF.value
        sessions = end_everywhere(unit, services, account_id=account.id, reason=reason, actor=actor)
        unit.audit.record(
            "gateway:account:sessions-ended",
            actor=actor,
            target=account.id,
            organization=account.first_organization_id,
            details={**desk.verification.told, "sessions": sessions},
        )
        if sessions:
            post_sessions_ended(unit, account, letterhead(services))
        return SessionsEnded(sessions)
