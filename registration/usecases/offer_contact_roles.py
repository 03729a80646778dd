"""Show an organization's contact roles with their counts, holders and what the caller may change (R-124)."""

from __future__ import annotations

from sqlalchemy import Connection

from registration.domain.authority import Caller
from registration.domain.contact_roles import ContactRoleOffer, is_open
from registration.domain.outcomes import Refused
from registration.storage import contacts
from registration.usecases.services import RegistrationServices
from registration.usecases.standing import Standing, take_stand


def offer_contact_roles(
    services: RegistrationServices, *, caller: Caller, organization_id: str
) -> tuple[ContactRoleOffer, ...] | Refused:
    """Return the roles open to the organization, in the catalogue's order."""
    with services.store.read() as connection:
        standing = take_stand(connection, caller, organization_id)
        return standing if isinstance(standing, Refused) else _offers(connection, standing)


def _offers(connection: Connection, standing: Standing) -> tuple[ContactRoleOffer, ...]:
    holders = contacts.holders(connection, standing.organization.id)
    return tuple(
        ContactRoleOffer(
            key=key,
            name=role.name,
            description=role.description,
            min_required=role.min_required,
            max_permitted=role.max_permitted,
            holders=tuple(holders.get(key, ())),
            may_change=standing.rights.may_name(standing.catalogue, key),
        )
        for key, role in standing.catalogue.contact_roles.items()
        if key in holders or is_open(role, standing.participations)
    )
