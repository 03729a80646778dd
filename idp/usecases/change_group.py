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
    Stale,
    Taken,
    Unfenced,
)
from idp.domain.query import Record, group_record
from idp.storage.groups import change_group_row, find_group_for_change, raise_group_version
from idp.storage.nesting import lock_groups, take_turn
from idp.storage.violations import TakenError
from idp.usecases.endings import end_access
from idp.usecases.members import (
    MemberRefusal,
    Moves,
    RefusedMembersError,
    TurnNeededError,
    move_members,
    parted,
    touch_moved,
)
from idp.usecases.provisioning_log import wrote
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """The group is stored as ``record`` shows it; ``changed`` is False when nothing was to do (H12)."""

    record: Record
    changed: bool


GroupRefusal = Taken | Stale | Moved | Missing | Unfenced | MemberRefusal


class _MovedError(Exception):
    """Undoes the unit: the row moved between its members' change and its own, so none is done (H2)."""

    def __init__(self, refusal: Stale | Moved) -> None:
        self.refusal = refusal
        super().__init__()


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

    Members are rows: adding or removing one costs the same in a group of any size, and of a whole list only
    the difference is written. A ``source_version`` below the stored fence refuses all of it; an equal one is
    another worker of the same source and passes. An account that loses its last way into an application loses
    its sessions and tokens there too, whichever link of the way went.
    """
    asked = _Asked(services, actor, source, group_id, facts, members or MemberChange(), source_version)
    try:
        return _attempt(asked, expected_version, has_turn=False)
    except TurnNeededError:
        return _attempt(asked, expected_version, has_turn=True)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be done, whatever it takes."""

    services: IdpServices
    actor: Actor
    source: str
    group_id: str
    facts: GroupFacts | None
    members: MemberChange
    source_version: int | None

    @property
    def fence(self) -> int | None:
        """The version that the source states, if it states one."""
        return self.source_version if self.facts is None else self.facts.source_version


def _attempt(asked: _Asked, expected_version: int | None, *, has_turn: bool) -> GroupChanged | GroupRefusal:
    try:
        with asked.services.store.write() as unit:
            if has_turn:  # before the group is held, as everybody does
                take_turn(unit.connection, asked.source)
                lock_groups(
                    unit.connection, {asked.group_id, *asked.members.added, *(asked.members.whole or ())}
                )
            group = find_group_for_change(unit.connection, asked.group_id, source=asked.source)
            refused = _refusal(group, asked.facts, asked.fence, expected_version)
            if group is None or refused is not None:
                return refused or Missing()
            moves = move_members(unit, group.id, asked.members, source=asked.source, has_turn=has_turn)
            return _store(unit, asked, group, moves)
    except (RefusedMembersError, _MovedError) as error:
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


def _store(unit: Unit, asked: _Asked, group: Group, moves: Moves) -> GroupChanged:
    facts, fence = asked.facts, asked.fence
    raised = fence is not None and fence > group.source_version
    if facts is None and not raised and not moves.came and not moves.went:
        return GroupChanged(group_record(group), changed=False)
    changed = dataclasses.replace(
        group if facts is None else _with_facts(group, facts),
        source_version=max(group.source_version, fence or 0),
        version=group.version + 1,
        updated_at=unit.now,
    )
    if facts is None:
        raise_group_version(unit.connection, group.id, now=unit.now, fence=fence if raised else None)
    else:
        failed = change_group_row(
            unit.connection, changed, expected_version=group.version, values=facts.values
        )
        if failed is not None:
            raise _MovedError(failed)
    touch_moved(unit, moves, renamed="" if changed.display_name == group.display_name else group.id)
    former = "" if changed.application_key == group.application_key else group.application_key
    for account_id, key in parted(unit, group.id, moves, former_key=former):
        end_access(unit, asked.services, account_id=account_id, application_key=key, actor=asked.actor)
    names = () if facts is None else changed_names(group.document, facts.document)
    if moves.came or moves.went:
        names = (*names, "members")
    _record(unit, changed, names, moves, asked.actor)
    wrote(unit, changed, before=group, changed=names, added=moves.came, removed=moves.went)
    return GroupChanged(group_record(changed), changed=True)


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


def _record(unit: Unit, group: Group, names: tuple[str, ...], moves: Moves, actor: Actor) -> None:
    unit.audit.record(
        "gateway:group:changed",
        actor=actor,
        target=group.id,
        organization=group.organization_id,
        details={
            "changed": [*names],
            "role": group.access_role_key,
            "added": [*sorted(moves.came)],
            "removed": [*sorted(moves.went)],
            "version": group.version,
        },
    )
