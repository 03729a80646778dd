"""List requests, newest first: an organization's for those who administer it, all of them for staff."""

from __future__ import annotations

from registration.domain.authority import Caller
from registration.domain.outcomes import Refusal, Refused
from registration.domain.request import RequestRow, Shown
from registration.domain.search import PAGE_SIZE, Page
from registration.storage import identities, requests
from registration.usecases.services import RegistrationServices


def list_requests(
    services: RegistrationServices,
    *,
    caller: Caller,
    organization_id: str | None = None,
    page: int = 1,
    show: Shown = Shown.ALL,
) -> Page[RequestRow] | Refused:
    """Return one page of requests, or the last; without an organization it is staff's list of everything."""
    page = min(max(1, page), 1_000_000)
    with services.store.read() as connection:
        if organization_id is None:
            allowed = identities.staff_rights(connection, caller).is_staff
        else:
            allowed = identities.rights(connection, caller, organization_id).may_search
        if not allowed:
            return Refused(Refusal.NOT_FOUND)
        wanted = None if organization_id is None else [organization_id]
        rows, total = requests.list_rows(
            connection, organizations=wanted, page=page, size=PAGE_SIZE, show=show
        )
        pages = max(1, -(-total // PAGE_SIZE))
        if page > pages:
            page = pages
            rows, total = requests.list_rows(
                connection, organizations=wanted, page=page, size=PAGE_SIZE, show=show
            )
    return Page(tuple(rows), page, pages, total)
