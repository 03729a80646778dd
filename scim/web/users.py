"""/Users and /Users/{id} (RFC 7644 §3)."""

from __future__ import annotations

from idp.domain.provisioning import Missing, Moved, Protected
from idp.domain.query import Heavy, Record
from idp.usecases.deprovision_account import Deprovisioned, deprovision_account
from idp.usecases.search_accounts import AccountView, find_own_account, search_accounts
from idp.usecases.services import IdpServices
from kernel.long_questions import LongQuestions
from kernel.web.http import Request, Response
from scim.domain.catalogue import USERS, Catalogue
from scim.domain.enterprise import MANAGER_NAME
from scim.domain.projection import Projection
from scim.domain.render import Renderer
from scim.settings import ScimSettings
from scim.usecases.client import USERS_READ, USERS_WRITE, ScimClient
from scim.usecases.create_user import create_user
from scim.usecases.edit_user import Outcome, patch_user, replace_user
from scim.usecases.outcomes import UserWritten
from scim.web.answers import refused
from scim.web.endpoint import body_object
from scim.web.listing import Listed
from scim.web.resources import Edit, Resources
from scim.web.searching import ListRequest


class Users(Resources[AccountView]):
    """Handlers of the users' addresses."""

    def __init__(
        self, services: IdpServices, settings: ScimSettings, renderer: Renderer, questions: LongQuestions
    ) -> None:
        scopes = (USERS_READ, USERS_WRITE)
        super().__init__(
            services,
            settings,
            USERS,
            renderer.user_location,
            questions=questions,
            name="users",
            scopes=scopes,
        )
        self._renderer = renderer

    def catalogue(self, client: ScimClient) -> Catalogue:
        """Return the attributes of users that there are for the client."""
        return client.users

    def page(self, asked: ListRequest, client: ScimClient) -> Listed | Heavy:
        """Return a page, and its users as JSON texts."""
        found = search_accounts(
            self._services,
            source=client.id,
            search=asked.search,
            with_groups=asked.projection.shows("groups"),
        )
        if isinstance(found, Heavy):
            return found
        return Listed(found.page, (self.shown(view, asked.projection) for view in found.accounts))

    def look(self, resource_id: str, client: ScimClient, projection: Projection) -> AccountView | None:
        """Return the user; its groups only where they are shown."""
        return find_own_account(
            self._services,
            source=client.id,
            account_id=resource_id,
            with_groups=projection.shows("groups"),
        )

    def record(self, resource_id: str, client: ScimClient) -> Record | None:
        """Return the user without its groups."""
        view = find_own_account(self._services, source=client.id, account_id=resource_id, with_groups=False)
        return None if view is None else view.record

    def create(self, request: Request, client: ScimClient) -> Response:
        """Make a user (C1)."""
        projection = self.projection(request)
        outcome = create_user(self._services, client=client, body=body_object(request))
        return self.made(outcome.view, projection) if isinstance(outcome, UserWritten) else refused(outcome)

    def replace(self, request: Request, client: ScimClient) -> Response:
        """Replace a user (G1, G2)."""
        return self._edit(
            request,
            lambda account_id, body, demand: replace_user(
                self._services, client=client, account_id=account_id, body=body, demand=demand
            ),
        )

    def patch(self, request: Request, client: ScimClient) -> Response:
        """Patch a user; answered with the user as it is then (H3)."""
        return self._edit(
            request,
            lambda account_id, body, demand: patch_user(
                self._services, client=client, account_id=account_id, body=body, demand=demand
            ),
        )

    def remove(
        self, resource_id: str, client: ScimClient, expected: int | None
    ) -> Missing | Moved | Protected | None:
        """Delete a user for good (I1..I3)."""
        outcome = deprovision_account(
            self._services,
            actor=client.actor,
            source=client.id,
            account_id=resource_id,
            expected_version=expected,
        )
        return None if isinstance(outcome, Deprovisioned) else outcome

    def text(self, view: AccountView, projection: Projection) -> str:
        """Return the user as JSON text; with the manager's name where it is asked for."""
        named = projection.names(MANAGER_NAME)
        return self._renderer.user(view.record, view.groups, with_manager_name=named)

    def _edit(self, request: Request, edit: Edit[Outcome]) -> Response:
        projection = self.projection(request)
        outcome = self.edited(request, edit)
        if not isinstance(outcome, UserWritten):
            return refused(outcome)
        return self.answer(200, outcome.view, projection)
