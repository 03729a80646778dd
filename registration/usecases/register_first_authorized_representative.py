"""Name the Authorized Representative of an organization that has none: the operator's deed (R-004..R-006)."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import PersonChoice
from registration.domain.plan import RequestMade
from registration.domain.request import RequestKind
from registration.usecases.confirming import Confirmation, confirm
from registration.usecases.naming import naming_first_representative
from registration.usecases.services import RegistrationServices


def register_first_authorized_representative(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    person: PersonChoice,
    evidence: str,
    idempotency_key: str,
    plan_digest: str | None = None,
) -> RequestMade | Refused:
    """Name the first Authorized Representative, or again one when the group is empty.

    ``evidence`` names the agreement or the letter the operator holds. Pages pass the digest of the plan they
    showed; only the command line may do without.
    """
    if plan_digest is None and not caller.at_console:
        return Refused(Refusal.STALE_PLAN)
    form = Confirmation(
        kind=RequestKind.NAME_FIRST_REPRESENTATIVE,
        caller=caller,
        organization_id=organization_id,
        person=person,
        asked=(),
        plan_digest=plan_digest,
        idempotency_key=idempotency_key,
        reason=evidence,
    )
    return confirm(services, form, naming_first_representative())
