"""End a holder's contact role, never below the role's minimum (R-086, R-088, R-096..R-102, R-111)."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import ExistingPerson
from registration.domain.plan import RequestMade
from registration.domain.request import RequestKind
from registration.usecases.confirming import Confirmation, confirm
from registration.usecases.naming import ending
from registration.usecases.services import RegistrationServices


def end_contact(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    role_key: str,
    person_id: str,
    plan_digest: str,
    idempotency_key: str,
    reason: str = "",
) -> RequestMade | Refused:
    """Carry out the ending that was confirmed. Of two who end each other at once, one stays (I-03, RA-04)."""
    form = Confirmation(
        kind=RequestKind.END_CONTACT,
        caller=caller,
        organization_id=organization_id,
        person=ExistingPerson(person_id),
        asked=(role_key,),
        plan_digest=plan_digest,
        idempotency_key=idempotency_key,
        reason=reason,
    )
    return confirm(services, form, ending(role_key))
