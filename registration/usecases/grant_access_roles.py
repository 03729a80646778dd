"""Grant access roles to a person, registering her and requesting her account where needed (R-164..R-185)."""

from __future__ import annotations

from collections.abc import Sequence

from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import PersonChoice
from registration.domain.plan import RequestMade
from registration.domain.request import RequestKind
from registration.usecases.confirming import Confirmation, confirm
from registration.usecases.granting import granting
from registration.usecases.services import RegistrationServices


def grant_access_roles(  # noqa: PLR0913 - each is a field of the confirmed form
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    person: PersonChoice,
    role_keys: Sequence[str],
    plan_digest: str,
    idempotency_key: str,
    account_kind: str = "personal",
    reason: str = "",
    ticket: str = "",
) -> RequestMade | Refused:
    """Carry out the grant that was confirmed, in one transaction.

    Person, account with its user name, grants, desired memberships, numbered request, delivery orders,
    letters and audit are committed together or not at all (R-203, R-237).
    """
    wanted = tuple(role_keys)
    form = Confirmation(
        kind=RequestKind.GRANT_ACCESS,
        caller=caller,
        organization_id=organization_id,
        person=person,
        asked=(account_kind, *wanted),
        plan_digest=plan_digest,
        idempotency_key=idempotency_key,
        reason=reason,
        ticket=ticket,
    )
    return confirm(services, form, granting(wanted, account_kind))
