"""Our service as a storage of scim2-server: what its contract asks of storages is asked of SCIM requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from scim2_models import (
    Context,
    InvalidCursorException,
    InvalidFilterException,
    InvalidPathException,
    NotFoundException,
    PreconditionFailedException,
    SearchRequest,
    UniquenessException,
)
from scim2_server.storage import ScimStorage, SearchPage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scim2_models import Resource, ResourceType, ResponseParameters, ScimProvider

    from tests.support.scim import Answer, ScimWorld

_REFUSALS = {
    (404, ""): NotFoundException,
    (412, ""): PreconditionFailedException,
    (409, "uniqueness"): UniquenessException,
    (400, "invalidFilter"): InvalidFilterException,
    (400, "invalidPath"): InvalidPathException,
    (400, "invalidCursor"): InvalidCursorException,
}


def _refuse(answer: Answer) -> NoReturn:
    kind = _REFUSALS.get((answer.status, answer.scim_type))
    assert kind is not None, (answer.status, answer.body)
    raise kind(detail=answer.detail)


class ServiceStorage(ScimStorage):
    """Reads and writes through the requests of one world."""

    def __init__(self, world: ScimWorld, provider: ScimProvider) -> None:
        self._world = world
        self._provider = provider
        pagination = world.get("/ServiceProviderConfig", token="")["pagination"]
        self.supports_cursors = bool(pagination["cursor"])

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """Read one resource."""
        query = {}
        for name in ("attributes", "excluded_attributes"):
            paths = getattr(response_parameters, name, None)
            if paths:
                key = "excludedAttributes" if name == "excluded_attributes" else name
                query[key] = ",".join(str(path) for path in paths)
        path = f"{resource_type.endpoint}/{resource_id}"
        return self._one(resource_type, self._world.get(path, query=query))

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Make a resource."""
        body = resource.model_dump(scim_ctx=Context.RESOURCE_CREATION_REQUEST)
        return self._one(resource_type, self._world.post(str(resource_type.endpoint), body))

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """Replace a resource."""
        self._world.later()
        body = resource.model_dump(scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
        path = f"{resource_type.endpoint}/{resource.id}"
        return self._one(resource_type, self._world.put(path, body, headers=_demand(expected_version)))

    def delete(
        self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        """Delete a resource."""
        path = f"{resource_type.endpoint}/{resource_id}"
        answer = self._world.delete(path, headers=_demand(expected_version))
        if answer.status != 204:
            _refuse(answer)

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,
    ) -> SearchPage:
        """Ask for a page, of one type or at the root."""
        body = search_request.model_dump(scim_ctx=Context.SEARCH_REQUEST)
        if position is not None:
            body["cursor"] = position
        where = str(resource_types[0].endpoint) if len(resource_types) == 1 else ""
        answer = self._world.post(f"{where}/.search", body)
        if answer.status != 200:
            _refuse(answer)
        found = answer.json()
        by_name = {each.name: each for each in resource_types}
        resources = [
            self._read(by_name[each["meta"]["resourceType"]], each) for each in found.get("Resources", [])
        ]
        return SearchPage(
            found.get("totalResults"), resources, found.get("nextCursor"), found.get("previousCursor")
        )

    def _one(self, resource_type: ResourceType, answer: Answer) -> Resource[Any]:
        if answer.status not in {200, 201}:
            _refuse(answer)
        return self._read(resource_type, answer.json())

    def _read(self, resource_type: ResourceType, document: Mapping[str, Any]) -> Resource[Any]:
        """Return the resource as the provider's model; a storage leaves addresses to its server."""
        model: Any = self._provider.model_for(resource_type)
        known = {name: value for name, value in document.items() if ":switchyard:" not in name}
        known["schemas"] = [each for each in document["schemas"] if ":switchyard:" not in each]
        if "meta" in document:
            known["meta"] = {name: value for name, value in document["meta"].items() if name != "location"}
        resource: Resource[Any] = model.model_validate(known, scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
        return resource


def _demand(version: str | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": version}
