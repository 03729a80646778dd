"""Revoke access roles of a person, named ones or all of an organization's (R-178..R-181)."""

from __future__ import annotations

from collections.abc import Sequence

from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import ExistingPerson
from registration.domain.plan import RequestMade
from registration.domain.request import RequestKind
from registration.usecases.confirming import Confirmation, confirm
from registration.usecases.granting import revoking
from registration.usecases.services import RegistrationServices


def revoke_access_roles(  # noqa: PLR0913 - each is a field of the confirmed form
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    person_id: str,
    plan_digest: str,
    idempotency_key: str,
    role_keys: Sequence[str] = (),
    every: bool = False,
    reason: str = "",
) -> RequestMade | Refused:
    """Carry out the revocation that was confirmed. It never creates a person or an account (R-168)."""
    wanted = () if every else tuple(role_keys)
    form = Confirmation(
        kind=RequestKind.REVOKE_ACCESS,
        caller=caller,
        organization_id=organization_id,
        person=ExistingPerson(person_id),
        asked=("every",) if every else wanted,
        plan_digest=plan_digest,
        idempotency_key=idempotency_key,
        reason=reason,
    )
    return confirm(services, form, revoking(wanted, every=every))
