"""PUT and PATCH /Groups/{id} (RFC 7644 §3.5): members as rows, everything else as for users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scim2_models import Context

from idp.domain.group import MemberChange
from idp.domain.provisioning import (
    GroupFacts,
    Missing,
    Moved,
    Stale,
    Taken,
    Unfenced,
)
from idp.domain.query import Record
from idp.usecases.change_group import GroupChanged, GroupEdit, GroupRefusal, change_group
from idp.usecases.members import MemberRefusal
from idp.usecases.search_accounts import GroupView, find_own_account, find_own_group
from idp.usecases.services import IdpServices
from kernel.errors import BusyError
from scim.domain.documents import require_schema
from scim.domain.etag import Demand
from scim.domain.group_patch import (
    GroupPatch,
    Held,
    read_group_patch,
    split_members,
)
from scim.domain.lenient_patches import lenient_operations
from scim.domain.lenient_resources import lenient_resource
from scim.domain.mapping import (
    group_facts,
    is_stated,
    keep_extension,
    keep_fence,
    stated_document,
    states_access,
)
from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA, TOLERANT, Group
from scim.domain.patch_operations import read_operations, require_paths
from scim.domain.patching import Patch
from scim.usecases.client import ScimClient
from scim.usecases.outcomes import MOST_TRIES, ConditionFailed, GroupWritten, NotTheirAccess

_Edit = Callable[[Record], dict[str, Any]]
_Selected = Callable[[GroupView], MemberChange]
Outcome = GroupWritten | Taken | Stale | Missing | ConditionFailed | MemberRefusal | NotTheirAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupWrite:
    """A PUT or PATCH of one group: whose, with which body, and what it demands of the version it changes.

    The outcome shows the members where they are no more than ``most_shown``. Without ``may_state_access`` the
    group may not come to state any, and nobody comes into one that does, nor leaves it (SA-07); groups around
    it are not looked at.
    """

    client: ScimClient
    group_id: str
    body: dict[str, Any]
    may_state_access: bool
    demand: Demand | None = None
    most_shown: int = 0

    def is_refused_at(self, version: int) -> bool:
        """Tell whether the request demands another version than ``version``."""
        return self.demand is not None and not self.demand.meets(version)


def replace_group(services: IdpServices, write: GroupWrite) -> Outcome:
    """Put the body in the place of the group; of its members only the difference is written (G5).

    Raises:
        SCIMException, pydantic.ValidationError: if the body is no valid group.
    """
    client = write.client
    require_schema(write.body, GROUP_SCHEMA)
    rest, members = split_members(lenient_resource(write.body, client.groups, client.tolerance))
    wanted = Group.model_validate(rest, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=TOLERANT)

    def edit(record: Record) -> dict[str, Any]:
        stored = Group.model_validate_json(stated_document(record), scim_policy=TOLERANT)
        replacement = wanted.model_copy(deep=True)
        with TOLERANT:
            replacement.replace(stored)
        resource: dict[str, Any] = replacement.model_dump()
        return resource

    return _edit(services, write, edit, MemberChange(whole=members))


def patch_group(services: IdpServices, write: GroupWrite) -> Outcome:
    """Apply the operations of the body; where they name members only, nothing else is read (J4).

    Where they select members by more than ids, those of the very version that is changed are looked at.

    Raises:
        SCIMException, pydantic.ValidationError: if an operation cannot be done.
    """
    client = write.client
    operations = lenient_operations(
        read_operations(write.body), client.groups, client.tolerance, own_id=write.group_id
    )
    several = client.tolerance.several_entries_selected
    asked = read_group_patch(operations, selects_several=several)
    may_fence = client.extension or asked.source_version is None
    if asked.by_rows and not asked.selects and write.may_state_access and may_fence:
        outcome = _change_rows(services, write, asked)
        if outcome is not None:
            return outcome
    require_paths(asked.rest, client.groups)
    patch = Patch(Group, asked.rest, client.tolerance, client.effort)

    def edit(record: Record) -> dict[str, Any]:
        document = stated_document(record)
        group = Group.model_validate_json(document, scim_policy=TOLERANT)
        patch.apply(group, document)
        resource: dict[str, Any] = group.model_dump()
        return resource

    effort, before = client.effort, client.effort.members

    def selected(view: GroupView) -> MemberChange:
        effort.members = before  # each try counts anew, not beside the one that came to nothing
        held = _held(services, client, view)
        return read_group_patch(operations, held=held, selects_several=several, effort=effort).members

    return _edit(services, write, edit, selected if asked.selects else asked.members)


def _held(services: IdpServices, client: ScimClient, view: GroupView) -> Held:
    def kind_of(member_id: str) -> str:
        found = find_own_group(services, source=client.id, group_id=member_id, with_members=False)
        if found is not None:
            return "Group"
        if client.leave_out_unknown_members and not _is_account(services, client, member_id):
            return ""
        return "User"

    return Held({each.member_id: each.kind for each in view.members or ()}, kind_of)


def _is_account(services: IdpServices, client: ScimClient, member_id: str) -> bool:
    found = find_own_account(services, source=client.id, account_id=member_id, with_groups=False)
    return found is not None


def _change_rows(services: IdpServices, write: GroupWrite, asked: GroupPatch) -> Outcome | None:
    """Change members, and the fence, as rows; None where the group has no fence to raise yet."""
    for _ in range(MOST_TRIES):
        expected: int | None = None
        if write.demand is not None:
            view = _look(services, write, with_members=False)
            if view is None:
                return Missing()
            expected = view.record.version
            if write.is_refused_at(expected):
                return ConditionFailed()
        edit = GroupEdit(
            members=asked.members,
            source_version=asked.source_version,
            expected_version=expected,
            leave_out_unknown=write.client.leaves_out_unknown(asked.members.wanted),
        )
        outcome = _store(services, write, edit)
        if isinstance(outcome, Unfenced):
            return None
        if not isinstance(outcome, Moved):
            return outcome
    raise BusyError(retry_after=1)


def _edit(
    services: IdpServices, write: GroupWrite, edit: _Edit, members: MemberChange | _Selected
) -> Outcome:
    """Compute the group anew from the version that is stored, as often as another one comes first."""
    selects = not isinstance(members, MemberChange)
    for _ in range(MOST_TRIES):
        view = _look(services, write, with_members=selects)
        if view is None:
            return Missing()
        if write.is_refused_at(view.record.version):
            return ConditionFailed()
        resource = edit(view.record)
        if not write.client.extension:
            keep_extension(resource, view.record, GROUP_EXTENSION)
        if not write.may_state_access and states_access(resource):
            return NotTheirAccess()
        facts = _facts(resource, view.record)
        change = members if isinstance(members, MemberChange) else members(view)
        edit_of_group = GroupEdit(
            facts,
            change,
            expected_version=view.record.version,
            leave_out_unknown=write.client.leaves_out_unknown(change.wanted),
        )
        outcome = _store(services, write, edit_of_group)
        if not isinstance(outcome, Moved | Unfenced):
            return outcome
    raise BusyError(retry_after=1)


def _look(services: IdpServices, write: GroupWrite, *, with_members: bool) -> GroupView | None:
    return find_own_group(
        services, source=write.client.id, group_id=write.group_id, with_members=with_members
    )


def _store(services: IdpServices, write: GroupWrite, edit: GroupEdit) -> GroupWritten | GroupRefusal:
    outcome = change_group(
        services,
        actor=write.client.actor,
        source=write.client.id,
        group_id=write.group_id,
        edit=edit,
        most_shown=write.most_shown,
    )
    if isinstance(outcome, GroupChanged):
        return GroupWritten(GroupView(outcome.record, outcome.members), changed=outcome.changed)
    return outcome


def _facts(resource: dict[str, Any], record: Record) -> GroupFacts | None:
    """Return what the resource states, or None if the record states it already."""
    keep_fence(resource, record, GROUP_EXTENSION)
    facts = group_facts(resource)
    same_fence = facts.source_version is None or facts.source_version == record.source_version
    return None if same_fence and is_stated(facts.document, record) else facts
