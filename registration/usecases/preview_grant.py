"""Show what granting access roles would change (R-176)."""

from __future__ import annotations

from collections.abc import Sequence

from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import PersonChoice
from registration.domain.plan import Plan
from registration.usecases.confirming import preview
from registration.usecases.granting import granting
from registration.usecases.services import RegistrationServices


def preview_grant(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    person: PersonChoice,
    role_keys: Sequence[str],
    account_kind: str = "personal",
) -> Plan | Refused:
    """Return the plan of a grant for the confirm page. Changes nothing."""
    return preview(
        services,
        caller=caller,
        organization_id=organization_id,
        person=person,
        decide=granting(tuple(role_keys), account_kind),
    )
