"""The commonest PATCH, read directly: it states what the whole machinery would (I4)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest
from scim2_models import InvalidValueException

from idp.domain.account import Account
from idp.domain.changed_names import changed_names
from idp.domain.provisioning import AccountFacts
from idp.domain.query import StoredAccount
from idp.domain.reporting_line import ENTERPRISE
from scim.domain.catalogue import USERS
from scim.domain.mapping import LARGEST_RESOURCE, account_facts, stated_document
from scim.domain.models import USER_EXTENSION
from scim.domain.user_patch import Switch, read_switch
from tests.support.scim import a_user

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
    user = {
        name: value for name, value in a_user(**{"active": active} | attributes).items() if value is not None
    }
    facts = account_facts(user)
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


def test_only_a_switch_is_read_as_one() -> None:
    """H1: whatever states more goes through the models."""
    assert read_switch([{"op": "replace", "path": "active", "value": False}]) == Switch(active=False)
    assert read_switch([{"op": "replace", "path": "active", "value": "False"}]) is None
    assert read_switch([{"op": "replace", "path": "title", "value": "x"}]) is None
