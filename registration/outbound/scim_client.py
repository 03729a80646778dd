"""The Gateway's SCIM face over HTTP: scim2-client for what is said, our own engine for how it is sent.

An answer is a value, whatever it is; the rules that judge it live in :mod:`registration.domain.outbox`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import httpx
from scim2_client import SCIMClientException
from scim2_client.client import BaseSyncSCIMClient
from scim2_client.errors import RequestNetworkException
from scim2_models import (
    Error,
    ListResponse,
    PatchOp,
    Resource,
    ResourceType,
    SCIMException,
    ScimPolicy,
    ScimProvider,
)

from kernel.clock import Clock
from kernel.retry_after import wait_asked_for
from registration.domain.outbox import Aggregate
from registration.domain.provisioning import Answer, DesiredGroup, DesiredUser, Found
from registration.domain.sign_in import ProviderUnreachableError
from registration.outbound.access_token import AccessTokens, TokenRefusedError
from registration.outbound.http import Outbound, TargetRefusedError
from registration.outbound.scim_models import (
    GROUP_EXTENSION,
    USER_EXTENSION,
    GatewayGroup,
    GatewayUser,
    SwitchyardGroup,
    SwitchyardUser,
    group_patch,
    group_resource,
    member_patch,
    user_patch,
    user_resource,
)

UNREADABLE: Final = 599
"""Stands for a success that does not say what was done: that has to be found out by asking again."""

_OK: Final = 200
_NO_CONTENT: Final = 204
_REDIRECT: Final = 300
_BAD_REQUEST: Final = 400
_USER, _GROUP = (f"urn:ietf:params:scim:schemas:core:2.0:{kind}" for kind in ("User", "Group"))
_UNSENT: Final = "token"
"""Stands for the token endpoint where a request was not even sent for want of a token."""

_PROVIDER: Final = ScimProvider(
    models=[
        *(base for base in (GatewayUser.__bases__[0], GatewayGroup.__bases__[0])),
        *GatewayUser.__scim_extension_metadata__,
        *GatewayGroup.__scim_extension_metadata__,
    ],
    resource_types=[ResourceType.from_resource(GatewayUser), ResourceType.from_resource(GatewayGroup)],
    policy=ScimPolicy(unknown=ScimPolicy.Unknown.ignore),
)


class _Engine(BaseSyncSCIMClient):
    """Sends one request of scim2-client and keeps the raw answer: its status and headers matter to us."""

    def __init__(self, outbound: Outbound, base_url: str, token: str) -> None:
        super().__init__(provider=_PROVIDER, raise_scim_errors=False)
        self._outbound = outbound
        self._base_url = base_url.rstrip("/")
        self._token = token
        self.answer: httpx.Response | None = None
        self.sent = ("", "")

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return endpoint.startswith("/") and ".." not in endpoint

    def request(self, method: str, url: str, **kwargs: Any) -> httpx.Response:  # noqa: ANN401 - the base's own
        """Send what scim2-client prepared."""
        path = "/" + url.lstrip("/")
        self.sent = (method, path.partition("?")[0])
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/scim+json"}
        headers |= kwargs.get("headers") or {}
        if "json" in kwargs:
            headers["Content-Type"] = "application/scim+json"
        params = {name: str(value) for name, value in (kwargs.get("params") or {}).items()}
        try:
            self.answer = self._outbound.send(
                method, self._base_url + path, params=params, json=kwargs.get("json"), headers=headers
            )
        except (httpx.HTTPError, TargetRefusedError) as error:
            raise RequestNetworkException from error
        return self.answer


Act = Callable[[_Engine], object]


class ScimDirectory:
    """What the worker tells the Gateway, and asks it; or any other SCIM server.

    The Gateway has our extensions, whose ``sourceVersion`` fences every write, so it is told the whole state
    and never asked first. A server that turns out to have none of them is told the differences from what it
    holds, under the ETag it holds that at.
    """

    def __init__(self, outbound: Outbound, tokens: AccessTokens, clock: Clock, *, base_url: str) -> None:
        self._outbound = outbound
        self._tokens = tokens
        self._clock = clock
        self._base_url = base_url
        self._extended = True

    def create_user(self, user: DesiredUser) -> Answer:
        """POST the user (RFC 7644 §3.3)."""
        return self._tell(lambda extended: self._create(user_resource(user, extended=extended)))

    def change_user(self, remote_id: str, user: DesiredUser) -> Answer:
        """PATCH the user to what is desired (RFC 7644 §3.5.2)."""

        def change(extended: bool) -> Answer:  # noqa: FBT001 - how the server is spoken to
            if extended:
                return self._modify(GatewayUser, remote_id, user_patch(user))
            return self._amend(GatewayUser, remote_id, user_resource(user, extended=False))

        return self._tell(change)

    def find_user(self, *, external_id: str) -> tuple[Answer, Found | None]:
        """GET the user with this very external id (RFC 7644 §3.4.2)."""
        return self._find(GatewayUser, external_id)

    def create_group(self, group: DesiredGroup) -> Answer:
        """POST the group, without members."""
        return self._tell(lambda extended: self._create(group_resource(group, extended=extended)))

    def change_group(self, remote_id: str, group: DesiredGroup) -> Answer:
        """PATCH the group's own attributes."""

        def change(extended: bool) -> Answer:  # noqa: FBT001 - how the server is spoken to
            if extended:
                return self._modify(GatewayGroup, remote_id, group_patch(group))
            return self._amend(GatewayGroup, remote_id, group_resource(group, extended=False))

        return self._tell(change)

    def find_group(self, *, external_id: str) -> tuple[Answer, Found | None]:
        """GET the group with this very external id."""
        return self._find(GatewayGroup, external_id)

    def held_version(self, kind: Aggregate, remote_id: str) -> tuple[Answer, int | None]:
        """GET the version that a user or group is held at; None where the server keeps none."""
        model, extension, schema = (
            (GatewayUser, SwitchyardUser, USER_EXTENSION)
            if kind is Aggregate.USER
            else (GatewayGroup, SwitchyardGroup, GROUP_EXTENSION)
        )
        wanted = {"attributes": f"{schema}:sourceVersion"}
        answer, held = self._ask(
            lambda engine: engine.query(model, remote_id, query_parameters=wanted, expected_status_codes=None)
        )
        if not isinstance(held, model):
            return _unread(answer), None
        kept = held[extension]
        return answer, kept.source_version if kept is not None else None

    def add_member(self, group_remote_id: str, user_remote_id: str, *, version: int) -> Answer:
        """PATCH one member into the group."""
        return self._move(group_remote_id, user_remote_id, joins=True, version=version)

    def remove_member(self, group_remote_id: str, user_remote_id: str, *, version: int) -> Answer:
        """PATCH one member out of the group."""
        return self._move(group_remote_id, user_remote_id, joins=False, version=version)

    def _move(self, group_remote_id: str, user_remote_id: str, *, joins: bool, version: int) -> Answer:
        def move(extended: bool) -> Answer:  # noqa: FBT001 - how the server is spoken to
            patch = member_patch(user_remote_id, joins=joins, version=version if extended else None)
            return self._modify(GatewayGroup, group_remote_id, patch)

        return self._tell(move)

    def _tell(self, say: Callable[[bool], Answer]) -> Answer:
        """Say it with our extensions; without them to a server that has none, which shows when it refuses."""
        answer = say(self._extended)
        if answer.status != _BAD_REQUEST or not self._extended or self._knows_extensions():
            return answer
        self._extended = False
        return say(False)

    def _knows_extensions(self) -> bool:
        """Ask the server which types of resource it has (RFC 7644 §4); True if it does not say."""
        _, found = self._ask(lambda engine: engine.request("GET", "/ResourceTypes"))
        text = found.text if isinstance(found, httpx.Response) and found.status_code == _OK else ""
        said = _USER in text and _GROUP in text  # the page of somebody in between does not
        return not said or (USER_EXTENSION in text and GROUP_EXTENSION in text)

    def _create(self, resource: Any) -> Answer:  # noqa: ANN401 - a composed class
        answer, _ = self._ask(lambda engine: engine.create(resource, expected_status_codes=None))
        # Without an id it can never be changed: asking again finds what was made.
        return answer if answer.remote_id else _unread(answer)

    def _modify(self, model: Any, remote_id: str, patch: Any, *, etag: str = "") -> Answer:  # noqa: ANN401
        headers = {"If-Match": etag} if etag else {}
        answer, changed = self._ask(
            lambda engine: engine.modify(model, remote_id, patch, expected_status_codes=None, headers=headers)
        )
        told = answer.status == _NO_CONTENT or isinstance(changed, Resource)
        return answer if told else _unread(answer)

    def _amend(self, model: Any, remote_id: str, wanted: Any) -> Answer:  # noqa: ANN401 - a composed class
        """Bring what the server holds to what is wanted: 412 if it changed between the look and the write."""
        answer, held = self._ask(lambda engine: engine.query(model, remote_id, expected_status_codes=None))
        if not isinstance(held, model):
            return _unread(answer)
        patch = PatchOp.build_from(held, wanted)
        return self._modify(model, remote_id, patch, etag=answer.etag) if patch is not None else answer

    def _find(self, model: Any, external_id: str) -> tuple[Answer, Found | None]:  # noqa: ANN401
        """Ask for the resource with this external id; whatever else the server lists is none of ours."""
        quoted = external_id.replace("\\", "\\\\").replace('"', '\\"')
        wanted = {"filter": f'externalId eq "{quoted}"', "attributes": "externalId", "count": 2}
        answer, result = self._ask(
            lambda engine: engine.query(model, query_parameters=wanted, expected_status_codes=None)
        )
        if not isinstance(result, ListResponse):
            return _unread(answer), None
        listed = result.resources or []
        # A server may leave the filter out of account, or the case of an external id (RFC 7643 §3.1).
        ours = [each for each in listed if each.external_id == external_id]
        return answer, Found(str(ours[0].id), external_id) if ours else None

    def _ask(self, act: Act) -> tuple[Answer, object]:
        """Send one request; a refused token is renewed once (RFC 6750 §3.1)."""
        answer, result = self._once(act)
        refused = answer.status == 401 and answer.path != _UNSENT
        return self._once(act) if refused else (answer, result)

    def _once(self, act: Act) -> tuple[Answer, object]:
        try:
            token = self._tokens.current()
        except ProviderUnreachableError:
            return Answer(0, method="POST", path=_UNSENT), None
        except TokenRefusedError as refused:
            # Whatever the token endpoint said, it is our credential that is wrong, not the row.
            return Answer(
                401, detail=f"token endpoint answered {refused.status}", method="POST", path=_UNSENT
            ), None
        engine = _Engine(self._outbound, self._base_url, token)
        started = time.monotonic()
        result: object = None
        readable = True
        try:
            result = act(engine)
        except RequestNetworkException:
            engine.answer = None
        except (SCIMClientException, SCIMException):
            readable = False
        answer = self._answer(engine, result, readable=readable, milliseconds=_since(started))
        if answer.status == 401:
            self._tokens.forget(token)
        return answer, result

    def _answer(self, engine: _Engine, result: object, *, readable: bool, milliseconds: int) -> Answer:
        method, path = engine.sent
        response = engine.answer
        if response is None:
            return Answer(0, method=method, path=path, milliseconds=milliseconds)
        succeeded = _OK <= response.status_code < _REDIRECT
        error = result if isinstance(result, Error) else None
        resource = result if isinstance(result, Resource) else None
        return Answer(
            status=response.status_code if readable or not succeeded else UNREADABLE,
            scim_type=str(error.scim_type or "") if error else "",
            detail=str(error.detail or "") if error else "",
            retry_after=wait_asked_for(response.headers.get("Retry-After", ""), now=self._clock.now()),
            remote_id=str(resource.id or "") if resource else "",
            etag=response.headers.get("ETag", ""),
            method=method,
            path=path,
            milliseconds=milliseconds,
            is_scim=succeeded or error is not None,
        )


def _unread(answer: Answer) -> Answer:
    """Return an answer that does not say what it has to: if it is a success, it is none to rely on."""
    succeeded = _OK <= answer.status < _REDIRECT
    return replace(answer, status=UNREADABLE) if succeeded else answer


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
