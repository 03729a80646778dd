"""Show what naming a contact, or ending one, would change (R-156, R-158)."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import PersonChoice
from registration.domain.plan import Plan
from registration.usecases.confirming import preview
from registration.usecases.naming import ending, naming
from registration.usecases.services import RegistrationServices


def preview_contact(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    role_key: str,
    person: PersonChoice,
    ending_role: bool = False,
) -> Plan | Refused:
    """Return the plan of naming, or with ``ending_role`` of ending, a contact. Changes nothing."""
    return preview(
        services,
        caller=caller,
        organization_id=organization_id,
        person=person,
        decide=ending(role_key) if ending_role else naming(role_key),
    )
