"""Show what establishing an organization's Authorized Representative would change (R-004, R-006)."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import PersonChoice
from registration.domain.plan import Plan
from registration.usecases.confirming import preview
from registration.usecases.naming import naming_first_representative
from registration.usecases.services import RegistrationServices


def preview_first_authorized_representative(
    services: RegistrationServices, *, caller: Caller, organization_id: str, person: PersonChoice
) -> Plan | Refused:
    """Return the plan for the confirm page. Changes nothing."""
    return preview(
        services,
        caller=caller,
        organization_id=organization_id,
        person=person,
        decide=naming_first_representative(),
    )
