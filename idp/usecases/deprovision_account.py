"""A source takes an account away for good; its names are free again, its trace in the audit stays."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.provisioning import Missing, Moved, Protected
from idp.storage.accounts import delete_account, find_account, find_for_change
from idp.storage.groups import touch_group_versions
from idp.storage.members import groups_stating
from idp.usecases.endings import end_sessions
from idp.usecases.managers import forget_manager
from idp.usecases.provisioning_log import wrote_deletion
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.errors import UndoneError
from kernel.store import Unit

_TRIES = 8


@dataclass(frozen=True, slots=True)
class Deprovisioned:
    """The account is gone."""


class _UndoneError(Exception):
    """Undoes the unit: the account moved before it was held; ``refusal`` is None where trying again helps."""

    def __init__(self, refusal: Missing | Moved | Protected | None = None) -> None:
        self.refusal = refusal
        super().__init__()


def deprovision_account(
    services: IdpServices,
    *,
    actor: Actor,
    source: str,
    account_id: str,
    expected_version: int | None = None,
) -> Deprovisioned | Missing | Moved | Protected:
    """Delete the account, end its sessions and tokens, and take it out of every group, all in one (I1, I2).

    Every group it was in gets another version (L1), also one that it joined at this very moment. Nobody is
    led by it any more.

    The audit row names the account by its id only, so that it holds no personal data (I3).

    Raises:
        UndoneError: if the account moves between groups all the while.
    """
    for _ in range(_TRIES):
        try:
            return _delete(services, actor, source, account_id, expected_version)
        except _UndoneError as undone:
            if undone.refusal is not None:
                return undone.refusal
    raise UndoneError(retry_after=1)


def _delete(
    services: IdpServices, actor: Actor, source: str, account_id: str, expected_version: int | None
) -> Deprovisioned | Missing | Moved | Protected:
    with services.store.write() as unit:
        # Groups before accounts: the order every writer takes rows in.
        groups = groups_stating(unit.connection, account_id)
        if groups:  # who may not delete the account touches nothing of it
            refused = _refusal(find_account(unit.connection, account_id), source, expected_version)
            if refused is not None:
                return refused
            touch_group_versions(unit.connection, groups, now=unit.now)
        account = _hold(unit, account_id, source, expected_version)
        # Nobody can add the account to a group now; who did since the groups were read was not told yet.
        if set(groups_stating(unit.connection, account_id)) != set(groups):
            raise _UndoneError
        end_sessions(unit, services, account_id=account_id, reason="deleted", actor=actor)
        delete_account(unit.connection, account_id)
        # Only now: whoever stated this manager before has committed, and nobody can any more.
        led = forget_manager(unit, account)
        unit.audit.record(
            "gateway:account:deleted",
            actor=actor,
            target=account_id,
            details={"groups": len(groups), "led": led},
        )
        wrote_deletion(unit, account)
        return Deprovisioned()


def _hold(unit: Unit, account_id: str, source: str, expected_version: int | None) -> Account:
    found = find_for_change(unit.connection, account_id, source=source)
    account = found[0] if found else None
    refused = _refusal(account, source, expected_version)
    if account is None or refused is not None:
        raise _UndoneError(refused)
    return account


def _refusal(
    account: Account | None, source: str, expected_version: int | None
) -> Missing | Moved | Protected | None:
    if account is None or account.source != source:
        return Missing()
    if account.protected_at is not None:
        return Protected()
    if expected_version is not None and account.version != expected_version:
        return Moved()
    return None
