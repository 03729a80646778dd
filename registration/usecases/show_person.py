"""Show a person of an organization: who she is, her account, her roles there (R-017, RG-20)."""

from __future__ import annotations

from dataclasses import dataclass

from registration.domain.access import HeldRole
from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import ExistingPerson, PersonDetails
from registration.storage import persons
from registration.usecases.holding import held_roles
from registration.usecases.services import RegistrationServices
from registration.usecases.standing import choose, take_stand


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person as an administrator of one organization may see her."""

    person_id: str
    person_no: int
    details: PersonDetails
    user_name: str
    contact_roles: tuple[tuple[str, str], ...]
    access_roles: tuple[HeldRole, ...]


def show_person(
    services: RegistrationServices, *, caller: Caller, organization_id: str, person_id: str
) -> PersonView | Refused:
    """Return the person's page; somebody of another organization is not found (RG-02, RG-20)."""
    with services.store.read() as connection:
        standing = take_stand(connection, caller, organization_id)
        if isinstance(standing, Refused):
            return standing
        own = persons.belongs(connection, person_id=person_id, organization_id=organization_id)
        if not standing.rights.may_search or not (own or standing.rights.is_staff):
            return Refused(Refusal.NOT_FOUND)
        subject = choose(connection, standing, ExistingPerson(person_id))
        if isinstance(subject, Refused) or subject.person is None:
            return Refused(Refusal.NOT_FOUND)
        held = held_roles(connection, standing, subject)
    roles = standing.catalogue.contact_roles
    return PersonView(
        person_id=subject.person.id,
        person_no=subject.person.number,
        details=subject.details,
        user_name=subject.account.user_name if subject.account else "",
        contact_roles=tuple((key, roles[key].name) for key in roles if key in subject.contact_roles),
        access_roles=held,
    )
