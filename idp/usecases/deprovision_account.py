"""A source takes an account away for good; its names are free again, its trace in the audit stays."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.provisioning import Missing, Moved, Protected
from idp.storage.accounts import find_account
from idp.storage.departures import hold_member, leave_alone, remove_account
from idp.storage.groups import touch_group_versions
from idp.storage.members import groups_stating
from idp.usecases.endings import end_sessions
from idp.usecases.managers import forget_manager
from idp.usecases.provisioning_log import record_deletion
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.errors import UndoneError
from kernel.store import Unit

_TRIES = 8


@dataclass(frozen=True, slots=True)
class Deprovisioned:
    """The account is gone."""


class _NotDeletedError(Exception):
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
    led by it any more; where a protected account is, it stays (O8).

    The audit row names the account by its id only, so that it holds no personal data (I3).

    Raises:
        UndoneError: if the account moves between groups all the while.
    """
    deletion = _Deletion(services, actor, source, account_id, expected_version)
    for _ in range(_TRIES):
        try:
            with services.store.write() as unit:
                _delete(unit, deletion)
        except _NotDeletedError as undone:
            if undone.refusal is not None:
                return undone.refusal
        else:
            return Deprovisioned()
    raise UndoneError(retry_after=1)


@dataclass(frozen=True, slots=True)
class _Deletion:
    """Whose deletion is asked for."""

    services: IdpServices
    actor: Actor
    source: str
    account_id: str
    expected_version: int | None

    def refusal(self, account: Account | None) -> Missing | Moved | Protected | None:
        """Tell why the account may not go, if so."""
        if account is None or account.source != self.source:
            return Missing()
        if account.protected_at is not None:
            return Protected()
        if self.expected_version is not None and account.version != self.expected_version:
            return Moved()
        return None


def _delete(unit: Unit, deletion: _Deletion) -> None:
    departure = leave_alone(
        unit.connection,
        deletion.account_id,
        source=deletion.source,
        expected_version=deletion.expected_version,
    )
    groups: tuple[str, ...] = ()
    led: int | None = 0
    if departure is not None and departure.is_over:
        account = departure.account
    else:
        account, groups = _hold(unit, deletion, may_be_in_groups=departure is None)
        end_sessions(
            unit, deletion.services, account_id=deletion.account_id, reason="deleted", actor=deletion.actor
        )
        led = forget_manager(unit, account)
        if led is None:
            raise _NotDeletedError(Protected())
        remove_account(unit.connection, deletion.account_id)
    unit.audit.record(
        "gateway:account:deleted",
        actor=deletion.actor,
        target=deletion.account_id,
        details={"groups": len(groups), "led": led},
    )
    record_deletion(unit, account)


def _hold(unit: Unit, deletion: _Deletion, *, may_be_in_groups: bool) -> tuple[Account, tuple[str, ...]]:
    """Return the account, which nobody can put into a group, sign in or call a manager any more.

    The versions of the groups that it is in are raised; groups come before accounts, the order every writer
    takes rows in.
    """
    groups = groups_stating(unit.connection, deletion.account_id) if may_be_in_groups else ()
    if groups:  # who may not delete the account touches nothing of it
        refused = deletion.refusal(find_account(unit.connection, deletion.account_id))
        if refused is not None:
            raise _NotDeletedError(refused)
        touch_group_versions(unit.connection, groups, now=unit.now)
    account, held_in = hold_member(unit.connection, deletion.account_id, source=deletion.source)
    refused = deletion.refusal(account)
    if account is None or refused is not None:
        raise _NotDeletedError(refused)
    if set(held_in) != set(groups):  # who added it since the groups were read was not told yet
        raise _NotDeletedError
    return account, groups
