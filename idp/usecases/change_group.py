"""A source changes a group: who is in it, and what it says of itself."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from idp.domain.changed_names import changed_names
from idp.domain.group import Group, MemberChange
from idp.domain.provisioning import (
    SOURCE_VERSION_MARK,
    GroupFacts,
    Missing,
    Moved,
    Protected,
    Stale,
    Taken,
    Unfenced,
    UnknownMembers,
)
from idp.domain.query import Record, group_record
from idp.storage.accounts import known_accounts, protected_among, touch_versions
from idp.storage.groups import (
    add_members,
    change_group_row,
    find_group_for_change,
    member_ids,
    parting_accounts,
    protected_members,
    raise_group_version,
    remove_members,
)
from idp.storage.violations import TakenError
from idp.usecases.endings import end_access
from idp.usecases.provisioning_log import wrote
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """The group is stored as ``record`` shows it; ``changed`` is False when nothing was to do (H12)."""

    record: Record
    changed: bool


GroupRefusal = Taken | Stale | Moved | Missing | UnknownMembers | Unfenced | Protected


class _RefusedError(Exception):
    """Undoes the unit: one part of the request cannot be done, so none is (H2)."""

    def __init__(self, refusal: GroupRefusal) -> None:
        self.refusal = refusal


def change_group(
    services: IdpServices,
    *,
    actor: Actor,
    source: str,
    group_id: str,
    facts: GroupFacts | None = None,
    members: MemberChange | None = None,
    source_version: int | None = None,
    expected_version: int | None = None,
) -> GroupChanged | GroupRefusal:
    """Change attributes (``facts``, computed from ``expected_version``), members, or both, as one.

    Members are rows: adding or removing one costs the same in a group of any size, and the list is read
    only when the request states it whole. A ``source_version`` below the stored fence refuses all of it;
    an equal one is another worker of the same source and passes. An account that loses its last way into
    an application loses its sessions and tokens there too.
    """
    fence = facts.source_version if facts is not None else source_version
    try:
        with services.store.write() as unit:
            group = find_group_for_change(unit.connection, group_id, source=source)
            refused = _refusal(group, facts, fence, expected_version)
            if group is None or refused is not None:
                return refused or Missing()
            added, removed = _change_members(unit, group, members or MemberChange(), source)
            return _store(unit, services, group, facts, fence, added, removed, actor)
    except _RefusedError as error:
        return error.refusal
    except TakenError as error:
        return error.taken


def _refusal(
    group: Group | None, facts: GroupFacts | None, fence: int | None, expected_version: int | None
) -> GroupRefusal | None:
    if group is None:
        return Missing()
    if fence is not None and fence < group.source_version:
        return Stale(group.source_version)
    if expected_version is not None and group.version != expected_version:
        return Moved()
    if facts is None and fence is not None and SOURCE_VERSION_MARK not in group.document:
        return Unfenced()
    return None


def _change_members(
    unit: Unit, group: Group, change: MemberChange, source: str
) -> tuple[frozenset[str], frozenset[str]]:
    """Apply the change and return who came and who went; raises where that may not be."""
    wanted, unwanted = change.added, change.removed
    if change.whole is not None:
        present = member_ids(unit.connection, group.id)
        wanted, unwanted = change.whole - present, present - change.whole
    added = add_members(unit.connection, group.id, wanted, source=source, now=unit.now)
    if len(added) < len(wanted):
        rest = wanted - added
        unknown = rest - known_accounts(unit.connection, rest, source=source)
        if unknown:
            raise _RefusedError(UnknownMembers(tuple(sorted(unknown))))
        if protected_among(unit.connection, rest):
            raise _RefusedError(Protected())
    removed = remove_members(unit.connection, group.id, unwanted)
    if len(removed) < len(unwanted) and protected_members(unit.connection, group.id) & unwanted:
        raise _RefusedError(Protected())
    return added, removed


def _store(
    unit: Unit,
    services: IdpServices,
    group: Group,
    facts: GroupFacts | None,
    fence: int | None,
    added: frozenset[str],
    removed: frozenset[str],
    actor: Actor,
) -> GroupChanged:
    raised = fence is not None and fence > group.source_version
    if facts is None and not raised and not added and not removed:
        return GroupChanged(group_record(group), changed=False)
    changed = dataclasses.replace(
        group if facts is None else _with_facts(group, facts),
        source_version=max(group.source_version, fence or 0),
        version=group.version + 1,
        updated_at=unit.now,
    )
    if facts is None:
        raise_group_version(unit.connection, group.id, source_version=changed.source_version, now=unit.now)
    else:
        failed = change_group_row(
            unit.connection, changed, expected_version=group.version, values=facts.values
        )
        if failed is not None:
            raise _RefusedError(failed)
    touch_versions(unit.connection, added | removed, now=unit.now)
    if removed and group.application_key:
        parting = parting_accounts(
            unit.connection, removed, application_key=group.application_key, group_id=group.id
        )
        for account_id in parting:
            end_access(
                unit, services, account_id=account_id, application_key=group.application_key, actor=actor
            )
    names = () if facts is None else changed_names(group.document, facts.document)
    _record(unit, changed, names, added, removed, actor)
    wrote(
        unit, changed, before=group, changed=_all_names(names, added, removed), added=added, removed=removed
    )
    return GroupChanged(group_record(changed), changed=True)


def _all_names(names: tuple[str, ...], added: frozenset[str], removed: frozenset[str]) -> tuple[str, ...]:
    return (*names, "members") if added or removed else names


def _with_facts(group: Group, facts: GroupFacts) -> Group:
    return dataclasses.replace(
        group,
        external_id=facts.external_id,
        display_name=facts.display_name,
        organization_id=facts.organization_id,
        organization_short_name=facts.organization_short_name,
        access_role_key=facts.access_role_key,
        access_role_name=facts.access_role_name,
        application_key=facts.application_key,
        account_kinds=facts.account_kinds,
        document=facts.document,
    )


def _record(
    unit: Unit,
    group: Group,
    names: tuple[str, ...],
    added: frozenset[str],
    removed: frozenset[str],
    actor: Actor,
) -> None:
    unit.audit.record(
        "gateway:group:changed",
        actor=actor,
        target=group.id,
        organization=group.organization_id,
        details={
            "changed": [*_all_names(names, added, removed)],
            "role": group.access_role_key,
            "added": [*sorted(added)],
            "removed": [*sorted(removed)],
            "version": group.version,
        },
    )
