"""Name a holder of a contact role; whoever needs an account for it gets one (R-084..R-092, R-107)."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import PersonChoice
from registration.domain.plan import RequestMade
from registration.domain.request import RequestKind
from registration.usecases.confirming import Confirmation, confirm
from registration.usecases.naming import naming
from registration.usecases.services import RegistrationServices


def name_contact(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    role_key: str,
    person: PersonChoice,
    plan_digest: str,
    idempotency_key: str,
    reason: str = "",
) -> RequestMade | Refused:
    """Carry out the naming that was confirmed: the role counts at once, its access follows in the Gateway."""
    form = Confirmation(
        kind=RequestKind.NAME_CONTACT,
        caller=caller,
        organization_id=organization_id,
        person=person,
        asked=(role_key,),
        plan_digest=plan_digest,
        idempotency_key=idempotency_key,
        reason=reason,
    )
    return confirm(services, form, naming(role_key))
