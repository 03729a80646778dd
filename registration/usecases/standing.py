"""Where a deed stands before it changes anything: catalogue, organization, rights and the person it is about.

No deed of its own: every deed that changes an organization begins here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from registration.domain.authority import Caller, Rights
from registration.domain.catalogue import Catalogue
from registration.domain.contact_roles import implied
from registration.domain.membership import Source
from registration.domain.organization import Organization, OrganizationStatus
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import (
    ExistingPerson,
    Person,
    PersonChoice,
    PersonDetails,
    check_person,
    masked,
)
from registration.storage import accounts, catalogues, contacts, grants, identities, organizations, persons
from registration.storage.accounts import Account


@dataclass(frozen=True, slots=True)
class Standing:
    """The organization a deed is about, and what the caller may do there."""

    caller: Caller
    catalogue: Catalogue
    organization: Organization
    participations: frozenset[str]
    rights: Rights


@dataclass(frozen=True, slots=True)
class Subject:
    """The person a deed is about: registered already, or only described so far."""

    person: Person | None
    details: PersonDetails
    account: Account | None
    contact_roles: frozenset[str]
    grants: frozenset[str]
    is_own: bool = True
    """Whether the caller may see the contact data: of a new person, an own one, or as staff."""

    @property
    def shown_email(self) -> str:
        """The e-mail address as far as the caller may see it (RG-20)."""
        return self.details.main_email if self.is_own else masked(self.details.main_email)

    @property
    def shown_user_name(self) -> str:
        """The user name of the account there is, as far as the caller may see it."""
        return self.account.user_name if self.account and self.is_own else ""

    @property
    def fingerprint(self) -> str:
        """Digest of who is meant, down to the last attribute of somebody who is not registered yet."""
        meant = [self.person.id, self.person.version] if self.person else asdict(self.details)
        return hashlib.sha256(json.dumps(meant, sort_keys=True).encode()).hexdigest()


def take_stand(
    connection: Connection, caller: Caller, organization_id: str, *, lock: bool = False
) -> Standing | Refused:
    """Return where the caller stands in an organization.

    Whoever may not see the organization gets the same answer as for one that does not exist (RG-02). With
    ``lock`` other deeds on the organization wait, so that what is read here holds until the commit.
    """
    catalogue = catalogues.current(connection)
    if catalogue is None:
        return Refused(Refusal.NO_CATALOGUE)
    organization = organizations.find(connection, organization_id, lock=lock)
    if organization is None:
        return Refused(Refusal.NOT_FOUND)
    rights = identities.rights(connection, caller, organization_id)
    if not rights.may_see:
        return Refused(Refusal.NOT_FOUND)
    opened = organizations.participations(connection, organization_id)
    return Standing(caller, catalogue, organization, opened, rights)


def require_registered(standing: Standing) -> Refused | None:
    """Refuse what only a registered organization may do (R-001, R-002)."""
    if standing.organization.status is not OrganizationStatus.REGISTERED:
        return Refused(Refusal.NOT_REGISTERED)
    return None


def choose(connection: Connection, standing: Standing, choice: PersonChoice) -> Subject | Refused:
    """Return the person a deed is about, checked (R-025) or looked up (RG-16)."""
    if not isinstance(choice, ExistingPerson):
        checked = check_person(choice.form)
        if isinstance(checked, tuple):
            return Refused(Refusal.INVALID, checked)
        return Subject(None, checked, None, frozenset(), frozenset())
    person = persons.find(connection, choice.person_id)
    if person is None:
        return Refused(Refusal.NOT_FOUND)
    organization_id = standing.organization.id
    account = accounts.personal_of(connection, person.id)
    held = contacts.roles_of(connection, person_id=person.id, organization_id=organization_id)
    granted = (
        grants.open_grants(connection, organization_id=organization_id, account_id=account.id)
        if account
        else {}
    )
    own = standing.rights.is_staff or persons.belongs(
        connection, person_id=person.id, organization_id=organization_id
    )
    return Subject(person, person.details, account, frozenset(held), frozenset(granted), is_own=own)


def sources(standing: Standing, grants_held: Iterable[str], contact_roles: Iterable[str]) -> list[Source]:
    """Return everything that gives access: grants, and what open contact roles imply (I-18)."""
    found = [Source(role) for role in sorted(grants_held)]
    for contact_role in sorted(contact_roles):
        if contact_role in standing.catalogue.contact_roles:
            brings = implied(standing.catalogue, contact_role, standing.participations)
            found.extend(Source(role, contact_role) for role in brings)
    return found
