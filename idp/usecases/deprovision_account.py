"""A source takes an account away for good; its names are free again, its trace in the audit stays."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.provisioning import Missing, Moved, Protected
from idp.storage.accounts import delete_account, find_account
from idp.storage.groups import touch_group_versions
from idp.storage.members import groups_stating
from idp.usecases.endings import end_sessions
from idp.usecases.managers import forget_manager
from idp.usecases.provisioning_log import wrote_deletion
from idp.usecases.services import IdpServices
from kernel.audit import Actor


@dataclass(frozen=True, slots=True)
class Deprovisioned:
    """The account is gone."""


class _MovedError(Exception):
    """Undoes the unit: the account changed or went while it was being taken away."""


def deprovision_account(
    services: IdpServices,
    *,
    actor: Actor,
    source: str,
    account_id: str,
    expected_version: int | None = None,
) -> Deprovisioned | Missing | Moved | Protected:
    """Delete the account, end its sessions and tokens, and take it out of every group, all in one (I1, I2).

    Nobody is led by it any more.

    The audit row names the account by its id only, so that it holds no personal data (I3).
    """
    try:
        return _delete(services, actor, source, account_id, expected_version)
    except _MovedError:
        return Moved() if expected_version is not None else Missing()


def _delete(
    services: IdpServices, actor: Actor, source: str, account_id: str, expected_version: int | None
) -> Deprovisioned | Missing | Moved | Protected:
    with services.store.write() as unit:
        account = find_account(unit.connection, account_id)
        if account is None or account.source != source:
            return Missing()
        if account.protected_at is not None:
            return Protected()
        if expected_version is not None and account.version != expected_version:
            return Moved()
        # Groups before accounts: the order every writer takes rows in.
        groups = groups_stating(unit.connection, account_id)
        touch_group_versions(unit.connection, groups, now=unit.now)
        end_sessions(unit, services, account_id=account_id, reason="deleted", actor=actor)
        if not delete_account(unit.connection, account_id, source=source, expected_version=expected_version):
            raise _MovedError
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
