"""Show what adding a member of Customer Relations would change."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import PersonChoice
from registration.domain.plan import Plan
from registration.usecases.confirming import preview
from registration.usecases.services import RegistrationServices
from registration.usecases.staffing import staffing


def preview_operator_staff(
    services: RegistrationServices, *, caller: Caller, organization_id: str, person: PersonChoice
) -> Plan | Refused:
    """Return the plan for the confirm page; ``organization_id`` is the operator's own. Changes nothing."""
    return preview(services, caller=caller, organization_id=organization_id, person=person, decide=staffing)
