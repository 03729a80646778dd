"""A user's manager in the prepared document: the id the source states, and the name the Gateway knows it by.

A manager that is an account of the same source has a name beside its id; one without a name is nobody here,
kept as a source of a tolerant profile stated it.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from idp.domain.provisioning import AccountFacts, AttributeValue
from idp.domain.user_name import fold

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
VALUE_PATH = "enterprise:manager.value"
NAME_PATH = "enterprise:manager.displayname"
SCHEMAS_PATH = "schemas"
_LONGEST_NAME = 2_048  # bytes of a value in an index
_ALWAYS_FITS = 32


def manager_in(document: str) -> str:
    """Return the id of the manager that a prepared document states, or nothing."""
    if '"manager":{' not in document:
        return ""
    manager = (json.loads(document).get(ENTERPRISE) or {}).get("manager") or {}
    return str(manager.get("value") or "")


def with_manager_named(facts: AccountFacts, name: str) -> AccountFacts:
    """Return ``facts`` with the name of their manager, to be shown and to be found by."""
    shown = _name_shown(name)
    return dataclasses.replace(
        facts,
        document=document_with_name(facts.document, shown),
        values=(*(each for each in facts.values if each.path != NAME_PATH), name_value(shown)),
    )


def document_with_name(document: str, name: str) -> str:
    """Return the prepared document with ``name`` as its manager's."""
    resource = json.loads(document)
    manager = resource[ENTERPRISE]["manager"]
    resource[ENTERPRISE]["manager"] = {"value": manager["value"], "displayName": _name_shown(name)}
    return _written(resource)


def document_without_manager(document: str) -> str:
    """Return the prepared document without a manager, and without the extension if that was all of it."""
    resource = json.loads(document)
    resource[ENTERPRISE].pop("manager", None)
    if not resource[ENTERPRISE]:
        del resource[ENTERPRISE]
        resource["schemas"].remove(ENTERPRISE)
    return _written(resource)


def name_value(name: str) -> AttributeValue:
    """Return the value by which a user is found by the name of the manager."""
    return AttributeValue(NAME_PATH, 0, fold(_name_shown(name)))


def _name_shown(name: str) -> str:
    return name if len(fold(name).encode()) <= _LONGEST_NAME else name[:_ALWAYS_FITS]


def _written(resource: dict[str, Any]) -> str:
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
