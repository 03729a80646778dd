"""A manager is an account of the same client, unless the client's profile asks for no such thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim2_models import InvalidValueException

from idp.usecases.search_accounts import find_own_account
from idp.usecases.services import IdpServices
from scim.domain.enterprise import manager_of
from scim.usecases.client import ScimClient


def require_manager(
    services: IdpServices,
    client: ScimClient,
    resource: Mapping[str, Any],
    stored: Mapping[str, Any] | None = None,
) -> None:
    """Refuse a user whose manager is nobody here; one that was ``stored`` before may stay, whoever is left.

    Raises:
        InvalidValueException: if the manager is no account of the client.
    """
    manager = manager_of(resource)
    if not manager or client.tolerance.unknown_managers or manager == manager_of(stored or {}):
        return
    if find_own_account(services, source=client.id, account_id=manager, with_groups=False) is None:
        raise InvalidValueException(detail="'manager' names an account that does not exist.")
