"""Somebody who is signed in removes a second factor of her own (ASVS 7.4.3, MF-13)."""

from __future__ import annotations

from idp.domain.factors import OwnFactor, Removal
from idp.domain.session import EndReason, LiveSession
from idp.domain.signals import credential_of
from idp.outbound.mail import post_factor_changed
from idp.storage import own_factors as stored
from idp.usecases.endings import end_everywhere
from idp.usecases.letterhead import letterhead
from idp.usecases.own_factors import is_proved, needs_one
from idp.usecases.services import IdpServices
from idp.usecases.signals import signal_credential_changed
from kernel.audit import Actor


def remove_factor(
    services: IdpServices, session: LiveSession, factor_id: str, *, elsewhere: bool = False
) -> OwnFactor | Removal:
    """Remove a factor of whoever is signed in and return it; never the last one where the policy demands one.

    ``elsewhere`` ends every other session of hers too, and every sign-in that is under way, for a device
    that was lost. Sign-ins that were proved by the factor go no further in any case. The holder is written
    to, receivers of security events hear of it, and the audit has it.
    """
    if not is_proved(services, session):
        return Removal.UNPROVED
    account, actor = session.account, Actor("account", session.account.id, session.id)
    with services.store.write() as unit:
        removed = stored.remove_factor(
            unit.connection, account.id, factor_id, leave_one=needs_one(services, session)
        )
        if isinstance(removed, Removal):
            return removed
        unit.audit.record(
            "gateway:factor:removed",
            actor=actor,
            target=account.id,
            details={"kind": removed.kind.value, "factor": removed.id},
        )
        post_factor_changed(
            unit, account, letterhead(services), change="removed", kind=removed.kind, label=removed.label
        )
        signal_credential_changed(
            unit,
            services,
            account_id=account.id,
            credential=credential_of(removed),
            change="delete",
            actor=actor,
        )
        if elsewhere:
            end_everywhere(
                unit,
                services,
                account_id=account.id,
                reason=EndReason.FACTOR_REMOVED.value,
                actor=actor,
                keep=session.id,
            )
    return removed
