"""Every request of a known client leaves a record and a log line: who asked what, and how it ended (O11).

Both name attributes and never hold a value. The line holds ids alone; the names that account and group are
known by stand in the record, which is swept and forgets them with the account. A refusal of nobody known
leaves a line and no record. The line of a read that succeeds is one of level debug.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import structlog

from idp.domain.provisioning_log import Operation
from idp.usecases.provisioning_log import ServedRequest, flush_requests, note_target_names, record_answer
from idp.usecases.services import IdpServices
from kernel.origin import current_origin
from kernel.randomness import ULID
from kernel.web.http import Request, Response
from scim.domain.reasons import told_reason

_PATH = re.compile(r"(?:/scim/v2)?/?(?P<kind>[A-Za-z]*).*", re.DOTALL)
_RESOURCES = {"Users": "User", "Groups": "Group", "Me": "User"}
_OPERATIONS = {
    "GET": Operation.READ,
    "HEAD": Operation.READ,
    "POST": Operation.CREATE,
    "PUT": Operation.REPLACE,
    "PATCH": Operation.CHANGE,
    "DELETE": Operation.DELETE,
}
_log = structlog.get_logger(__name__)


def serve_recorded(
    services: IdpServices, request: Request, answer: Callable[[Request], Response]
) -> Response:
    """Return what ``answer`` answers to the request, and record both."""
    target = request.path_values.get("id", "")
    stem = request.path.removesuffix(target) if target else request.path
    operation, resource = _asked_for(request.method, stem, has_target=bool(target))
    known = target if ULID.fullmatch(target) else ""  # what else stands there is the client's own
    with ServedRequest(operation, resource, known) as served:
        response = answer(request)
        _tell(services, served, response)
    if services.requests.is_full and not served.in_bulk:
        flush_requests(services)
    return response


def note_names(body: Mapping[str, Any]) -> None:
    """Tell the record by which names a body calls its resource."""
    stated = {name.lower(): value for name, value in body.items()}
    if "username" in stated or "displayname" in stated or "externalid" in stated:
        note_target_names(
            name=stated.get("username") or stated.get("displayname"), external_id=stated.get("externalid")
        )


@lru_cache(maxsize=512)
def _asked_for(method: str, stem: str, *, has_target: bool) -> tuple[Operation, str]:
    """Return what a request asks, and of which type of resource; ``stem`` is its path without the id."""
    match = _PATH.fullmatch(stem)
    kind = match["kind"] if match else ""
    resource = _RESOURCES.get(kind, "")
    if kind == "Bulk":
        return Operation.BULK, resource
    if stem.rstrip("/").endswith(".search"):
        return Operation.SEARCH, resource
    operation = _OPERATIONS.get(method, Operation.OTHER)
    if kind and not resource and not operation.only_looks:
        return Operation.OTHER, ""
    if operation is Operation.READ and not has_target and kind != "Me":
        operation = Operation.SEARCH
    return operation, resource


def _tell(services: IdpServices, served: ServedRequest, response: Response) -> None:
    status = response.status
    scim_type = reason = ""
    if status >= 400 and response.body:
        error = response.json()
        scim_type, reason = str(error.get("scimType", "")), told_reason(str(error.get("detail", "")))
    record_answer(services, served, status=status, scim_type=scim_type, reason=reason)
    if status < 400 and (served.operation.only_looks or not served.client_id):
        _log.debug("scim.request", client=served.client_id, operation=served.operation.value, status=status)
        return
    written = served.written
    _log.info(
        "scim.request",
        client=served.client_id,
        operation=served.operation.value,
        resource=served.resource,
        target=written.target_id if written else served.target_id,
        status=status,
        scim_type=scim_type,
        reason=reason,
        changed=list(written.changed) if written else [],
        added=written.added if written else 0,
        removed=written.removed if written else 0,
        left_out=written.left_out if written else served.left_out,
        in_bulk=served.in_bulk,
        request_id=current_origin().request_id,
    )
