"""Search for a registered person before anything is granted or registered (R-019..R-024)."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.domain.search import MOST_RESULTS, Page, PersonRow, PersonSearch, paged, rank
from registration.storage import persons
from registration.usecases.services import RegistrationServices
from registration.usecases.standing import take_stand
from registration.usecases.strangers import may_meet, meets


def search_persons(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str,
    search: PersonSearch,
    page: int = 1,
) -> Page[PersonRow] | Refused:
    """Return one page of the persons that match and that the caller may see, best match first (EN-07).

    Who came to see too many of other organizations is answered no question that may find more of them.
    """
    with services.store.read() as connection:
        standing = take_stand(connection, caller, organization_id)
        if isinstance(standing, Refused):
            return standing
        if not standing.rights.may_search:
            return Refused(Refusal.NOT_ALLOWED)
        if search.is_empty:
            return Refused(Refusal.EMPTY_SEARCH)
        everybody = standing.rights.is_staff
        found = persons.search(connection, search, organization_id=organization_id, everybody=everybody)
    if search.may_find_strangers and not everybody:
        with services.store.write() as unit:
            meets_some = not all(row.own for row in found)
            if not may_meet(unit, caller) or (meets_some and not meets(unit, caller)):
                return Refused(Refusal.TOO_MANY_STRANGERS)
    ranked = sorted(found, key=lambda row: rank(row, search))[:MOST_RESULTS]
    return paged(ranked, page, is_cut=len(found) > MOST_RESULTS)
