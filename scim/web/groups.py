"""/Groups and /Groups/{id} (RFC 7644 §3); members are read only where they are shown."""

from __future__ import annotations

from typing import Any, Protocol

from idp.domain.provisioning import Missing
from idp.usecases.deprovision_group import GroupDeprovisioned, deprovision_group
from idp.usecases.search_accounts import GroupView, find_own_group, members_if_few, search_groups
from idp.usecases.services import IdpServices
from kernel.web.http import Request, Response
from scim.domain.catalogue import GROUPS
from scim.domain.etag import Condition, entity_tag, read_condition
from scim.domain.profile import Profile
from scim.domain.projection import Projection
from scim.domain.render import Renderer
from scim.settings import ScimSettings
from scim.usecases.client import GROUPS_READ, GROUPS_WRITE, ScimClient
from scim.usecases.create_group import create_group
from scim.usecases.edit_group import Outcome, patch_group, replace_group
from scim.usecases.outcomes import ConditionFailed, GroupWritten
from scim.web.answers import NOT_FOUND, refused, shown
from scim.web.cursors import Cursors
from scim.web.endpoint import Method, body_object, refusal, scim_answer
from scim.web.listing import Listed, Listing
from scim.web.searching import ListRequest, list_request, projection_of, search_request
from scim.web.users import ID

_FEW_MEMBERS = 20
"""A PATCH shows a group of so many members; of more it would cost more to show than to change."""


class _Edit(Protocol):
    """PUT or PATCH."""

    def __call__(
        self,
        services: IdpServices,
        *,
        client: ScimClient,
        group_id: str,
        body: dict[str, Any],
        demand: Condition | None,
    ) -> Outcome:
        """Do it."""
        ...


class Groups:
    """Handlers of the groups' addresses."""

    def __init__(self, services: IdpServices, settings: ScimSettings, renderer: Renderer) -> None:
        self._services = services
        self._settings = settings
        self._renderer = renderer
        self.listing = Listing(Cursors(services.store, settings.cursor_life), "groups", (self.page,))

    def collection(self) -> dict[str, Method]:
        """Return the methods of /Groups."""
        return {
            "GET": Method(self.find, GROUPS_READ),
            "POST": Method(self.create, GROUPS_WRITE, reads_body=True),
        }

    def one(self) -> dict[str, Method]:
        """Return the methods of /Groups/{id}."""
        return {
            "GET": Method(self.get, GROUPS_READ),
            "PUT": Method(self.replace, GROUPS_WRITE, reads_body=True),
            "PATCH": Method(self.patch, GROUPS_WRITE, reads_body=True),
            "DELETE": Method(self.delete, GROUPS_WRITE),
        }

    def searching(self) -> dict[str, Method]:
        """Return the methods of /Groups/.search."""
        return {"POST": Method(self.search, GROUPS_READ, reads_body=True)}

    def find(self, request: Request, client: ScimClient) -> Response:
        """Answer a page of groups (D2, D3, D8)."""
        return self._listed(list_request(request, GROUPS, self._settings, client.tolerance), client)

    def search(self, request: Request, client: ScimClient) -> Response:
        """Answer the same question asked in a body (D4)."""
        return self._listed(search_request(request, GROUPS, self._settings, client.tolerance), client)

    def page(self, asked: ListRequest, client: ScimClient) -> Listed:
        """Return a page, and its resources as JSON texts."""
        found = search_groups(
            self._services,
            source=client.id,
            search=asked.search,
            with_members=asked.projection.shows("members"),
            with_names=asked.projection.names("members.display"),
        )
        return Listed(found.page, (self._text(view, asked.projection) for view in found.groups))

    def create(self, request: Request, client: ScimClient) -> Response:
        """Make a group (C1, J2)."""
        projection = projection_of(request, GROUPS)
        outcome = create_group(self._services, client=client, body=body_object(request))
        if not isinstance(outcome, GroupWritten):
            return refused(outcome)
        location = self._renderer.group_location(outcome.view.record.id)
        view = self._with_members(outcome.view, projection, client)
        return self._answer(201, view, projection, (("Location", location),))

    def get(self, request: Request, client: ScimClient) -> Response:
        """Answer one group (D1, D7, L3)."""
        projection = projection_of(request, GROUPS)
        group_id = request.path_values["id"]
        view = None
        if ID.fullmatch(group_id):
            view = find_own_group(
                self._services,
                source=client.id,
                group_id=group_id,
                with_members=projection.shows("members"),
                with_names=projection.names("members.display"),
            )
        if view is None:
            return refusal(404, NOT_FOUND)
        return self._answer(200, view, projection, condition=read_condition(request.header("if-none-match")))

    def replace(self, request: Request, client: ScimClient) -> Response:
        """Replace a group (G1, G5)."""
        projection = projection_of(request, GROUPS)
        outcome = self._edit(request, client, replace_group)
        if not isinstance(outcome, GroupWritten):
            return refused(outcome)
        return self._answer(200, self._with_members(outcome.view, projection, client), projection)

    def patch(self, request: Request, client: ScimClient) -> Response:
        """Patch a group (H3, RFC 7644 §3.5.2).

        Answered with the group while its members are few, and with 204 beyond, unless attributes were asked
        for: the answer never costs more than the change. Microsoft Entra wants 204 (R).
        """
        projection = projection_of(request, GROUPS)
        outcome = self._edit(request, client, patch_group)
        if not isinstance(outcome, GroupWritten):
            return refused(outcome)
        view: GroupView | None = outcome.view
        if not projection.is_whole:
            view = self._with_members(outcome.view, projection, client)
        elif client.profile is Profile.ENTRA:
            view = None
        else:
            view = self._if_few(outcome.view)
        if view is None:
            return Response(204, b"", (("ETag", entity_tag(outcome.view.record.version)),))
        return self._answer(200, view, projection)

    def delete(self, request: Request, client: ScimClient) -> Response:
        """Delete a group; access that it alone gave ends (I1)."""
        group_id = request.path_values["id"]
        if not ID.fullmatch(group_id):
            return refusal(404, NOT_FOUND)
        demand = read_condition(request.header("if-match"))
        expected: int | None = None
        if demand is not None and not demand.any:
            view = find_own_group(self._services, source=client.id, group_id=group_id, with_members=False)
            if view is None:
                return refusal(404, NOT_FOUND)
            if not demand.meets(view.record.version):
                return refused(ConditionFailed())
            expected = view.record.version
        outcome = deprovision_group(
            self._services,
            actor=client.actor,
            source=client.id,
            group_id=group_id,
            expected_version=expected,
        )
        return Response(204) if isinstance(outcome, GroupDeprovisioned) else refused(outcome)

    def _edit(self, request: Request, client: ScimClient, edit: _Edit) -> Outcome:
        group_id = request.path_values["id"]
        if not ID.fullmatch(group_id):
            return Missing()
        demand = read_condition(request.header("if-match"))
        return edit(
            self._services, client=client, group_id=group_id, body=body_object(request), demand=demand
        )

    def _with_members(self, view: GroupView, projection: Projection, client: ScimClient) -> GroupView:
        if not projection.shows("members"):
            return view
        found = find_own_group(
            self._services,
            source=client.id,
            group_id=view.record.id,
            with_names=projection.names("members.display"),
        )
        return found or view

    def _if_few(self, view: GroupView) -> GroupView | None:
        """Return the group with its members, or None if they are many."""
        members = members_if_few(self._services, view.record.id, most=_FEW_MEMBERS)
        return None if members is None else GroupView(view.record, members)

    def _listed(self, asked: ListRequest, client: ScimClient) -> Response:
        return self.listing.answer((asked,), client)

    def _text(self, view: GroupView, projection: Projection) -> str:
        return shown(self._renderer.group(view.record, view.members), GROUPS, projection)

    def _answer(
        self,
        status: int,
        view: GroupView,
        projection: Projection,
        headers: tuple[tuple[str, str], ...] = (),
        condition: Condition | None = None,
    ) -> Response:
        tag = ("ETag", entity_tag(view.record.version))
        if condition is not None and condition.meets(view.record.version):
            return Response(304, b"", (tag,))
        location = ("Content-Location", self._renderer.group_location(view.record.id))
        text = self._text(view, projection)
        return scim_answer(status, text, (tag, location, ("Cache-Control", "no-store"), *headers))
