"""The rules of naming and ending contact roles, for preview and deed alike. No deed of its own."""

from __future__ import annotations

from sqlalchemy import Connection

from registration.domain.authority import AUTHORIZED_REPRESENTATIVE
from registration.domain.contact_roles import conflicting, is_open, may_be_held_by_person
from registration.domain.outcomes import Refusal, Refused
from registration.storage import contacts
from registration.usecases.confirming import Decision
from registration.usecases.planning import Wish
from registration.usecases.standing import Standing, Subject, require_registered


def naming(role_key: str) -> Decision:
    """Return the decision that names a holder of ``role_key``, by whoever the matrix lets (R-084..R-090)."""

    def decide(connection: Connection, standing: Standing, subject: Subject) -> Wish | Refused:
        if not standing.rights.may_name(standing.catalogue, role_key):
            return Refused(Refusal.NOT_ALLOWED)
        return _named(connection, standing, subject, role_key)

    return decide


def naming_first_representative() -> Decision:
    """Return the decision that names an Authorized Representative where there is none (R-004, R-006)."""

    def decide(connection: Connection, standing: Standing, subject: Subject) -> Wish | Refused:
        if not standing.rights.is_staff:
            return Refused(Refusal.NOT_ALLOWED)
        organization_id = standing.organization.id
        if not contacts.is_vacant(
            connection, organization_id=organization_id, role_key=AUTHORIZED_REPRESENTATIVE
        ):
            return Refused(Refusal.NOT_VACANT)
        return _named(connection, standing, subject, AUTHORIZED_REPRESENTATIVE)

    return decide


def ending(role_key: str) -> Decision:
    """Return the decision that ends a holder's role, never below the minimum (R-096..R-102, R-126)."""

    def decide(connection: Connection, standing: Standing, subject: Subject) -> Wish | Refused:
        if not standing.rights.may_name(standing.catalogue, role_key):
            return Refused(Refusal.NOT_ALLOWED)
        if role_key not in subject.contact_roles:
            return Refused(Refusal.NOT_HELD)
        holding, minimum = contacts.counts(connection, standing.organization.id).get(role_key, (0, 0))
        if holding <= minimum:
            return Refused(Refusal.MINIMUM, details={"minimum": str(minimum)})
        return Wish(end=(role_key,))

    return decide


def _named(connection: Connection, standing: Standing, subject: Subject, role_key: str) -> Wish | Refused:
    if refused := require_registered(standing):
        return refused
    role = standing.catalogue.contact_roles[role_key]
    if not is_open(role, standing.participations) or not may_be_held_by_person(role):
        return Refused(Refusal.ROLE_NOT_OFFERED, details={"role": role.name})
    if role_key in subject.contact_roles:
        return Refused(Refusal.ALREADY_HELD, details={"role": role.name})
    other = conflicting(standing.catalogue, role_key, subject.contact_roles)
    if other is not None:
        names = {"role": role.name, "other": standing.catalogue.contact_roles[other].name}
        return Refused(Refusal.EXCLUDED, details=names)
    holding, _ = contacts.counts(connection, standing.organization.id).get(role_key, (0, 0))
    if role.max_permitted is not None and holding >= role.max_permitted:
        return Refused(Refusal.MAXIMUM, details={"maximum": str(role.max_permitted)})
    return Wish(name=(role_key,))
