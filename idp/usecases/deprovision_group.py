"""A source takes a group away; who had access through it alone loses it at once."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.provisioning import Missing, Moved, Protected
from idp.storage.access import in_use_within, opened_through, parting_from
from idp.storage.groups import delete_group, find_group_for_change, touch_group_versions
from idp.storage.members import count_members
from idp.storage.nesting import (
    any_protected_within,
    containers_of,
    follow,
    lock_groups,
    outer_groups,
    take_turn,
    touch_within,
)
from idp.usecases.endings import end_access
from idp.usecases.provisioning_log import record_deletion
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class GroupDeprovisioned:
    """The group is gone."""


def deprovision_group(
    services: IdpServices, *, actor: Actor, source: str, group_id: str, expected_version: int | None = None
) -> GroupDeprovisioned | Missing | Moved | Protected:
    """Delete the group with its memberships, of and in it, and end the access that no other way gives."""
    with services.store.write() as unit:
        take_turn(unit.connection, source)
        containers = containers_of(unit.connection, group_id)
        lock_groups(unit.connection, {group_id, *containers})
        group = find_group_for_change(unit.connection, group_id, source=source)
        if group is None:
            return Missing()
        if expected_version is not None and group.version != expected_version:
            return Moved()
        if any_protected_within(unit.connection, [group_id]):
            return Protected()
        touch_within(unit.connection, [group_id])
        touch_group_versions(unit.connection, containers, now=unit.now)
        removed = count_members(unit.connection, group_id)
        for account_id, key in _delete(unit, group_id, source):
            end_access(unit, services, account_id=account_id, application_key=key, actor=actor)
        unit.audit.record(
            "gateway:group:deleted",
            actor=actor,
            target=group_id,
            organization=group.organization_id,
            details={"removed": removed},
        )
        record_deletion(unit, group)
        return GroupDeprovisioned()


def _delete(unit: Unit, group_id: str, source: str) -> tuple[tuple[str, str], ...]:
    """Delete the row and what hangs on it; return who may not enter which application any more."""
    connection = unit.connection
    outer = outer_groups(connection, group_id)
    keys = opened_through(connection, group_id)
    in_use = in_use_within(connection, [group_id]) if keys else ()
    delete_group(connection, group_id, source=source)
    follow(connection, outer, now=unit.now)
    return parting_from(connection, in_use, keys)
