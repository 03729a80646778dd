"""POST /Users (RFC 7644 §3.3)."""

from __future__ import annotations

from typing import Any

from scim2_models import Context

from idp.domain.provisioning import OwnManager, Taken, UnknownManager
from idp.usecases.provision_account import Provisioned, provision_account
from idp.usecases.search_accounts import AccountView
from idp.usecases.services import IdpServices
from scim.domain.catalogue import USERS
from scim.domain.documents import require_schema
from scim.domain.enterprise import keep_manager
from scim.domain.lenient_resources import lenient_resource
from scim.domain.links import check_links
from scim.domain.mapping import account_facts, wire_form
from scim.domain.models import TOLERANT, USER_SCHEMA, User
from scim.usecases.client import ScimClient
from scim.usecases.outcomes import UserWritten


def create_user(
    services: IdpServices, *, client: ScimClient, body: dict[str, Any]
) -> UserWritten | Taken | UnknownManager | OwnManager:
    """Make the user ``body`` describes; what is read-only in it is ignored (C2).

    Raises:
        SCIMException, pydantic.ValidationError: if the body is no valid user.
    """
    require_schema(body, USER_SCHEMA)
    body = lenient_resource(body, client.users, client.tolerance)
    user = User.model_validate(body, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=TOLERANT)
    if user.active is None:
        user.active = True  # what a new user is unless it says otherwise, it is seen to be
    resource = wire_form(user)
    keep_manager(resource, {})
    if not client.tolerance.free_text_links:
        check_links(USERS, resource, stored={})
    facts = account_facts(resource, free_manager=client.tolerance.unknown_managers)
    outcome = provision_account(services, actor=client.actor, source=client.id, facts=facts)
    if not isinstance(outcome, Provisioned):
        return outcome
    return UserWritten(AccountView(outcome.record, ()))
