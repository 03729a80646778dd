"""What /Users and /Groups have in common (RFC 7644 §3): methods, questions, conditions, answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from idp.domain.provisioning import Missing, Moved, Protected
from idp.domain.query import Heavy, Record
from idp.usecases.services import IdpServices
from kernel.long_questions import LongQuestions
from kernel.randomness import ULID
from kernel.web.http import Request, Response
from scim.domain.catalogue import Catalogue
from scim.domain.etag import Condition, Demand, entity_tag, read_condition, read_demand
from scim.domain.projection import Projection
from scim.settings import ScimSettings
from scim.usecases.client import ScimClient
from scim.usecases.outcomes import ConditionFailed
from scim.web.answers import refused, shown
from scim.web.cursors import Cursors
from scim.web.endpoint import NOT_FOUND, Method, body_object, refusal, scim_answer
from scim.web.listing import Listed, Listing
from scim.web.searching import ListRequest, list_request, projection_of, search_request


class View(Protocol):
    """A resource with what is shown beside its record."""

    @property
    def record(self) -> Record:
        """The resource itself."""
        ...


ViewT = TypeVar("ViewT", bound=View)
OutcomeT = TypeVar("OutcomeT")
Edit = Callable[[str, dict[str, Any], Demand | None], OutcomeT]
"""PUT or PATCH of the resource with this id by a body, on what the request demands of its version."""


class Resources(ABC, Generic[ViewT]):
    """Handlers of the addresses of one type of resource.

    A subclass says how one is found, made, changed, taken away and written out; ``locate`` gives its URI.
    """

    def __init__(
        self,
        services: IdpServices,
        settings: ScimSettings,
        catalogue: Catalogue,
        locate: Callable[[str], str],
        *,
        questions: LongQuestions,
        name: str,
        scopes: tuple[str, str],
    ) -> None:
        self._services = services
        self._settings = settings
        self._catalogue = catalogue
        self._locate = locate
        self._reads, self._writes = scopes
        cursors = Cursors(services.store, settings.cursor_life)
        self.listing = Listing(cursors, name, (self.page,), questions=questions)

    def collection(self) -> dict[str, Method]:
        """Return the methods of the type's address."""
        return {
            "GET": Method(self.find, self._reads),
            "POST": Method(self.create, self._writes, reads_body=True),
        }

    def one(self) -> dict[str, Method]:
        """Return the methods of a resource's address."""
        return {
            "GET": Method(self.get, self._reads),
            "PUT": Method(self.replace, self._writes, reads_body=True),
            "PATCH": Method(self.patch, self._writes, reads_body=True),
            "DELETE": Method(self.delete, self._writes),
        }

    def searching(self) -> dict[str, Method]:
        """Return the methods of /.search below the type's address."""
        return {"POST": Method(self.search, self._reads, reads_body=True)}

    def find(self, request: Request, client: ScimClient) -> Response:
        """Answer a page (D2, D3, D8)."""
        asked = list_request(request, self.catalogue(client), self._settings, client.tolerance)
        return self.listing.answer((asked,), client)

    def search(self, request: Request, client: ScimClient) -> Response:
        """Answer the same question asked in a body (D4)."""
        asked = search_request(request, self.catalogue(client), self._settings, client.tolerance)
        return self.listing.answer((asked,), client)

    def get(self, request: Request, client: ScimClient) -> Response:
        """Answer one resource (D1, D7, L3); 412 where it is not at the version that If-Match names (L2)."""
        projection = self.projection(request)
        resource_id = request.path_values["id"]
        view = self.look(resource_id, client, projection) if ULID.fullmatch(resource_id) else None
        if view is None:
            return refusal(404, NOT_FOUND)
        demand = read_demand(request.header("if-match"))
        if demand is not None and not demand.meets(view.record.version):
            return refused(ConditionFailed())
        return self.answer(200, view, projection, condition=read_condition(request.header("if-none-match")))

    def delete(self, request: Request, client: ScimClient) -> Response:
        """Delete a resource for good (I1..I3)."""
        resource_id = request.path_values["id"]
        if not ULID.fullmatch(resource_id):
            return refusal(404, NOT_FOUND)
        demand = _demand_of(request)
        expected: int | None = None
        if demand is not None:
            record = self.record(resource_id, client)
            if record is None:
                return refusal(404, NOT_FOUND)
            if not demand.meets(record.version):
                return refused(ConditionFailed())
            expected = record.version
        outcome = self.remove(resource_id, client, expected)
        return Response(204) if outcome is None else refused(outcome)

    @abstractmethod
    def catalogue(self, client: ScimClient) -> Catalogue:
        """Return the attributes of the type that there are for the client."""

    @abstractmethod
    def create(self, request: Request, client: ScimClient) -> Response:
        """Make a resource (C1)."""

    @abstractmethod
    def replace(self, request: Request, client: ScimClient) -> Response:
        """Replace a resource (G1)."""

    @abstractmethod
    def patch(self, request: Request, client: ScimClient) -> Response:
        """Patch a resource (H3)."""

    @abstractmethod
    def page(self, asked: ListRequest, client: ScimClient) -> Listed | Heavy:
        """Return a page, and its resources as JSON texts, unless it is too large."""

    @abstractmethod
    def look(self, resource_id: str, client: ScimClient, projection: Projection) -> ViewT | None:
        """Return the resource with what the projection shows, if it is the client's."""

    @abstractmethod
    def record(self, resource_id: str, client: ScimClient) -> Record | None:
        """Return the resource alone, if it is the client's."""

    @abstractmethod
    def remove(
        self, resource_id: str, client: ScimClient, expected: int | None
    ) -> Missing | Moved | Protected | None:
        """Take the resource away; None if it is gone."""

    @abstractmethod
    def text(self, view: ViewT, projection: Projection) -> str:
        """Return the resource as JSON text, with what the projection asks for by name."""

    def projection(self, request: Request) -> Projection:
        """Return what the request wants to be shown (D6)."""
        return projection_of(request, self._catalogue)

    def edited(self, request: Request, edit: Edit[OutcomeT]) -> OutcomeT | Missing:
        """Return how a PUT or PATCH ended."""
        resource_id = request.path_values["id"]
        if not ULID.fullmatch(resource_id):
            return Missing()
        return edit(resource_id, body_object(request), _demand_of(request))

    def shown(self, view: ViewT, projection: Projection) -> str:
        """Return what the projection shows of the resource, as JSON text."""
        return shown(self.text(view, projection), self._catalogue, projection)

    def made(self, view: ViewT, projection: Projection) -> Response:
        """Answer a resource that was just made (B5, C1)."""
        return self.answer(201, view, projection, (("Location", self._locate(view.record.id)),))

    def answer(
        self,
        status: int,
        view: ViewT,
        projection: Projection,
        headers: tuple[tuple[str, str], ...] = (),
        condition: Condition | None = None,
    ) -> Response:
        """Answer with the resource, or with 304 where its version meets ``condition``."""
        told = (
            ("ETag", entity_tag(view.record.version)),
            ("Content-Location", self._locate(view.record.id)),
            ("Cache-Control", "no-store"),
        )
        if condition is not None and condition.meets(view.record.version):
            return Response(304, b"", told)  # with what the 200 would carry (RFC 9110 §15.4.5)
        return scim_answer(status, self.shown(view, projection), (*told, *headers))


def _demand_of(request: Request) -> Demand | None:
    """Return what a write demands of the version it changes (L2)."""
    return read_demand(request.header("if-match"), request.header("if-none-match"))
