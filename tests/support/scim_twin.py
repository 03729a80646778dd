"""A Gateway of a few lines behind a real address: tokens, SCIM with fences, nothing else.

It checks what a Gateway must: bearer token, uniqueness, the source's version. It counts what must not double.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_EXTENSION = "urn:ietf:params:scim:schemas:extension:switchyard:2.0:"
_FILTER = re.compile(r'(\w+) eq "([^"]*)"')
_MEMBER = re.compile(r'members\[value eq "([^"]*)"\]')


class _Quiet(WSGIRequestHandler):
    def log(self, *_more: object) -> None:  # type: ignore[override]
        """Say nothing."""


class ScimTwin:
    """The state of the twin, and its WSGI face."""

    def __init__(self) -> None:
        self.url = ""
        self.resources: dict[str, dict[str, dict[str, Any]]] = {"Users": {}, "Groups": {}}
        self.members: dict[str, set[str]] = {}
        self.created: list[str] = []
        self.seen: list[str] = []
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def memberships(self) -> set[tuple[str, str]]:
        """Return (external id of the user, external id of the group) of every membership."""
        users, groups = self.resources["Users"], self.resources["Groups"]
        return {
            (users[member]["externalId"], groups[group]["externalId"])
            for group, members in self.members.items()
            for member in members
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        with self._lock:
            self.seen.append(f"{request.method} {request.path}")
            return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path == "/.well-known/openid-configuration":
            return _json({"issuer": self.url, "token_endpoint": f"{self.url}/token"})
        if request.path == "/token":
            sound = (
                request.form.get("grant_type") == "client_credentials" and request.form["client_assertion"]
            )
            return _json({"access_token": "twin", "expires_in": 300}) if sound else _json({}, 401)
        if request.headers.get("Authorization") != "Bearer twin":
            return _error(401)
        kind, _, identifier = request.path.removeprefix("/scim/v2/").partition("/")
        if request.method == "GET":
            return self._find(kind, request.args["filter"])
        if request.method == "POST":
            return self._create(kind, request.get_json(force=True))
        return self._patch(kind, identifier, request.get_json(force=True)["Operations"])

    def _find(self, kind: str, wanted: str) -> Response:
        found = _FILTER.fullmatch(wanted)
        assert found is not None, wanted
        hits = [one for one in self.resources[kind].values() if one.get(found[1]) == found[2]]
        return _json({"schemas": [_LIST], "totalResults": len(hits), "Resources": hits})

    def _create(self, kind: str, resource: dict[str, Any]) -> Response:
        for known in self.resources[kind].values():
            if known["externalId"] == resource["externalId"] or (
                kind == "Users" and known["userName"] == resource["userName"]
            ):
                return _error(409, "uniqueness")
        resource["id"] = f"{kind[0].lower()}{next(self._ids)}"
        self.resources[kind][resource["id"]] = resource
        self.created.append(resource["externalId"])
        return _json(resource, 201)

    def _patch(self, kind: str, identifier: str, operations: list[dict[str, Any]]) -> Response:
        resource = self.resources[kind].get(identifier)
        if resource is None:
            return _error(404)
        extension = resource[_EXTENSION + kind[:-1]]
        version = next(one["value"] for one in operations if one["path"].endswith(":sourceVersion"))
        if version < extension["sourceVersion"]:
            return _error(409, detail="staleVersion: a newer one is stored")
        extension["sourceVersion"] = version
        members = self.members.setdefault(identifier, set()) if kind == "Groups" else set()
        for operation in operations:
            gone = _MEMBER.fullmatch(operation["path"])
            if operation["path"] == "members":
                members.update(one["value"] for one in operation["value"])
            elif gone:
                members.discard(gone[1])
        return Response(status=204)


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/scim+json")


def _error(status: int, scim_type: str = "", detail: str = "") -> Response:
    body = {"schemas": [_ERROR], "status": str(status), "detail": detail}
    return _json({**body, "scimType": scim_type} if scim_type else body, status)


@contextmanager
def a_scim_twin() -> Iterator[ScimTwin]:
    """Serve a fresh twin on a free port of this machine."""
    twin = ScimTwin()
    server = make_server("127.0.0.1", 0, twin, threaded=True, request_handler=_Quiet)
    twin.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield twin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
