"""POST /Bulk (RFC 7644 §3.7): many deeds in the order they need one another.

Each operation is a deed with a transaction of its own (K5): what was done stays done, whatever fails later.
Operations that name one another in a circle (§3.7.1) stand or fall together, in one transaction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from idp.usecases.provisioning_log import UNDONE, begin_part
from idp.usecases.services import IdpServices
from kernel.errors import SwitchyardError
from kernel.joined import joined
from kernel.origin import current_origin
from scim.domain.bulk import Bulk, Operation
from scim.domain.bulk_plan import plan, references, resolved, without_unmade
from scim.domain.errors import error_document
from scim.domain.patch_operations import PATCH_SCHEMA

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """How one operation ended; ``error`` is the SCIM error of one that failed."""

    status: int
    location: str = ""
    version: str = ""
    error: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """The id of the resource at ``location``."""
        return self.location.rpartition("/")[2]


Perform = Callable[[IdpServices, Operation], Result]
"""Do one operation as the single request of the same words is done, in these services."""


def run_bulk(services: IdpServices, *, bulk: Bulk, perform: Perform) -> dict[int, Result]:
    """Do what can be done of ``bulk``; return how each operation that was tried ended, in request order.

    Once ``most_errors`` operations failed no other is tried (K3).
    """
    run = _Run(services, bulk.operations, perform)
    for step in plan(bulk.operations):
        if bulk.most_errors is not None and run.errors >= bulk.most_errors:
            break
        if step.is_circle:
            run.do_circle(step.places)
        else:
            run.do(step.places[0])
    return dict(sorted(run.results.items()))


class _BrokenCircleError(Exception):
    """One operation of a circle failed: none of them may stay."""

    def __init__(self, place: int, result: Result) -> None:
        self.place = place
        self.result = result
        super().__init__()


class _Run:
    """A job on its way; ``_ids`` are the ids of the resources it made, by their names."""

    def __init__(self, services: IdpServices, operations: Sequence[Operation], perform: Perform) -> None:
        self.results: dict[int, Result] = {}
        self.errors = 0
        self._services = services
        self._operations = operations
        self._perform = perform
        self._ids: dict[str, str] = {}

    def do(self, place: int) -> None:
        """Do an operation in its own transaction."""
        operation = self._operations[place]
        unmade = references(operation) - self._ids.keys()
        begin_part(place)
        result = _unmade(unmade) if unmade else self._perform(self._services, resolved(operation, self._ids))
        self._keep(place, result)

    def do_circle(self, places: Sequence[int]) -> None:
        """Do operations that name one another in one transaction, or none of them."""
        try:
            with joined(self._services.store) as store:
                made = self._close(dataclasses.replace(self._services, store=store), places)
        except _BrokenCircleError as broken:
            made = dict.fromkeys(places, _conflict(UNDONE))
            made[broken.place] = broken.result
        except SwitchyardError as error:
            made = dict.fromkeys(places, _failed(error.status, error.public))
        except Exception as error:  # noqa: BLE001 - a circle fails alone: what others did stays and is told
            reference = current_origin().request_id
            _log.error("scim.circle_failed", request_id=reference, error=type(error).__name__, exc_info=error)
            made = dict.fromkeys(places, _failed(500, SwitchyardError.public))
        for place in places:
            self._keep(place, made[place])

    def _close(self, services: IdpServices, places: Sequence[int]) -> dict[int, Result]:
        """Make each resource without the names that have no id yet, then add those."""
        ids = dict(self._ids)
        circle = {self._operations[place].defines for place in places}
        made: dict[int, Result] = {}
        late: dict[int, tuple[dict[str, Any], ...]] = {}
        for place in places:
            operation = self._operations[place]
            unmade = references(operation) - ids.keys()
            if unmade - circle:
                raise _BrokenCircleError(place, _unmade(unmade - circle))
            early, adds = without_unmade(operation, unmade)
            begin_part(place)
            made[place] = _whole(place, self._perform(services, resolved(early, ids)))
            ids[operation.bulk_id] = made[place].id
            if adds:
                late[place] = adds
        for place, adds in late.items():
            data = {"schemas": [PATCH_SCHEMA], "Operations": [*adds]}
            patch = Operation("PATCH", self._path(place, made[place]), version="*", data=data)
            begin_part(place)
            _closed(place, self._perform(services, resolved(patch, ids)))
        for place in places:  # each add may have moved the versions of both its sides
            found = self._perform(services, Operation("GET", self._path(place, made[place])))
            made[place] = dataclasses.replace(made[place], version=found.version or made[place].version)
        return made

    def _path(self, place: int, made: Result) -> str:
        return f"{self._operations[place].path.rstrip('/')}/{made.id}"

    def _keep(self, place: int, result: Result) -> None:
        self.results[place] = result
        operation = self._operations[place]
        if result.error is not None:
            self.errors += 1
        elif operation.defines:
            self._ids[operation.defines] = result.id


def _whole(place: int, result: Result) -> Result:
    if result.error is not None:
        raise _BrokenCircleError(place, result)
    return result


def _closed(place: int, result: Result) -> None:
    """Raise if a circle could not be closed: 409, as §3.7.1 says, with the reason."""
    if result.status == 400 and result.error is not None:
        result = _conflict(str(result.error.get("detail", "")))
    _whole(place, result)


def _unmade(names: frozenset[str]) -> Result:
    return _conflict(f"No resource was made for 'bulkId:{min(names)}' in this request.")


def _conflict(detail: str) -> Result:
    return _failed(409, detail)


def _failed(status: int, detail: str) -> Result:
    return Result(status, error=error_document(status, detail))
