"""A source makes a group, with its first members if it names any."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.changed_names import changed_names
from idp.domain.group import Group, Member, MemberChange
from idp.domain.provisioning import GroupFacts, Taken
from idp.domain.query import Record, group_record
from idp.storage.groups import insert_group, known_groups
from idp.storage.nesting import lock_groups, take_turn
from idp.storage.violations import TakenError
from idp.usecases.members import MemberRefusal, RefusedMembersError, move_members, touch_moved
from idp.usecases.provisioning_log import note_left_out, record_deed
from idp.usecases.services import IdpServices
from kernel.audit import Actor
from kernel.store import Unit


@dataclass(frozen=True, slots=True)
class GroupProvisioned:
    """The group is stored as ``record`` shows it, with ``members``, whose names are left out."""

    record: Record
    members: tuple[Member, ...]


def provision_group(
    services: IdpServices,
    *,
    actor: Actor,
    source: str,
    facts: GroupFacts,
    members: frozenset[str],
    leave_out_unknown: bool = False,
) -> GroupProvisioned | Taken | MemberRefusal:
    """Make the group that ``facts`` describe, owned by ``source``, as its members are.

    With ``leave_out_unknown`` it is made without those of ``members`` that are none of the source's
    resources; otherwise one of them refuses it (J2).
    """
    try:
        return _provision(services, actor, source, facts, members, leave_out_unknown=leave_out_unknown)
    except RefusedMembersError as error:
        return error.refusal
    except TakenError as refused:
        return refused.taken


def _provision(
    services: IdpServices,
    actor: Actor,
    source: str,
    facts: GroupFacts,
    members: frozenset[str],
    *,
    leave_out_unknown: bool,
) -> GroupProvisioned:
    with services.store.write() as unit:
        groups = known_groups(unit.connection, members, source=source) if members else frozenset()
        if groups:  # before any group is held, as everybody does
            take_turn(unit.connection, source)
            lock_groups(unit.connection, groups)
        group = _new_group(unit, source, facts)
        insert_group(unit.connection, group, facts.values)
        moves = move_members(
            unit,
            group.id,
            MemberChange(added=members),
            source=source,
            has_turn=bool(groups),
            leave_out_unknown=leave_out_unknown,
        )
        touch_moved(unit, moves)
        unit.audit.record(
            "gateway:group:provisioned",
            actor=actor,
            target=group.id,
            organization=group.organization_id,
            details={"source": source, "role": group.access_role_key, "added": len(moves.came)},
        )
        note_left_out(moves.left_out)
        record_deed(unit, group, changed=changed_names("{}", facts.document), added=moves.came)
        return GroupProvisioned(group_record(group), moves.members)


def _new_group(unit: Unit, source: str, facts: GroupFacts) -> Group:
    return Group(
        id=unit.randomness.ulid(unit.now),
        source=source,
        external_id=facts.external_id,
        display_name=facts.display_name,
        organization_id=facts.organization_id,
        organization_short_name=facts.organization_short_name,
        access_role_key=facts.access_role_key,
        access_role_name=facts.access_role_name,
        application_key=facts.application_key,
        account_kinds=facts.account_kinds,
        source_version=facts.source_version or 0,
        version=1,
        document=facts.document,
        created_at=unit.now,
        updated_at=unit.now,
    )
