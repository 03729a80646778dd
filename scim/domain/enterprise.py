"""The enterprise extension of RFC 7643 §4.3, with a manager of whom the id alone is enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from scim2_models import CaseExact, Mutability, Reference, Returned
from scim2_models import EnterpriseUser as EnterpriseUserOfLibrary
from scim2_models.resources.enterprise_user import Manager as ManagerOfLibrary

from idp.domain.reporting_line import ENTERPRISE, NAME_PATH

MANAGER = f"{ENTERPRISE}:manager"
"""The manager as filters and paths call it."""
MANAGER_PATH = "enterprise:manager"
"""Path of the manager in the catalogue."""
MANAGER_NAME = NAME_PATH
"""Path of the manager's name in the catalogue."""


class Manager(ManagerOfLibrary):
    """The user's manager; no part of it is required (RFC 7643 §8.7.1)."""

    value: Annotated[str | None, CaseExact.true] = None
    """Id of the manager's account."""

    ref: Reference["User"] | None = Field(  # type: ignore[name-defined] # noqa: F821, UP037 - a name, not a class
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    """URI of the manager's account; the Gateway knows it by the id."""

    display_name: Annotated[str | None, Mutability.read_only, Returned.request] = None
    """Name of the manager; shown where it is asked for."""


class EnterpriseUser(EnterpriseUserOfLibrary):
    """What an organization knows of its people."""

    manager: Manager | None = None
    """The user's manager."""


def manager_of(resource: Mapping[str, Any]) -> str:
    """Return the id of the manager of a user in its wire form, or nothing."""
    return str(_stated(resource).get("value") or "")


def keep_manager(resource: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Reduce the manager in ``resource`` to the id, or to what is ``stored`` if it is the same manager.

    Name and URI are the Gateway's to state, whatever a request says of them.
    """
    extension = resource.get(ENTERPRISE)
    if not extension:
        return
    manager, known = manager_of(resource), _stated(stored)
    if manager:
        extension["manager"] = known if known.get("value") == manager else {"value": manager}
        return
    extension.pop("manager", None)
    if not extension:
        del resource[ENTERPRISE]


def _stated(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    extension: Mapping[str, Any] = resource.get(ENTERPRISE) or {}
    return extension.get("manager") or {}
