"""Check a new person's details before they are confirmed; point at likely mistakes (R-025, R-028, R-172)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import PersonDetails, PersonForm, PersonWarning, check_person
from registration.domain.search import PersonRow, PersonSearch
from registration.storage import persons
from registration.usecases.services import RegistrationServices
from registration.usecases.standing import take_stand
from registration.usecases.strangers import meets


@dataclass(frozen=True, slots=True)
class PersonPreview:
    """The details as they would be kept, what to look at twice, and who has the same name already."""

    details: PersonDetails
    warnings: tuple[PersonWarning, ...]
    similar: tuple[PersonRow, ...]


def preview_person(
    services: RegistrationServices, *, caller: Caller, organization_id: str, form: PersonForm
) -> PersonPreview | Refused:
    """Return the checked details for the confirm page, or the faults of the form. Changes nothing.

    Who came to see too many people of other organizations is pointed at those of this one alone.
    """
    with services.store.read() as connection:
        standing = take_stand(connection, caller, organization_id)
        if isinstance(standing, Refused):
            return standing
        if not standing.rights.may_search:
            return Refused(Refusal.NOT_ALLOWED)
        details = check_person(form)
        if isinstance(details, tuple):
            return Refused(Refusal.INVALID, details)
        wanted = PersonSearch(last_name=details.last_name, first_name=details.first_name)
        everybody = standing.rights.is_staff
        found = persons.search(connection, wanted, organization_id=organization_id, everybody=everybody)
    own = [row for row in found if row.own]
    if len(own) < len(found) and not everybody:
        with services.store.write() as unit:
            found = found if meets(unit, caller) else own
    similar = tuple(found)
    with services.store.read() as connection:
        warnings = tuple(_warnings(connection, details, organization_id, similar))
    return PersonPreview(details, warnings, similar)


def _warnings(
    connection: Connection, details: PersonDetails, organization_id: str, similar: tuple[PersonRow, ...]
) -> Iterator[PersonWarning]:
    phone, email = persons.shares(connection, details, organization_id=organization_id)
    if phone:
        yield PersonWarning.SHARED_PHONE
    if email:
        yield PersonWarning.SHARED_EMAIL
    if similar:
        yield PersonWarning.SAME_NAME
