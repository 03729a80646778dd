"""Offer the access roles that can be granted to a person, beside those already held (R-173..R-175)."""

from __future__ import annotations

from registration.domain.access import AccessOffer, offered
from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.domain.person import PersonChoice
from registration.usecases.holding import held_roles
from registration.usecases.services import RegistrationServices
from registration.usecases.standing import choose, require_registered, take_stand


def offer_access_roles(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    person: PersonChoice,
    account_kind: str = "personal",
) -> AccessOffer | Refused:
    """Return held roles and, grouped by participation, the roles a Rights Administrator can grant."""
    with services.store.read() as connection:
        standing = take_stand(connection, caller, organization_id)
        if isinstance(standing, Refused):
            return standing
        if not standing.rights.may_grant:
            return Refused(Refusal.NOT_ALLOWED)
        if refused := require_registered(standing):
            return refused
        subject = choose(connection, standing, person)
        if isinstance(subject, Refused):
            return subject
        held = held_roles(connection, standing, subject)
    groups = offered(
        standing.catalogue,
        account_kind=account_kind,
        participations=standing.participations,
        granted=subject.grants,
    )
    number = f" ({subject.person.number})" if subject.person else ""
    return AccessOffer(held, groups, f"{subject.details.full_name}{number}")
