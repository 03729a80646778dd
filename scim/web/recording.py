"""Every request of a known client leaves a record and a log line: who asked what, and how it ended (O11).

Both name attributes and never hold a value. The line holds ids alone; the names that account and group are
known by stand in the record, which is swept and forgets them with the account.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from idp.domain.provisioning_log import Operation, Outcome
from idp.usecases.provisioning_log import Asked, answered, asked_about, asking, flush_requests
from idp.usecases.services import IdpServices
from kernel.origin import current_origin
from kernel.web.http import Request, Response
from scim.domain.reasons import told_reason

_PATH = re.compile(r"(?:/scim/v2)?/?(?P<kind>[A-Za-z]*)(?:/(?P<rest>[^/]*))?.*", re.DOTALL)
_RESOURCES = {"Users": "User", "Groups": "Group", "Me": "User"}
_OPERATIONS = {
    "GET": Operation.READ,
    "HEAD": Operation.READ,
    "POST": Operation.CREATE,
    "PUT": Operation.REPLACE,
    "PATCH": Operation.CHANGE,
    "DELETE": Operation.DELETE,
}
_SEARCH = ".search"
_log = structlog.get_logger(__name__)


def recorded(services: IdpServices, request: Request, answer: Callable[[Request], Response]) -> Response:
    """Return what ``answer`` answers to the request, and record both."""
    operation, resource, target_id = _asked(request)
    asking_it = asking(
        services,
        operation,
        resource,
        target_id=target_id,
        status_if_done=_status_if_done(request, operation, resource),
    )
    with asking_it as asked:
        response = answer(request)
        _tell(services, asked, response)
    if not asked.in_bulk and services.requests.is_full:
        flush_requests(services)
    return response


def note_names(body: Mapping[str, Any]) -> None:
    """Tell the record by which names a body calls its resource."""
    stated = {name.lower(): value for name, value in body.items()}
    if "username" in stated or "displayname" in stated or "externalid" in stated:
        asked_about(
            name=stated.get("username") or stated.get("displayname"), external_id=stated.get("externalid")
        )


def _asked(request: Request) -> tuple[Operation, str, str]:
    """Return what a request asks, of which type of resource, and of which one."""
    match = _PATH.fullmatch(request.path)
    kind, rest = (match["kind"], match["rest"] or "") if match else ("", "")
    resource = _RESOURCES.get(kind, "")
    if kind == "Bulk":
        return Operation.BULK, resource, ""
    if request.path.rstrip("/").endswith(_SEARCH):
        return Operation.SEARCH, resource, ""
    operation = _OPERATIONS.get(request.method, Operation.OTHER)
    if kind and not resource:
        return (operation if operation.only_looks else Operation.OTHER), "", ""
    if operation is Operation.READ and not rest and kind != "Me":
        operation = Operation.SEARCH
    return operation, resource, rest


def _status_if_done(request: Request, operation: Operation, resource: str) -> int:
    """Return how the request is answered if its deed succeeds; the end of the request has the last word."""
    if operation is Operation.CREATE:
        return 201
    bodiless = operation is Operation.CHANGE and resource == "Group" and "ttributes=" not in request.query
    return 204 if bodiless or operation is Operation.DELETE else 200


def _tell(services: IdpServices, asked: Asked, response: Response) -> None:
    scim_type = reason = ""
    if response.status >= 400 and response.body:
        error = response.json()
        scim_type, reason = str(error.get("scimType", "")), told_reason(str(error.get("detail", "")))
    record = answered(services, asked, status=response.status, scim_type=scim_type, reason=reason)
    if record is None:
        _tell_stranger(asked, response.status, reason)
        return
    tell = _log.debug if record.outcome is Outcome.READ else _log.info
    tell(
        "scim.request",
        client=record.client_id,
        operation=record.operation.value,
        resource=record.resource,
        target=record.target_id,
        status=record.status,
        scim_type=record.scim_type,
        reason=record.reason,
        changed=list(record.changed),
        added=record.added,
        removed=record.removed,
        in_bulk=record.in_bulk,
        request_id=record.request_id,
        record=record.id,
    )


def _tell_stranger(asked: Asked, status: int, reason: str) -> None:
    """Write a line about a request that was refused to nobody known; it is not recorded."""
    if status >= 400:
        _log.info(
            "scim.request",
            client="",
            operation=asked.operation.value,
            resource=asked.resource,
            status=status,
            reason=reason,
            request_id=current_origin().request_id,
        )
