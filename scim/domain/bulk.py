"""A bulk job as it is read (RFC 7644 §3.7): what is wrong with one operation stays with that operation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scim2_models import InvalidSyntaxException, InvalidValueException, PayloadTooLargeException

from scim.domain.documents import require_listed

BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
MOST_OPERATIONS = 1_000
LARGEST_PAYLOAD = 1_048_576
"""The most bytes of any request: a bulk job, or an operation sent alone."""
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LONGEST_ID = 256


class Fault(StrEnum):
    """What is wrong with an operation before anything is tried; the value is the sentence for it."""

    METHOD = "'method' must be POST, PUT, PATCH or DELETE."
    PATH = "'path' must be the address of a resource, such as /Users or /Users/{id}."
    NO_BULK_ID = "A POST needs a 'bulkId', a text of 1 to 256 characters."
    BULK_ID = "'bulkId' must be a text of 1 to 256 characters."
    DOUBLED = "An earlier operation has this 'bulkId' already."
    VERSION = "'version' must be text."
    NO_DATA = "'data' must be an object."

    @property
    def scim_type(self) -> str:
        """The keyword of the error (RFC 7644 §3.12)."""
        if self is Fault.PATH:
            return "invalidPath"
        return "invalidSyntax" if self in {Fault.METHOD, Fault.NO_BULK_ID, Fault.NO_DATA} else "invalidValue"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a job; ``method`` is empty if it is none, ``fault`` says why it cannot be tried."""

    method: str
    path: str
    bulk_id: str = ""
    version: str = ""
    data: Mapping[str, Any] | None = None
    fault: Fault | None = None

    @property
    def defines(self) -> str:
        """The name that other operations may use for the resource this one makes."""
        return self.bulk_id if self.method == "POST" and self.fault is None else ""


@dataclass(frozen=True, slots=True)
class Bulk:
    """A job. ``most_errors`` ends it once so many operations failed; None lets it do what can be done."""

    operations: tuple[Operation, ...]
    most_errors: int | None = None


def read_bulk(body: Mapping[str, Any]) -> Bulk:
    """Return the job that a BulkRequest message states; what is wrong with one operation stays with it.

    ``failOnErrors`` 0 means what 1 means: the first error ends the job.

    Raises:
        InvalidSyntaxException, InvalidValueException: if the message itself is none.
        PayloadTooLargeException: for more than a thousand operations (§3.7.4, K4).
    """
    names = {name.lower(): value for name, value in body.items()}
    require_listed(names.get("schemas"), BULK_REQUEST)
    stated = names.get("operations")
    if not isinstance(stated, list) or not stated or not all(isinstance(each, dict) for each in stated):
        raise InvalidSyntaxException(detail="'Operations' must hold one or more operations, each an object.")
    if len(stated) > MOST_OPERATIONS:
        raise PayloadTooLargeException(
            detail=f"The number of bulk operations exceeds the maxOperations ({MOST_OPERATIONS})."
        )
    most_errors = names.get("failonerrors")
    if most_errors is not None:
        if isinstance(most_errors, bool) or not isinstance(most_errors, int) or most_errors < 0:
            raise InvalidValueException(detail="'failOnErrors' must be a whole number, 0 or more.")
        most_errors = max(most_errors, 1)
    return Bulk(tuple(_operations(stated)), most_errors)


def _operations(stated: Iterable[Mapping[str, Any]]) -> Iterator[Operation]:
    taken: set[str] = set()
    for each in stated:
        operation = _operation({name.lower(): value for name, value in each.items()})
        if operation.method == "POST" and operation.bulk_id:
            if operation.bulk_id in taken:
                operation = dataclasses.replace(operation, fault=Fault.DOUBLED)
            taken.add(operation.bulk_id)
        yield operation


def _operation(names: Mapping[str, Any]) -> Operation:
    method, path, bulk_id = names.get("method"), names.get("path"), names.get("bulkid")
    version, data = names.get("version"), names.get("data")
    verb = method.upper() if isinstance(method, str) and method.upper() in METHODS else ""
    fault: Fault | None = None
    if not verb:
        fault = Fault.METHOD
    elif not isinstance(path, str) or not path:
        fault = Fault.PATH
    elif bulk_id is None or bulk_id == "":
        fault = Fault.NO_BULK_ID if verb == "POST" else None
    elif not isinstance(bulk_id, str) or len(bulk_id) > _LONGEST_ID:
        fault = Fault.BULK_ID
    if fault is None and version is not None and not isinstance(version, str):
        fault = Fault.VERSION
    if fault is None and verb != "DELETE" and not isinstance(data, dict):
        fault = Fault.NO_DATA
    return Operation(
        method=verb,
        path=path if isinstance(path, str) else "",
        bulk_id=bulk_id if isinstance(bulk_id, str) and len(bulk_id) <= _LONGEST_ID else "",
        version=version if isinstance(version, str) else "",
        data=data if isinstance(data, dict) and verb != "DELETE" else None,
        fault=fault,
    )
