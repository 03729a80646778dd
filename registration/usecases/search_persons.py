"""Search for a registered person before anything is granted or registered (R-019..R-024)."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.domain.search import MOST_RESULTS, Page, PersonRow, PersonSearch, paged, rank
from registration.storage import persons
from registration.usecases.services import RegistrationServices
from registration.usecases.standing import take_stand


def search_persons(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    search: PersonSearch,
    page: int = 1,
) -> Page[PersonRow] | Refused:
    """Return one page of the persons that match and that the caller may see, best match first (EN-07)."""
    with services.store.read() as connection:
        standing = take_stand(connection, caller, organization_id)
        if isinstance(standing, Refused):
            return standing
        if not standing.rights.may_search:
            return Refused(Refusal.NOT_ALLOWED)
        if search.is_empty:
            return Refused(Refusal.EMPTY_SEARCH)
        found = persons.search(
            connection, search, organization_id=organization_id, everybody=standing.rights.is_staff
        )
    ranked = sorted(found, key=lambda row: rank(row, search))[:MOST_RESULTS]
    return paged(ranked, page, is_cut=len(found) > MOST_RESULTS)
