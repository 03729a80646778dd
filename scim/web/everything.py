"""The root and its /.search: one question to every type of resource (RFC 7644 §3.4.2.1, D4, D5).

Users come before groups; the page runs over both as over one list. A filter may name attributes that one
type has and the other has not; one that no type has is refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from scim2_models import SCIMException

from kernel.web.http import Request, Response
from scim.domain.catalogue import GROUPS, USERS, Catalogue
from scim.domain.render import list_response
from scim.settings import ScimSettings
from scim.usecases.client import ScimClient
from scim.web.endpoint import Method, scim_answer
from scim.web.groups import Groups
from scim.web.searching import ListRequest, list_request, search_request
from scim.web.users import Users

_Read = Callable[..., ListRequest]
_Page = Callable[[ListRequest, ScimClient], tuple[int, Iterable[str]]]


class Everything:
    """Handlers of the root's addresses."""

    def __init__(self, settings: ScimSettings, users: Users, groups: Groups) -> None:
        self._settings = settings
        self._kinds: tuple[tuple[Catalogue, _Page], ...] = ((USERS, users.page), (GROUPS, groups.page))

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
        asked = [
            read(request, catalogue, self._settings, client.tolerance, lenient=True)
            for catalogue, _ in self._kinds
        ]
        self._refuse_unknown(request, client, read)
        total = 0
        texts: list[str] = []
        first = asked[0].search
        for question, (_, page) in zip(asked, self._kinds, strict=True):
            search = dataclasses.replace(
                question.search,
                offset=max(first.offset - total, 0),
                limit=first.limit - len(texts),
            )
            found, resources = page(dataclasses.replace(question, search=search), client)
            texts += resources
            total += found
        return scim_answer(200, list_response(total, asked[0].start_index, texts))

    def _refuse_unknown(self, request: Request, client: ScimClient, read: _Read) -> None:
        """Raise what is wrong with the question if no type can answer it."""
        refused: SCIMException | None = None
        for catalogue, _ in self._kinds:
            try:
                read(request, catalogue, self._settings, client.tolerance)
            except SCIMException as error:
                refused = refused or error
            else:
                return
        if refused is not None:
            raise refused
