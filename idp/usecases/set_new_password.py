"""An overdue password is changed on the way in, after it and the second factor were proved."""

from __future__ import annotations

from idp.domain.account import Account
from idp.domain.login_flow import Step
from idp.domain.password_policy import Fault, FaultCode, owner_of, password_faults
from idp.domain.session import EndReason
from idp.domain.signals import Credential
from idp.outbound.mail import post_password_changed
from idp.storage.credentials import find_password, recent_hashes, replace_password
from idp.usecases.dispatcher import Position, advance, locate, page_of, policy, show
from idp.usecases.endings import end_sessions
from idp.usecases.flow_outcomes import Moved, PasswordRefused
from idp.usecases.letterhead import letterhead
from idp.usecases.secret_hashing import hash_password, password_matches
from idp.usecases.services import IdpServices
from idp.usecases.signals import signal_credential_changed
from kernel.audit import Actor
from kernel.store import Unit


def set_new_password(
    services: IdpServices, *, flow: str, browser: str, password: str, repeat: str
) -> Moved | PasswordRefused:
    """Change the password at the step that asks for it (G-37, G-53, LG-08), and end every other session.

    The slow comparisons with earlier passwords run outside the unit of work; the change is one conditional
    statement over the password that was compared.

    Raises:
        BusyError: when too many hashes are asked for at once; nothing was changed.
    """
    now = services.store.clock.now()
    with services.store.read() as connection:
        position = locate(connection, services, token=flow, browser=browser, now=now)
        if not isinstance(position, Position):
            return position
        account = position.account
        stored = find_password(connection, account.id) if account else None
        if account is None or stored is None or position.step is not Step.CHANGE_PASSWORD:
            return page_of(connection, services, position)
        earlier = recent_hashes(connection, account.id, policy(services).history)
    faults = _faults(services, account, password, repeat, (stored.hash, *earlier))
    if faults:
        return PasswordRefused(faults)
    new_hash = hash_password(services, account.id, password)
    with services.store.write() as unit:
        return _change(unit, services, account, (stored.hash, new_hash), flow=flow, browser=browser)


def _faults(
    services: IdpServices, account: Account, password: str, repeat: str, earlier: tuple[str, ...]
) -> tuple[Fault, ...]:
    profile = policy(services)
    faults = password_faults(password, profile=profile, owner=owner_of(account), repeat=repeat)
    if faults:
        return faults
    used = any(password_matches(services, one, account.id, password) for one in dict.fromkeys(earlier))
    return (Fault(FaultCode.USED_BEFORE, str(max(profile.history, 1))),) if used else ()


def _change(
    unit: Unit,
    services: IdpServices,
    account: Account,
    hashes: tuple[str, str],
    *,
    flow: str,
    browser: str,
) -> Moved:
    position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now)
    if not isinstance(position, Position):
        return position
    old, new = hashes
    replaced = position.step is Step.CHANGE_PASSWORD and replace_password(
        unit.connection,
        account.id,
        new,
        instead_of=old,
        now=unit.now,
        history=policy(services).history,
    )
    if not replaced:
        return show(unit, services, position)
    actor = Actor("account", account.id)
    end_sessions(
        unit,
        services,
        account_id=account.id,
        reason=EndReason.PASSWORD_CHANGED.value,
        actor=actor,
        keep=position.flow.session_id,
    )
    post_password_changed(unit, account, letterhead(services))
    unit.audit.record("gateway:password:changed", actor=actor, target=account.id)
    signal_credential_changed(
        unit, services, account_id=account.id, credential=Credential.PASSWORD, change="update", actor=actor
    )
    return advance(unit, services, position)
