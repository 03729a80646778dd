"""PUT and PATCH /Users/{id} (RFC 7644 §3.5): one way to change a user, two ways to say how.

The change is computed from the stored version without holding anything, and stored only over that very
version; who comes second computes again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from scim2_models import Context

from idp.domain.account_lock import stated
from idp.domain.changed_names import changed_names
from idp.domain.provisioning import AccountFacts, Missing, Moved, Taken
from idp.domain.query import Record, StoredAccount
from idp.usecases.change_account import AccountRefusal, Changed, change_account
from idp.usecases.search_accounts import AccountView, find_account_to_change
from idp.usecases.services import IdpServices
from kernel.errors import BusyError
from scim.domain.catalogue import USERS
from scim.domain.documents import require_schema
from scim.domain.enterprise import keep_manager
from scim.domain.entries import merge_entries
from scim.domain.etag import Demand
from scim.domain.lenient_patches import lenient_operations
from scim.domain.lenient_resources import lenient_resource
from scim.domain.links import check_links
from scim.domain.mapping import (
    account_facts,
    is_stated,
    keep_extension,
    keep_fence,
    keep_kind,
    stated_document,
    wire_form,
)
from scim.domain.models import TOLERANT, USER_EXTENSION, USER_SCHEMA, User
from scim.domain.patch_operations import read_operations, require_paths
from scim.domain.patching import Patch
from scim.domain.user_patch import Switch, read_switch
from scim.usecases.client import ScimClient
from scim.usecases.outcomes import MOST_TRIES, ConditionFailed, NotTheirs, UserWritten

OWN_ATTRIBUTES = frozenset({"locale", "nickName", "photos", "preferredLanguage", "profileUrl", "timezone"})
"""What people may change of their own account: what opens nothing, and nobody is known by (M2)."""
_Edit = Callable[[StoredAccount], AccountFacts | None]
"""What an account is to state, or None if it states it already."""
_Draft = Callable[[Record], dict[str, Any] | None]
"""A user as a request would have it, or None if it is so already."""
Outcome = UserWritten | NotTheirs | Taken | AccountRefusal | ConditionFailed


def replace_user(
    services: IdpServices,
    *,
    client: ScimClient,
    account_id: str,
    body: dict[str, Any],
    demand: Demand | None = None,
) -> Outcome:
    """Put ``body`` in the place of the user: what it leaves out is cleared (G2), fence and kind aside.

    Raises:
        SCIMException, pydantic.ValidationError: if the body is no valid user.
    """
    require_schema(body, USER_SCHEMA)
    body = lenient_resource(body, client.users, client.tolerance)
    wanted = User.model_validate(body, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=TOLERANT)

    def draft(record: Record) -> dict[str, Any] | None:
        stored = User.model_validate_json(stated_document(record), scim_policy=TOLERANT)
        replacement = wanted.model_copy(deep=True)
        with TOLERANT:
            replacement.replace(stored)
        resource = wire_form(replacement, inactive=stored.active is False)
        keep_kind(resource, json.loads(record.document))
        return resource

    return _edit(services, client, account_id, _drafting(draft, client), demand)


def patch_user(
    services: IdpServices,
    *,
    client: ScimClient,
    account_id: str,
    body: dict[str, Any],
    demand: Demand | None = None,
) -> Outcome:
    """Apply the operations of ``body`` to the user, all or none (H2).

    Raises:
        SCIMException, pydantic.ValidationError: if an operation cannot be done.
    """
    operations = lenient_operations(read_operations(body), client.users, client.tolerance, own_id=account_id)
    switch = read_switch(operations)
    if switch is not None and (client.extension or switch.source_version is None):
        try:
            return _edit(services, client, account_id, _switching(switch), demand)
        except _NoPlaceError:
            pass
    require_paths(operations, client.users)
    patch = Patch(User, operations, client.tolerance, client.effort)

    def draft(record: Record) -> dict[str, Any] | None:
        document = stated_document(record)
        user = User.model_validate_json(document, scim_policy=TOLERANT)
        if not patch.apply(user, document):
            return None
        resource = wire_form(user)
        merge_entries(USERS, resource)
        return resource

    return _edit(services, client, account_id, _drafting(draft, client), demand)


class _NoPlaceError(Exception):
    """The user does not state the attribute yet: the whole machinery has to put it in its place."""


def _switching(switch: Switch) -> _Edit:
    def edit(stored: StoredAccount) -> AccountFacts | None:
        facts = switch.facts(stored)
        if facts is None:
            raise _NoPlaceError
        same_fence = facts.source_version in (None, stored.account.source_version)
        return None if same_fence and facts.document == stored.document else facts

    return edit


def _drafting(draft: _Draft, client: ScimClient) -> _Edit:
    def edit(stored: StoredAccount) -> AccountFacts | None:
        resource = draft(stored.stated)
        return None if resource is None else _facts(resource, stored, client)

    return edit


def _edit(
    services: IdpServices, client: ScimClient, account_id: str, edit: _Edit, demand: Demand | None
) -> Outcome:
    for _ in range(MOST_TRIES):
        found = find_account_to_change(services, source=client.id, account_id=account_id)
        if found is None:
            return Missing()
        stored, groups = found
        if demand is not None and not demand.meets(stored.account.version):
            return ConditionFailed()
        facts = edit(stored)
        if facts is None:
            return UserWritten(AccountView(stored.record, groups), changed=False)
        if client.account_id and not _is_theirs(stored.stated, facts):
            return NotTheirs()
        outcome = change_account(services, actor=client.actor, stored=stored, facts=facts)
        if isinstance(outcome, Changed):
            return UserWritten(AccountView(outcome.record, groups))
        if not isinstance(outcome, Moved):
            return outcome
    raise BusyError(retry_after=1)


def _is_theirs(record: Record, facts: AccountFacts) -> bool:
    """Tell whether a change touches nothing but what people may change of their own account."""
    names = set(changed_names(record.document, facts.document))
    same_fence = facts.source_version in (None, record.source_version)
    return bool(names) and names <= OWN_ATTRIBUTES and same_fence


def _facts(resource: dict[str, Any], stored: StoredAccount, client: ScimClient) -> AccountFacts | None:
    """Return what the resource states, or None if it is stored so already."""
    record = stored.stated
    document = json.loads(record.document)
    if not client.extension:
        keep_extension(resource, record, USER_EXTENSION)
    keep_fence(resource, record, USER_EXTENSION)
    keep_manager(resource, document)
    if not client.tolerance.free_text_links:
        check_links(USERS, resource, stored=document)
    facts = account_facts(resource, stored=document, free_manager=client.tolerance.unknown_managers)
    if facts.active is None:  # the document of a locked account says it all the same
        facts = dataclasses.replace(facts, document=stated(stored.account, facts.document))
    same_fence = facts.source_version is None or facts.source_version == record.source_version
    return None if same_fence and is_stated(facts.document, record) else facts
