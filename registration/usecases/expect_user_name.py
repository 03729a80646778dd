"""Say which user name a new person would get now, for the confirm page; confirming decides (R-043, R-176)."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refused
from registration.domain.person import PersonChoice
from registration.domain.user_names import personal_candidates
from registration.storage import accounts
from registration.usecases.services import RegistrationServices
from registration.usecases.standing import choose, take_stand


def expect_user_name(
    services: RegistrationServices, *, caller: Caller, organization_id: str, person: PersonChoice
) -> str:
    """Return the person's user name, or the one that is next for their name; empty if there is none to tell.

    A namesake registered a moment earlier may take it: it is a forecast, not a reservation.
    """
    with services.store.read() as connection:
        standing = take_stand(connection, caller, organization_id)
        if isinstance(standing, Refused) or not standing.rights.may_search:
            return ""
        subject = choose(connection, standing, person)
        if isinstance(subject, Refused):
            return ""
        if subject.account is not None:
            return subject.shown_user_name
        candidates = personal_candidates(
            first_name=subject.details.first_name,
            last_name=subject.details.last_name,
            middle_name=subject.details.middle_name,
            policy=services.name_policy,
        )
        expected = accounts.first_free(connection, candidates)
    return expected.name if expected else ""
