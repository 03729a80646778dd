"""The enterprise extension of RFC 7643 §4.3, with a manager of whom the id alone is enough."""

from __future__ import annotations

from typing import Annotated

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
