"""The commonest PATCH, read directly: it states what the whole machinery would (I4)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest
from scim2_models import Context, InvalidValueException, PatchOp

from idp.domain.account import Account
from idp.domain.changed_names import changed_names
from idp.domain.provisioning import AccountFacts
from idp.domain.query import StoredAccount
from idp.domain.reporting_line import ENTERPRISE
from scim.domain.catalogue import USERS
from scim.domain.mapping import LARGEST_RESOURCE, account_facts, stated_document, wire_form
from scim.domain.models import TOLERANT, USER_EXTENSION, User
from scim.domain.user_patch import Switch, read_switch
from tests.support.scim import PATCH_SCHEMA, a_user

_AT = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
_OWN = a_user()[USER_EXTENSION]
_USERS: dict[str, dict[str, Any]] = {
    "usual": {},
    "without an address": {"emails": []},
    "with a text like the attribute": {"title": '"active":true', "nickName": '\\"sourceVersion\\":null'},
    "inactive": {"active": False},
    "machine": {USER_EXTENSION: _OWN | {"accountKind": "machine", "allowedAddresses": ["192.0.2.0/24"]}},
    "not invited": {USER_EXTENSION: _OWN | {"activation": {"send": False, "validDays": 3}}},
    "led": {ENTERPRISE: {"manager": {"value": "01J0000000000000000000000A"}, "department": "Ops"}},
    "many addresses": {
        "emails": [{"value": "a@example.org"}, {"value": "b@example.org", "primary": True}],
        "phoneNumbers": [{"value": "+14165550100", "type": "mobile"}],
        "preferredLanguage": "fr-CA",
    },
}


def stored(*, active: bool = True, **attributes: Any) -> StoredAccount:
    """Give an account as it is stored after a user was created so."""
    user = User.model_validate(a_user(**{"active": active} | attributes), scim_policy=TOLERANT)
    facts = account_facts(wire_form(user))
    same = {each.name for each in dataclasses.fields(AccountFacts)} - {"source_version", "active"}
    shared = {each.name: None for each in dataclasses.fields(Account)}
    known = {name: getattr(facts, name) for name in shared if name in same}
    account = Account(
        **shared
        | known
        | {"active": facts.active, "source_version": facts.source_version or 0, "version": 1}
        | {"id": "one", "source": "idp", "created_at": _AT, "updated_at": _AT}
    )
    return StoredAccount(account, facts.document)


def by_the_whole_machinery(of: StoredAccount, switch: Switch) -> AccountFacts:
    """Read the whole user, switched."""
    resource = json.loads(stated_document(of.record))
    if switch.active is not None:
        resource["active"] = switch.active
    if switch.source_version is not None:
        resource[USER_EXTENSION]["sourceVersion"] = switch.source_version
    return facts_over(of, resource)


def facts_over(of: StoredAccount, resource: dict[str, Any]) -> AccountFacts:
    """Read a whole user over what is stored of it."""
    facts = account_facts(resource, stored=json.loads(of.document))
    return dataclasses.replace(facts, changed=changed_names(of.document, facts.document))


@pytest.mark.parametrize(
    "attributes", [{"active": None}, {USER_EXTENSION: {"accountKind": "personal"}}, {USER_EXTENSION: None}]
)
def test_what_has_no_place_yet_is_left_to_the_whole_machinery(attributes: dict[str, Any]) -> None:
    """H3: an attribute that is stated for the first time is put in its place by the models."""
    of = stored(**attributes)
    switch = Switch(active=False) if "active" in attributes else Switch(source_version=2)
    assert switch.facts(of) is None


def test_a_user_that_is_switched_on_may_be_no_larger_than_any() -> None:
    """B7: who is to lose access loses it at any size; who is to get it back fits."""
    of = stored(active=False)
    grown = dataclasses.replace(
        of,
        document=of.document.replace('"active":false', f'"active":false,"title":"{"x" * LARGEST_RESOURCE}"'),
    )
    with pytest.raises(InvalidValueException, match="1048576 bytes"):
        Switch(active=True).facts(grown)


@pytest.mark.parametrize("active", [None, True, False])
@pytest.mark.parametrize("version", [None, 1, 7])
@pytest.mark.parametrize("name", _USERS)
def test_a_switch_states_what_the_whole_machinery_would(
    name: str,
    version: int | None,
    active: bool | None,  # noqa: FBT001
) -> None:
    """I4, OB-11: value by value, whatever else the user states."""
    of, switch = stored(**_USERS[name]), Switch(active, version)
    assert switch.facts(of) == by_the_whole_machinery(of, switch)


def test_nothing_else_of_a_user_is_called_active() -> None:
    """C9: by its name alone the attribute is found in a document."""
    everywhere = [USERS.core, *USERS.extensions.values()]
    attributes = [each for attributes in everywhere for each in attributes.values()]
    names = [each.name for each in attributes] + [
        part.name for each in attributes for part in each.parts.values()
    ]
    assert names.count("active") == 1


SWITCHES: list[list[dict[str, Any]]] = [
    [{"op": "replace", "path": "active", "value": False}],
    [{"op": "Add", "path": "ACTIVE", "value": True}],
    [{"op": "replace", "value": {"active": False}}],
    [{"op": "replace", "path": f"{USER_EXTENSION}:sourceVersion", "value": 9}],
    [
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": f"{USER_EXTENSION}:sourceVersion", "value": 9},
    ],
]


@pytest.mark.parametrize("operations", SWITCHES)
def test_the_direct_way_of_a_patch_means_what_the_library_does(operations: list[dict[str, Any]]) -> None:
    """I4: the deny lane takes a short cut, to the very same place."""
    of = stored()
    user = User.model_validate_json(stated_document(of.record), scim_policy=TOLERANT)
    message = {"schemas": [PATCH_SCHEMA], "Operations": operations}
    patch = PatchOp[User].model_validate(
        message, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=TOLERANT
    )  # type: ignore[valid-type]
    patch.patch(user, scim_policy=TOLERANT)
    switch = read_switch(operations)
    assert switch is not None
    assert switch.facts(of) == facts_over(of, user.model_dump())


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "remove", "path": "active"}],
        [{"op": "replace", "path": "active", "value": "False"}],
        [{"op": "replace", "path": "title", "value": "x"}],
        [{"op": "replace", "path": f"{USER_EXTENSION}:sourceVersion", "value": True}],
        [{"op": "replace", "value": {"active": False, "title": "x"}}],
    ],
)
def test_every_other_patch_takes_the_long_way(operations: list[dict[str, Any]]) -> None:
    """The short cut is for exactly one shape."""
    assert read_switch(operations) is None
