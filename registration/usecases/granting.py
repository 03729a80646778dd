"""The rules of granting and revoking access roles, for preview and deed alike. No deed of its own."""

from __future__ import annotations

from sqlalchemy import Connection

from registration.domain.access import may_be_granted
from registration.domain.outcomes import Refusal, Refused
from registration.usecases.confirming import Decision
from registration.usecases.planning import Wish
from registration.usecases.standing import Standing, Subject, require_registered


def granting(role_keys: tuple[str, ...], account_kind: str) -> Decision:
    """Return the decision that grants ``role_keys``: a Rights Administrator's, within the offer (R-089).

    What is offered is decided afresh: a role smuggled into the form is refused (RG-07, RG-14).
    """

    def decide(_connection: Connection, standing: Standing, subject: Subject) -> Wish | Refused:
        if not standing.rights.may_grant:
            return Refused(Refusal.NOT_ALLOWED)
        if refused := require_registered(standing):
            return refused
        wanted = tuple(sorted(set(role_keys)))
        if not wanted:
            return Refused(Refusal.NOTHING_CHOSEN)
        for key in wanted:
            role = standing.catalogue.access_roles.get(key)
            if role is None or not may_be_granted(
                role, account_kind=account_kind, participations=standing.participations
            ):
                return Refused(Refusal.ROLE_NOT_OFFERED, details={"role": role.name if role else ""})
            if key in subject.grants:
                return Refused(Refusal.ALREADY_HELD, details={"role": role.name})
        return Wish(grant=wanted)

    return decide


def revoking(role_keys: tuple[str, ...], *, every: bool) -> Decision:
    """Return the decision that ends grants: those named, or all of the organization's ("Revoke All", R-179).

    Access that comes with a contact role is not revoked here; it ends with that role (R-178).
    """

    def decide(_connection: Connection, standing: Standing, subject: Subject) -> Wish | Refused:
        if not standing.rights.may_grant:
            return Refused(Refusal.NOT_ALLOWED)
        wanted = tuple(sorted(subject.grants if every else set(role_keys)))
        if not wanted:
            return Refused(Refusal.NOT_HELD if every else Refusal.NOTHING_CHOSEN)
        missing = [key for key in wanted if key not in subject.grants]
        if missing:
            role = standing.catalogue.access_roles.get(missing[0])
            return Refused(Refusal.NOT_HELD, details={"role": role.name if role else ""})
        return Wish(revoke=wanted)

    return decide
