"""The root and its /.search: one question to every type of resource (RFC 7644 §3.4.2.1, D4, D5).

Users come before groups unless an order is asked for; the page runs over both as over one list. Each name in
a filter and in an order may be of either type, and is one without a value in the other; one that no type has
is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from idp.domain.query import Interleaving, Search
from idp.usecases.interleave_resources import interleave_resources
from idp.usecases.services import IdpServices
from kernel.web.http import Request, Response
from scim.settings import ScimSettings
from scim.usecases.client import ScimClient
from scim.web.endpoint import Method
from scim.web.groups import Groups
from scim.web.searching import ListRequest, list_request, search_request
from scim.web.users import Users

_Read = Callable[..., ListRequest]


class Everything:
    """Handlers of the root's addresses."""

    def __init__(self, services: IdpServices, settings: ScimSettings, users: Users, groups: Groups) -> None:
        self._services = services
        self._settings = settings
        self._listing = users.listing.joined(groups.listing, self._interleave)

    def root(self) -> dict[str, Method]:
        """Return the methods of the root."""
        return {"GET": Method(lambda request, client: self._answer(request, client, list_request))}

    def searching(self) -> dict[str, Method]:
        """Return the methods of /.search."""
        return {
            "POST": Method(
                lambda request, client: self._answer(request, client, search_request), reads_body=True
            )
        }

    def _answer(self, request: Request, client: ScimClient, read: _Read) -> Response:
        users, groups = client.users, client.groups
        asked = [
            read(request, users, self._settings, client.tolerance, (groups,)),
            read(request, groups, self._settings, client.tolerance, (users,)),
        ]
        return self._listing.answer(asked, client)

    def _interleave(self, searches: Sequence[Search], client: ScimClient) -> Interleaving:
        accounts, groups = searches
        return interleave_resources(self._services, source=client.id, accounts=accounts, groups=groups)
