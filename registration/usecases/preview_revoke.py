"""Show what revoking access roles would change (R-180)."""

from __future__ import annotations

from collections.abc import Sequence

from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import ExistingPerson
from registration.domain.plan import Plan
from registration.usecases.confirming import preview
from registration.usecases.granting import revoking
from registration.usecases.services import RegistrationServices


def preview_revoke(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    person_id: str,
    role_keys: Sequence[str] = (),
    every: bool = False,
) -> Plan | Refused:
    """Return the plan of a revocation for the confirm page. Changes nothing."""
    return preview(
        services,
        caller=caller,
        organization_id=organization_id,
        person=ExistingPerson(person_id),
        decide=revoking(tuple(role_keys), every=every),
    )
