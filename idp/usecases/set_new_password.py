"""An overdue password is changed on the way in, after it and the second factor were proved."""

from __future__ import annotations

from idp.domain.account import Account
from idp.domain.login_flow import Proof, ProofKind, Step
from idp.storage.credentials import find_password, recent_hashes
from idp.usecases.dispatcher import Position, advance, locate, page_of, policy, show
from idp.usecases.flow_outcomes import Moved, PasswordRefused
from idp.usecases.password_change import new_password_faults, put_new_password
from idp.usecases.secret_hashing import hash_password
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.store import Unit


def set_new_password(
    services: IdpServices, *, flow: str, browser: str, password: str, repeat: str
) -> Moved | PasswordRefused:
    """Change the password at the step that asks for it (G-37, G-53, LG-08), and end all else of the account.

    Every other session ends, and every other sign-in that is under way.

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
    faults = new_password_faults(services, account, password, repeat, (stored.hash, *earlier))
    if faults:
        return PasswordRefused(faults)
    new_hash = hash_password(services, account.id, password)
    with services.store.write() as unit:
        return _change(unit, services, account, (stored.hash, new_hash), flow=flow, browser=browser)


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
    replaced = position.step is Step.CHANGE_PASSWORD and put_new_password(
        unit,
        services,
        account,
        hashes,
        actor=Actor("account", account.id),
        keep=position.flow.session_id,
    )
    if not replaced:
        return show(unit, services, position)
    return advance(unit, services, position, Proof(ProofKind.PASSWORD, unit.now))
