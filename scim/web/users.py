"""/Users and /Users/{id} (RFC 7644 §3)."""

from __future__ import annotations

import re
from typing import Any, Protocol

from idp.usecases.deprovision_account import Deprovisioned, deprovision_account
from idp.usecases.search_accounts import AccountView, find_own_account, search_accounts
from idp.usecases.services import IdpServices
from kernel.web.http import Request, Response
from scim.domain.catalogue import USERS
from scim.domain.etag import Condition, entity_tag, read_condition
from scim.domain.projection import Projection
from scim.domain.render import Renderer
from scim.settings import ScimSettings
from scim.usecases.client import USERS_READ, USERS_WRITE, ScimClient
from scim.usecases.create_user import create_user
from scim.usecases.edit_user import Outcome, patch_user, replace_user
from scim.usecases.outcomes import ConditionFailed, UserWritten
from scim.web.answers import NOT_FOUND, refused, shown
from scim.web.cursors import Cursors
from scim.web.endpoint import Method, body_object, refusal, scim_answer
from scim.web.listing import Listed, Listing
from scim.web.searching import ListRequest, list_request, projection_of, search_request

ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


class _Edit(Protocol):
    """PUT or PATCH."""

    def __call__(
        self,
        services: IdpServices,
        *,
        client: ScimClient,
        account_id: str,
        body: dict[str, Any],
        demand: Condition | None,
    ) -> Outcome:
        """Do it."""
        ...


class Users:
    """Handlers of the users' addresses."""

    def __init__(self, services: IdpServices, settings: ScimSettings, renderer: Renderer) -> None:
        self._services = services
        self._settings = settings
        self._renderer = renderer
        self.listing = Listing(Cursors(services.store, settings.cursor_life), "users", (self.page,))

    def collection(self) -> dict[str, Method]:
        """Return the methods of /Users."""
        return {
            "GET": Method(self.find, USERS_READ),
            "POST": Method(self.create, USERS_WRITE, reads_body=True),
        }

    def one(self) -> dict[str, Method]:
        """Return the methods of /Users/{id}."""
        return {
            "GET": Method(self.get, USERS_READ),
            "PUT": Method(self.replace, USERS_WRITE, reads_body=True),
            "PATCH": Method(self.patch, USERS_WRITE, reads_body=True),
            "DELETE": Method(self.delete, USERS_WRITE),
        }

    def searching(self) -> dict[str, Method]:
        """Return the methods of /Users/.search."""
        return {"POST": Method(self.search, USERS_READ, reads_body=True)}

    def find(self, request: Request, client: ScimClient) -> Response:
        """Answer a page of users (D2, D3, D8)."""
        return self._listed(list_request(request, USERS, self._settings, client.tolerance), client)

    def search(self, request: Request, client: ScimClient) -> Response:
        """Answer the same question asked in a body (D4)."""
        return self._listed(search_request(request, USERS, self._settings, client.tolerance), client)

    def page(self, asked: ListRequest, client: ScimClient) -> Listed:
        """Return a page, and its resources as JSON texts."""
        found = search_accounts(
            self._services,
            source=client.id,
            search=asked.search,
            with_groups=asked.projection.shows("groups"),
        )
        return Listed(found.page, (self._text(view, asked.projection) for view in found.accounts))

    def create(self, request: Request, client: ScimClient) -> Response:
        """Make a user (C1)."""
        projection = projection_of(request, USERS)
        outcome = create_user(self._services, client=client, body=body_object(request))
        if not isinstance(outcome, UserWritten):
            return refused(outcome)
        location = self._renderer.user_location(outcome.view.record.id)
        return self._answer(201, outcome.view, projection, (("Location", location),))

    def get(self, request: Request, client: ScimClient) -> Response:
        """Answer one user (D1, L3)."""
        projection = projection_of(request, USERS)
        account_id = request.path_values["id"]
        view = None
        if ID.fullmatch(account_id):
            view = find_own_account(
                self._services,
                source=client.id,
                account_id=account_id,
                with_groups=projection.shows("groups"),
            )
        if view is None:
            return refusal(404, NOT_FOUND)
        return self._answer(200, view, projection, condition=read_condition(request.header("if-none-match")))

    def replace(self, request: Request, client: ScimClient) -> Response:
        """Replace a user (G1, G2)."""
        return self._edit(request, client, replace_user)

    def patch(self, request: Request, client: ScimClient) -> Response:
        """Patch a user; answered with the user as it is then (H3)."""
        return self._edit(request, client, patch_user)

    def delete(self, request: Request, client: ScimClient) -> Response:
        """Delete a user for good (I1..I3)."""
        account_id = request.path_values["id"]
        if not ID.fullmatch(account_id):
            return refusal(404, NOT_FOUND)
        demand = read_condition(request.header("if-match"))
        expected: int | None = None
        if demand is not None and not demand.any:
            view = find_own_account(
                self._services, source=client.id, account_id=account_id, with_groups=False
            )
            if view is None:
                return refusal(404, NOT_FOUND)
            if not demand.meets(view.record.version):
                return refused(ConditionFailed())
            expected = view.record.version
        outcome = deprovision_account(
            self._services,
            actor=client.actor,
            source=client.id,
            account_id=account_id,
            expected_version=expected,
        )
        return Response(204) if isinstance(outcome, Deprovisioned) else refused(outcome)

    def _edit(self, request: Request, client: ScimClient, edit: _Edit) -> Response:
        projection = projection_of(request, USERS)
        account_id = request.path_values["id"]
        if not ID.fullmatch(account_id):
            return refusal(404, NOT_FOUND)
        demand = read_condition(request.header("if-match"))
        outcome: Outcome = edit(
            self._services, client=client, account_id=account_id, body=body_object(request), demand=demand
        )
        if not isinstance(outcome, UserWritten):
            return refused(outcome)
        return self._answer(200, outcome.view, projection)

    def _listed(self, asked: ListRequest, client: ScimClient) -> Response:
        return self.listing.answer((asked,), client)

    def _text(self, view: AccountView, projection: Projection) -> str:
        return shown(self._renderer.user(view.record, view.groups), USERS, projection)

    def _answer(
        self,
        status: int,
        view: AccountView,
        projection: Projection,
        headers: tuple[tuple[str, str], ...] = (),
        condition: Condition | None = None,
    ) -> Response:
        tag = ("ETag", entity_tag(view.record.version))
        if condition is not None and condition.meets(view.record.version):
            return Response(304, b"", (tag,))
        location = ("Content-Location", self._renderer.user_location(view.record.id))
        text = self._text(view, projection)
        return scim_answer(status, text, (tag, location, ("Cache-Control", "no-store"), *headers))
