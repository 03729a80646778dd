"""/Me: the resource of the person an access token was issued to, by another name (RFC 7644 §3.11, M1, M2)."""

from __future__ import annotations

import dataclasses

from idp.domain.deed import Deed
from idp.domain.oauth import Fault
from idp.usecases.authenticate_self import oneself
from idp.usecases.provisioning_log import Announce, note_client
from idp.web.oidc.possession import beside_token, token_of
from kernel.store import Unit
from kernel.web.http import Request, Response
from scim.domain.render import Renderer
from scim.usecases.client import USERS_READ, USERS_WRITE, ScimClient
from scim.web.endpoint import (
    TOO_MANY,
    Handler,
    Method,
    ScimEndpoint,
    misused,
    refusal,
)
from scim.web.users import Users

NOBODY = "Nobody stands behind this token: it is a client's own."
NOT_OWN = "An account is deleted by the client that provisions it."


class Me:
    """Handlers of /Me: those of the user's own address."""

    def __init__(self, users: Users, renderer: Renderer) -> None:
        self._users = users
        self._renderer = renderer

    def methods(self) -> dict[str, Method]:
        """Return the methods of /Me."""
        return {
            "GET": Method(self._alias(self._users.get), USERS_READ),
            "PUT": Method(self._alias(self._users.replace), USERS_WRITE, reads_body=True),
            "PATCH": Method(self._alias(self._users.patch), USERS_WRITE, reads_body=True),
            "DELETE": Method(self._alias(self._delete), USERS_WRITE),
        }

    def _alias(self, handler: Handler) -> Handler:
        def answer(request: Request, client: ScimClient) -> Response:
            aliased = dataclasses.replace(request, path_values={"id": client.account_id})
            response = handler(aliased, client)
            location = ("Location", self._renderer.user_location(client.account_id))
            return dataclasses.replace(response, headers=(*response.headers, location))

        return answer

    def _delete(self, _request: Request, _client: ScimClient) -> Response:
        return refusal(403, NOT_OWN)


class _PersonalEndpoint(ScimEndpoint):
    """An address that persons' own tokens open."""

    def _person(self, request: Request) -> tuple[ScimClient, Response | None] | None:
        """Return whose own token it is, or the refusal; None for a token that is nobody's own."""
        shown = beside_token(self._services, request)
        found = oneself(self._services, token_of(request), shown, audience=self._audience)
        if isinstance(found, Fault):
            return ScimClient(""), misused(found, shown)
        if found is None:
            return None
        note_client(found.client_id, self._announce_to(found.source))
        seconds = self._rate.wait(found.client_id, None)
        if seconds:
            return ScimClient(""), refusal(429, TOO_MANY, "", (("Retry-After", str(seconds)),))
        person = ScimClient(found.source, scopes=found.scope, account_id=found.account_id, extension=True)
        return person, None

    def _announce_to(self, source: str) -> Announce:
        """Return what tells the client that provisions the account, and not the application."""

        def announce(unit: Unit, _client_id: str, deed: Deed) -> None:
            self._announce(unit, source, deed)

        return announce


class OwnEndpoint(_PersonalEndpoint):
    """An address for persons: their own tokens open it, those of clients do not."""

    def _authenticate(self, request: Request, method: Method) -> tuple[ScimClient, Response | None]:
        person = self._person(request)
        if person is not None:
            return person
        client, refused = super()._authenticate(request, method)
        return client, refused or refusal(404, NOBODY)


class OpenEndpoint(_PersonalEndpoint):
    """An address for everybody: who shows a token there, a client's or a person's own, shows a good one."""

    def _authenticate(self, request: Request, method: Method) -> tuple[ScimClient, Response | None]:
        person = self._person(request) if token_of(request) else None
        return person or super()._authenticate(request, method)
