"""The enterprise extension of RFC 7643 §4.3, with a manager of whom the id alone is enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from scim2_models import CaseExact, Reference
from scim2_models import EnterpriseUser as EnterpriseUserOfLibrary
from scim2_models.resources.enterprise_user import Manager as ManagerOfLibrary


class Manager(ManagerOfLibrary):
    """The user's manager; no part of it is required (RFC 7643 §8.7.1)."""

    value: Annotated[str | None, CaseExact.true] = None
    """Id of the manager's account."""

    ref: Reference["User"] | None = Field(  # type: ignore[name-defined] # noqa: F821, UP037 - a name, not a class
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    """URI of the manager's account."""


class EnterpriseUser(EnterpriseUserOfLibrary):
    """What an organization knows of its people."""

    manager: Manager | None = None
    """The user's manager."""


def manager_of(resource: Mapping[str, Any]) -> str:
    """Return the id of the manager of a user in its wire form, or nothing."""
    extension: Mapping[str, Any] = resource.get(str(EnterpriseUser.__schema__)) or {}
    manager: Mapping[str, Any] = extension.get("manager") or {}
    return str(manager.get("value") or "")
