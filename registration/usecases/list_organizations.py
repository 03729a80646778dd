"""List organizations: all of them for staff, the represented ones for everybody else (R-012, R-013)."""

from __future__ import annotations

from dataclasses import dataclass

from registration.domain.authority import Caller
from registration.domain.organization import OrganizationStatus
from registration.domain.search import Page, paged
from registration.domain.text import search_key
from registration.storage import contacts, identities, organizations, requests
from registration.usecases.services import RegistrationServices


@dataclass(frozen=True, slots=True)
class OrganizationRow:
    """An organization in a list."""

    organization_id: str
    number: int
    short_name: str
    legal_name: str
    status: OrganizationStatus
    waiting: int
    """How many changes are registered but not live in the Gateway yet."""


def list_organizations(
    services: RegistrationServices, *, caller: Caller, search: str = "", page: int = 1
) -> Page[OrganizationRow]:
    """Return one page of the organizations the caller may see, by short name.

    ``search`` narrows the list by Organization ID or any part of a name.
    """
    with services.store.read() as connection:
        staff = identities.staff_rights(connection, caller).is_staff
        own = None if staff else list(contacts.represented_by(connection, caller.account_id))
        found = organizations.all_of(connection, own)
        waiting = requests.waiting_items(connection)
    wanted = search_key(search)
    rows = [
        OrganizationRow(
            entry.id, entry.number, entry.short_name, entry.legal_name, entry.status, waiting.get(entry.id, 0)
        )
        for entry in found
        if wanted == str(entry.number) or wanted in search_key(f"{entry.short_name} {entry.legal_name}")
    ]
    return paged(rows, page)
