"""A source changes a group: who is in it, and what it says of itself."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from idp.domain.changed_names import changed_names
from idp.domain.group import Group, Member, MemberChange
from idp.domain.provisioning import (
    SOURCE_VERSION_MARK,
    GroupFacts,
    Missing,
    Moved,
    Protected,
    Stale,
    Taken,
    Unfenced,
)
from idp.domain.query import Record, group_record
from idp.storage.groups import change_group_row, find_group_for_change, raise_group_version
from idp.storage.member_changes import change_members
from idp.storage.members import first_members
from idp.storage.nesting import any_protected_within, lock_groups, take_turn
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
from idp.usecases.provisioning_log import forgetting_undone, note_left_out, record_deed
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.errors import UndoneError
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class GroupEdit:
    """What a source wants of a group: other attributes (``facts``), other members, or both, as one.

    ``facts`` were computed from ``expected_version``; any other version of the group refuses the edit. Where
    only members change, ``source_version`` may raise the fence with them. With ``leave_out_unknown`` it is
    done without the members that are none of the source's resources; otherwise one of them refuses it (J2).
    """

    facts: GroupFacts | None = None
    members: MemberChange = field(default_factory=MemberChange)
    source_version: int | None = None
    expected_version: int | None = None
    leave_out_unknown: bool = False

    @property
    def fence(self) -> int | None:
        """The version that the source states, if it states one."""
        return self.source_version if self.facts is None else self.facts.source_version

    @property
    def is_usual(self) -> bool:
        """Tell that members come, or go, and nothing else is asked."""
        only = self.facts is None and self.source_version is None and self.members.whole is None
        return only and bool(self.members.added) != bool(self.members.removed)


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """The group is stored as ``record`` shows it; ``changed`` is False when nothing was to do (H12).

    ``members`` are those the group has then, without their names; None where more than was asked for.
    """

    record: Record
    changed: bool
    members: tuple[Member, ...] | None = None


GroupRefusal = Taken | Stale | Moved | Missing | Unfenced | MemberRefusal


class _OtherwiseError(Exception):
    """Undoes the unit: the change cannot be made at once, and it is to be found out why."""


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
    edit: GroupEdit,
    most_shown: int = 0,
) -> GroupChanged | GroupRefusal:
    """Do ``edit`` to the group, all of it or nothing.

    Members are rows: adding or removing one costs the same in a group of any size, and of a whole list only
    the difference is written. A stated version below the stored fence refuses all of it; an equal one is
    another worker of the same source and passes. An account that loses its last way into an application loses
    its sessions and tokens there too, whichever link of the way went.

    Up to ``most_shown`` members are told with the outcome, as they are at that version of the group (L1).
    """
    job = _Job(services, actor, source, group_id, edit, most_shown)
    if edit.is_usual:
        outcome = _at_once(job)
        if outcome is not None:
            return outcome
    try:
        return _attempt(job, has_turn=False)
    except TurnNeededError:
        return _attempt(job, has_turn=True)


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to be done, whatever it takes."""

    services: IdpServices
    actor: Actor
    source: str
    group_id: str
    edit: GroupEdit
    most_shown: int


def _at_once(job: _Job) -> GroupChanged | None:
    """Have accounts come, or go, in the fewest statements; None where nothing was done, nor decided, so.

    Who changes the same group at the same time shares a commit.
    """
    try:
        with forgetting_undone(), job.services.store.write(line=job.group_id) as unit:
            return _move(unit, job)
    except (_OtherwiseError, UndoneError):
        return None


def _move(unit: Unit, job: _Job) -> GroupChanged:
    members = job.edit.members
    done = change_members(
        unit.connection,
        job.group_id,
        members,
        source=job.source,
        expected_version=job.edit.expected_version,
        now=unit.now,
        first=_looked_at(job),
    )
    if done is None:
        raise _OtherwiseError
    _end_access(unit, job, done.parted)
    former = dataclasses.replace(done.group, version=done.group.version - 1)
    outcome = _record_change(unit, job, former, done.group, Moves(members.added, members.removed))
    return _showing(outcome, done.members, job)


def _attempt(job: _Job, *, has_turn: bool) -> GroupChanged | GroupRefusal:
    members = job.edit.members
    try:
        with job.services.store.write() as unit:
            if has_turn:  # before the group is held, as everybody does
                take_turn(unit.connection, job.source)
                lock_groups(unit.connection, {job.group_id, *members.added, *(members.whole or ())})
            group = find_group_for_change(unit.connection, job.group_id, source=job.source)
            refused = _refusal(group, job.edit)
            if group is None or refused is not None:
                return refused or Missing()
            moves = move_members(
                unit,
                group.id,
                members,
                source=job.source,
                has_turn=has_turn,
                leave_out_unknown=job.edit.leave_out_unknown,
            )
            outcome = _store(unit, job, group, moves)
            return _showing(outcome, first_members(unit.connection, group.id, _looked_at(job)), job)
    except (RefusedMembersError, _MovedError) as error:
        return error.refusal
    except TakenError as error:
        return error.taken


def _refusal(group: Group | None, edit: GroupEdit) -> GroupRefusal | None:
    if group is None:
        return Missing()
    if edit.fence is not None and edit.fence < group.source_version:
        return Stale(group.source_version)
    if edit.expected_version is not None and group.version != edit.expected_version:
        return Moved()
    if edit.facts is None and edit.fence is not None and SOURCE_VERSION_MARK not in group.document:
        return Unfenced()
    return None


def _looked_at(job: _Job) -> int:
    """Return how many members are read: one more than may be shown, if any may."""
    return job.most_shown + 1 if job.most_shown else 0


def _showing(outcome: GroupChanged, members: tuple[Member, ...], job: _Job) -> GroupChanged:
    """Add the members, which were read while the group was held, if so many may be shown."""
    if not job.most_shown or len(members) > job.most_shown:
        return outcome
    return dataclasses.replace(outcome, members=members)


def _store(unit: Unit, job: _Job, group: Group, moves: Moves) -> GroupChanged:
    facts, fence = job.edit.facts, job.edit.fence
    raised = fence is not None and fence > group.source_version
    if facts is None and not raised and not moves.came and not moves.went:
        note_left_out(moves.left_out)
        return GroupChanged(group_record(group), changed=False)
    changed = dataclasses.replace(
        group if facts is None else _with_facts(group, facts),
        source_version=max(group.source_version, fence or 0),
        version=group.version + 1,
        updated_at=unit.now,
    )
    if _opens(changed) != _opens(group) and any_protected_within(unit.connection, [group.id]):
        raise RefusedMembersError(Protected())
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
    _end_access(unit, job, parted(unit, group.id, moves, former_key=former))
    return _record_change(unit, job, group, changed, moves)


def _end_access(unit: Unit, job: _Job, lost: tuple[tuple[str, str], ...]) -> None:
    """End the access that went with the members."""
    for account_id, key in lost:
        end_access(unit, job.services, account_id=account_id, application_key=key, actor=job.actor)


def _record_change(unit: Unit, job: _Job, group: Group, changed: Group, moves: Moves) -> GroupChanged:
    """Record the change of ``group`` to ``changed``."""
    facts = job.edit.facts
    names = () if facts is None else changed_names(group.document, facts.document)
    if moves.came or moves.went:
        names = (*names, "members")
    _audit(unit, changed, names, moves, job.actor)
    note_left_out(moves.left_out)
    record_deed(unit, changed, before=group, changed=names, added=moves.came, removed=moves.went)
    return GroupChanged(group_record(changed), changed=True)


def _opens(group: Group) -> tuple[str, str, str]:
    """Return what its members may because of the group: to give them other access is to change them (O8)."""
    return group.application_key, group.organization_id, group.access_role_key


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


def _audit(unit: Unit, group: Group, names: tuple[str, ...], moves: Moves, actor: Actor) -> None:
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
