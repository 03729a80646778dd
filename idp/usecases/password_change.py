"""What every change of a password has in common: what the new one has to be, and what follows from it."""

from __future__ import annotations

from idp.domain.account import Account
from idp.domain.password_policy import Fault, FaultCode, owner_of, password_faults
from idp.domain.session import EndReason
from idp.domain.signals import Credential
from idp.outbound.mail import post_password_changed
from idp.storage.credentials import replace_password
from idp.storage.endings import end_sign_ins_of
from idp.usecases.dispatcher import policy
from idp.usecases.endings import end_sessions
from idp.usecases.letterhead import letterhead
from idp.usecases.secret_hashing import password_matches
from idp.usecases.services import IdpServices
from idp.usecases.signals import signal_credential_changed
from kernel.audit import Actor
from kernel.store import Unit


def new_password_faults(
    services: IdpServices, account: Account, password: str, repeat: str, earlier: tuple[str, ...]
) -> tuple[Fault, ...]:
    """Return what is wrong with a new password; with the hashes of ``earlier`` ones only if all else holds.

    Raises:
        BusyError: when too many hashes are asked for at once.
    """
    profile = policy(services)
    faults = password_faults(password, profile=profile, owner=owner_of(account), repeat=repeat)
    if faults:
        return faults
    used = any(password_matches(services, one, account.id, password) for one in dict.fromkeys(earlier))
    return (Fault(FaultCode.USED_BEFORE, str(max(profile.history, 1))),) if used else ()


def put_new_password(
    unit: Unit,
    services: IdpServices,
    account: Account,
    hashes: tuple[str, str],
    *,
    actor: Actor,
    keep: str | None,
) -> bool:
    """Replace the old hash by the new one; False if the password was changed meanwhile.

    Every other session than ``keep`` ends with its grants (RT-07), and every sign-in that is under way but
    the one that makes the change. The holder is written to, receivers of security events hear of it, and
    the audit has it.
    """
    old, new = hashes
    # The account first, as a sign-in that is being concluded holds it.
    end_sign_ins_of(unit.connection, account.id, now=unit.now)
    replaced = replace_password(
        unit.connection, account.id, new, instead_of=old, now=unit.now, history=policy(services).history
    )
    if not replaced:
        return False
    end_sessions(
        unit,
        services,
        account_id=account.id,
        reason=EndReason.PASSWORD_CHANGED.value,
        actor=actor,
        keep=keep,
    )
    post_password_changed(unit, account, letterhead(services))
    unit.audit.record("gateway:password:changed", actor=actor, target=account.id)
    signal_credential_changed(
        unit, services, account_id=account.id, credential=Credential.PASSWORD, change="update", actor=actor
    )
    return True
