"""/Groups and /Groups/{id} (RFC 7644 §3); members are read only where they are shown."""

from __future__ import annotations

from collections.abc import Callable

from idp.domain.provisioning import Missing, Moved, Protected
from idp.domain.query import Heavy, Record
from idp.usecases.deprovision_group import GroupDeprovisioned, deprovision_group
from idp.usecases.search_accounts import GroupView, find_own_group, search_groups
from idp.usecases.services import IdpServices
from kernel.long_questions import LongQuestions
from kernel.web.http import Request, Response
from scim.domain.catalogue import GROUPS, Catalogue
from scim.domain.etag import entity_tag
from scim.domain.profile import Profile
from scim.domain.projection import Projection
from scim.domain.render import Renderer
from scim.settings import ScimSettings
from scim.usecases.client import GROUPS_READ, GROUPS_WRITE, ScimClient
from scim.usecases.create_group import create_group
from scim.usecases.edit_group import GroupWrite, Outcome, patch_group, replace_group
from scim.usecases.outcomes import GroupWritten
from scim.web.answers import refused
from scim.web.endpoint import body_object
from scim.web.listing import Listed
from scim.web.resources import Resources
from scim.web.searching import ListRequest

_FEW_MEMBERS = 20
"""A PATCH shows a group of so many members; of more it would cost more to show than to change."""


class Groups(Resources[GroupView]):
    """Handlers of the groups' addresses."""

    def __init__(
        self, services: IdpServices, settings: ScimSettings, renderer: Renderer, questions: LongQuestions
    ) -> None:
        scopes = (GROUPS_READ, GROUPS_WRITE)
        super().__init__(
            services,
            settings,
            GROUPS,
            renderer.group_location,
            questions=questions,
            name="groups",
            scopes=scopes,
        )
        self._renderer = renderer

    def catalogue(self, client: ScimClient) -> Catalogue:
        """Return the attributes of groups that there are for the client."""
        return client.groups

    def page(self, asked: ListRequest, client: ScimClient) -> Listed | Heavy:
        """Return a page, and its groups as JSON texts."""
        found = search_groups(
            self._services,
            source=client.id,
            search=asked.search,
            with_members=asked.projection.shows("members"),
            with_names=asked.projection.names("members.display"),
        )
        if isinstance(found, Heavy):
            return found
        return Listed(found.page, (self.shown(view, asked.projection) for view in found.groups))

    def look(self, resource_id: str, client: ScimClient, projection: Projection) -> GroupView | None:
        """Return the group; its members only where they are shown (D7)."""
        return find_own_group(
            self._services,
            source=client.id,
            group_id=resource_id,
            with_members=projection.shows("members"),
            with_names=projection.names("members.display"),
        )

    def record(self, resource_id: str, client: ScimClient) -> Record | None:
        """Return the group without its members."""
        view = find_own_group(self._services, source=client.id, group_id=resource_id, with_members=False)
        return None if view is None else view.record

    def create(self, request: Request, client: ScimClient) -> Response:
        """Make a group (C1, J2)."""
        projection = self.projection(request)
        outcome = create_group(
            self._services,
            client=client,
            body=body_object(request),
            may_state_access=self._settings.may_state_access(client.id),
        )
        if not isinstance(outcome, GroupWritten):
            return refused(outcome)
        named = projection.names("members.display")
        view = self._with_members(outcome.view, projection, client) if named else outcome.view
        return self.made(view, projection)

    def replace(self, request: Request, client: ScimClient) -> Response:
        """Replace a group (G1, G5)."""
        projection = self.projection(request)
        outcome = self._written(request, client, replace_group)
        if not isinstance(outcome, GroupWritten):
            return refused(outcome)
        return self.answer(200, self._with_members(outcome.view, projection, client), projection)

    def patch(self, request: Request, client: ScimClient) -> Response:
        """Patch a group (H3, RFC 7644 §3.5.2).

        Answered with the group while its members are few, and with 204 beyond, unless attributes were asked
        for: the answer never costs more than the change. Microsoft Entra wants 204 (R).
        """
        projection = self.projection(request)
        most = _FEW_MEMBERS if not projection.is_asked_for and client.profile is not Profile.ENTRA else 0
        outcome = self._written(request, client, patch_group, most_shown=most)
        if not isinstance(outcome, GroupWritten):
            return refused(outcome)
        if projection.is_asked_for:
            return self.answer(200, self._with_members(outcome.view, projection, client), projection)
        if outcome.view.members is None:
            return Response(204, b"", (("ETag", entity_tag(outcome.view.record.version)),))
        return self.answer(200, outcome.view, projection)

    def remove(
        self, resource_id: str, client: ScimClient, expected: int | None
    ) -> Missing | Moved | Protected | None:
        """Delete a group; access that it alone gave ends (I1)."""
        outcome = deprovision_group(
            self._services,
            actor=client.actor,
            source=client.id,
            group_id=resource_id,
            expected_version=expected,
        )
        return None if isinstance(outcome, GroupDeprovisioned) else outcome

    def text(self, view: GroupView, projection: Projection) -> str:
        """Return the group as JSON text; its members' names were read where they are asked for."""
        del projection
        return self._renderer.group(view.record, view.members)

    def _written(
        self,
        request: Request,
        client: ScimClient,
        deed: Callable[[IdpServices, GroupWrite], Outcome],
        *,
        most_shown: int = 0,
    ) -> Outcome:
        return self.edited(
            request,
            lambda group_id, body, demand: deed(
                self._services,
                GroupWrite(
                    client=client,
                    group_id=group_id,
                    body=body,
                    may_state_access=self._settings.may_state_access(client.id),
                    demand=demand,
                    most_shown=most_shown,
                ),
            ),
        )

    def _with_members(self, view: GroupView, projection: Projection, client: ScimClient) -> GroupView:
        if not projection.shows("members"):
            return view
        return self.look(view.record.id, client, projection) or view
