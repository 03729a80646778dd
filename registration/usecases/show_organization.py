"""Show an organization: who it is, what it takes part in, who speaks for it, what is asked of whom."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from registration.domain.authority import AUTHORIZED_REPRESENTATIVE, Caller
from registration.domain.contact_roles import ContactRoleOffer, is_open
from registration.domain.organization import OrganizationKind, OrganizationStatus
from registration.domain.outcomes import Refused
from registration.domain.task import Task
from registration.storage import contacts, organizations, requests, tasks
from registration.usecases.services import RegistrationServices
from registration.usecases.standing import take_stand


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organization as the caller may see it; the ``may_*`` flags say which actions to offer."""

    organization_id: str
    number: int
    short_name: str
    legal_name: str
    kind: OrganizationKind
    status: OrganizationStatus
    created_at: dt.datetime
    participations: tuple[tuple[str, str], ...]
    contacts: tuple[ContactRoleOffer, ...]
    tasks: tuple[Task, ...]
    own_roles: frozenset[str]
    is_staff: bool
    may_grant: bool
    may_search: bool
    needs_representative: bool
    waiting: int
    vacancies: tuple[str, ...]
    """Names of the contact roles that have fewer holders than they need."""


def show_organization(
    services: RegistrationServices, *, caller: Caller, organization_id: str
) -> OrganizationView | Refused:
    """Return the organization's page, with the contact roles that are held or that the caller may fill."""
    with services.store.read() as connection:
        standing = take_stand(connection, caller, organization_id)
        if isinstance(standing, Refused):
            return standing
        catalogue, organization, rights = standing.catalogue, standing.organization, standing.rights
        holders = contacts.holders(connection, organization_id)
        opened = organizations.participations(connection, organization_id)
        open_tasks = tasks.open_tasks(connection, organization_id)
        waiting = requests.waiting_items(connection, organization_id).get(organization_id, 0)
    offers = tuple(
        ContactRoleOffer(
            key=key,
            name=role.name,
            description=role.description,
            min_required=role.min_required,
            max_permitted=role.max_permitted,
            holders=tuple(holders.get(key, ())),
            may_change=rights.may_name(catalogue, key),
        )
        for key, role in catalogue.contact_roles.items()
        if key in holders or rights.may_name(catalogue, key)
    )
    return OrganizationView(
        organization_id=organization.id,
        number=organization.number,
        short_name=organization.short_name,
        legal_name=organization.legal_name,
        kind=organization.kind,
        status=organization.status,
        created_at=organization.created_at,
        participations=tuple(
            (key, entry.name) for key, entry in catalogue.participations.items() if key in opened
        ),
        contacts=offers,
        tasks=open_tasks,
        own_roles=rights.roles,
        is_staff=rights.is_staff,
        may_grant=rights.may_grant,
        may_search=rights.may_search,
        needs_representative=rights.is_staff
        and organization.kind is OrganizationKind.PARTICIPANT
        and not holders.get(AUTHORIZED_REPRESENTATIVE),
        waiting=waiting,
        vacancies=tuple(
            role.name
            for key, role in catalogue.contact_roles.items()
            if is_open(role, opened) and len(holders.get(key, ())) < role.minimum
        ),
    )
