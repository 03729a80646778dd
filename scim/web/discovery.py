"""/ServiceProviderConfig, /ResourceTypes and /Schemas: prepared bytes with a tag (A1..A9).

A client that shows its token is told what holds for its profile, and of our extension if it may state it;
anybody else what holds for a client of the default profile, without our extension.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from idp.domain.security_events import Payload
from kernel.web.http import Request, Response
from scim.domain.discovery import (
    config_of_profile,
    config_with_events,
    resource_types,
    schemas,
    service_provider_config,
)
from scim.domain.documents import write
from scim.domain.etag import read_condition
from scim.domain.profile import Profile
from scim.domain.render import list_response
from scim.settings import ScimSettings
from scim.usecases.client import READ, ScimClient
from scim.web.endpoint import NOT_FOUND, Method, refusal, scim_answer


class Discovery:
    """Handlers of the discovery addresses."""

    def __init__(self, settings: ScimSettings, base: str) -> None:
        config = service_provider_config(
            base,
            default_page=settings.default_page,
            largest_page=settings.largest_page,
            cursor_seconds=int(settings.cursor_life.total_seconds()),
        )
        self._scope = "" if settings.open_discovery else READ
        self._configs = {
            (profile, payload): write(config_with_events(config_of_profile(config, profile), payload))
            for profile in Profile
            for payload in Payload
        }
        self._types = {each: _texts(resource_types(base, extension=each)) for each in (True, False)}
        self._schemas = {each: _texts(schemas(base, extension=each)) for each in (True, False)}

    def config(self) -> dict[str, Method]:
        """Return the methods of /ServiceProviderConfig."""
        return self._get(lambda _request, client: self._configs[client.profile, client.events])

    def types(self) -> dict[str, Method]:
        """Return the methods of /ResourceTypes."""
        return self._get(lambda _request, client: _listed(self._types[client.extension]))

    def type(self) -> dict[str, Method]:
        """Return the methods of /ResourceTypes/{id}."""
        return self._one(self._types)

    def schemas(self) -> dict[str, Method]:
        """Return the methods of /Schemas."""
        return self._get(lambda _request, client: _listed(self._schemas[client.extension]))

    def schema(self) -> dict[str, Method]:
        """Return the methods of /Schemas/{id}."""
        return self._one(self._schemas)

    def _one(self, texts: Mapping[bool, Mapping[str, str]]) -> dict[str, Method]:
        return self._get(
            lambda request, client: texts[client.extension].get(request.path_values["id"].lower())
        )

    def _get(self, find: Any) -> dict[str, Method]:  # noqa: ANN401 - a small function from request and client to text
        def handler(request: Request, client: ScimClient) -> Response:
            if "filter" in request.query_values:
                return refusal(403, "Discovery cannot be filtered.")
            text = find(request, client)
            if text is None:
                return refusal(404, NOT_FOUND)
            tag = hashlib.sha256(text.encode()).hexdigest()[:16]
            shared = "private" if client.id else "public"
            headers = (
                ("ETag", f'W/"{tag}"'),
                ("Cache-Control", f"{shared}, max-age=300"),
                ("Vary", "Authorization"),
            )
            condition = read_condition(request.header("if-none-match"))
            if condition is not None and (condition.any or tag in condition.tags):
                return Response(304, b"", headers)
            return scim_answer(200, text, headers)

        return {"GET": Method(handler, self._scope)}


def _texts(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return documents as JSON texts, by their names in lower case."""
    return {name.lower(): write(each) for name, each in documents.items()}


def _listed(documents: Mapping[str, str]) -> str:
    return list_response(len(documents), 1, documents.values())
