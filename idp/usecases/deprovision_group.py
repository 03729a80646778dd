"""A source takes a group away; who had access through it alone loses it at once."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.provisioning import Missing, Moved, Protected
from idp.storage.accounts import touch_versions
from idp.storage.groups import (
    delete_group,
    find_group_for_change,
    member_ids,
    parting_accounts,
    protected_members,
)
from idp.usecases.endings import end_access
from idp.usecases.provisioning_log import wrote_deletion
from idp.usecases.services import IdpServices
from kernel.audit import Actor


@dataclass(frozen=True, slots=True)
class GroupDeprovisioned:
    """The group is gone."""


def deprovision_group(
    services: IdpServices, *, actor: Actor, source: str, group_id: str, expected_version: int | None = None
) -> GroupDeprovisioned | Missing | Moved | Protected:
    """Delete the group with its memberships, and end the access that no other group gives."""
    with services.store.write() as unit:
        group = find_group_for_change(unit.connection, group_id, source=source)
        if group is None:
            return Missing()
        if expected_version is not None and group.version != expected_version:
            return Moved()
        if protected_members(unit.connection, group_id):
            return Protected()
        members = member_ids(unit.connection, group_id)
        parting: tuple[str, ...] = ()
        if group.application_key:
            parting = parting_accounts(
                unit.connection, members, application_key=group.application_key, group_id=group_id
            )
        delete_group(unit.connection, group_id, source=source)
        touch_versions(unit.connection, members, now=unit.now)
        for account_id in parting:
            end_access(
                unit, services, account_id=account_id, application_key=group.application_key, actor=actor
            )
        unit.audit.record(
            "gateway:group:deleted",
            actor=actor,
            target=group_id,
            organization=group.organization_id,
            details={"removed": len(members)},
        )
        wrote_deletion(unit, group)
        return GroupDeprovisioned()
