"""The rule of adding operator staff, for preview and deed alike. No deed of its own."""

from __future__ import annotations

from sqlalchemy import Connection

from registration.domain.catalogue import CUSTOMER_RELATIONS
from registration.domain.outcomes import Refusal, Refused
from registration.usecases.planning import Wish
from registration.usecases.standing import Standing, Subject


def staffing(_connection: Connection, standing: Standing, subject: Subject) -> Wish | Refused:
    """Grant Customer Relations functions in the operator's own organization: by staff only."""
    if not standing.rights.is_staff:
        return Refused(Refusal.NOT_ALLOWED)
    role = standing.catalogue.access_roles.get(CUSTOMER_RELATIONS)
    if role is None:
        return Refused(Refusal.ROLE_NOT_OFFERED, details={"role": CUSTOMER_RELATIONS})
    if CUSTOMER_RELATIONS in subject.grants:
        return Refused(Refusal.ALREADY_HELD, details={"role": role.name})
    return Wish(grant=(CUSTOMER_RELATIONS,))
