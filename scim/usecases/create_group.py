"""POST /Groups (RFC 7644 §3.3)."""

from __future__ import annotations

from typing import Any

from scim2_models import Context

from idp.domain.provisioning import Taken
from idp.usecases.members import MemberRefusal
from idp.usecases.provision_group import GroupProvisioned, provision_group
from idp.usecases.search_accounts import GroupView
from idp.usecases.services import IdpServices
from scim.domain.documents import require_schema
from scim.domain.group_patch import split_members
from scim.domain.lenient_resources import lenient_resource
from scim.domain.mapping import group_facts, states_access
from scim.domain.models import GROUP_SCHEMA, TOLERANT, Group
from scim.usecases.client import ScimClient
from scim.usecases.outcomes import GroupWritten, NotTheirAccess


def create_group(
    services: IdpServices, *, client: ScimClient, body: dict[str, Any], may_state_access: bool
) -> GroupWritten | Taken | MemberRefusal | NotTheirAccess:
    """Make the group ``body`` describes with its members; an unknown one refuses it, or is left out (J2).

    Raises:
        SCIMException, pydantic.ValidationError: if the body is no valid group.
    """
    require_schema(body, GROUP_SCHEMA)
    rest, members = split_members(lenient_resource(body, client.groups, client.tolerance))
    group = Group.model_validate(rest, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=TOLERANT)
    resource = group.model_dump()
    if not may_state_access and states_access(resource):
        return NotTheirAccess()
    facts = group_facts(resource)
    outcome = provision_group(
        services,
        actor=client.actor,
        source=client.id,
        facts=facts,
        members=members,
        leave_out_unknown=client.leaves_out_unknown(members),
    )
    if isinstance(outcome, GroupProvisioned):
        return GroupWritten(GroupView(outcome.record, outcome.members))
    return outcome
