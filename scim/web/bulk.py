"""POST /Bulk (RFC 7644 §3.7): each operation goes the way of the single request of the same words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from idp.usecases.provisioning_rate import ProvisioningRate
from idp.usecases.services import IdpServices
from kernel.errors import BusyError
from kernel.store import Store
from kernel.web.http import Request, Response
from scim.domain.bulk import BULK_RESPONSE, LARGEST_PAYLOAD, Bulk, Fault, Operation, read_bulk
from scim.domain.documents import DEEPEST, read_object, write
from scim.usecases.client import WRITE, ScimClient
from scim.usecases.run_bulk import Result, run_bulk
from scim.web.endpoint import MEDIA_TYPE, NOT_FOUND, Method, answer_operation, refusal, scim_answer

Addresses = Mapping[str, Mapping[str, Method]]
"""The methods by address, written as in a routing table: ``/Users``, ``/Users/{id}``."""

_PATH = re.compile(r"(?P<collection>/[A-Za-z]+)(?:/(?P<id>(?!\.)[^/?#%\s]+))?/?")
_OTHERS = frozenset({"/Bulk", "/Me", "/ServiceProviderConfig", "/ResourceTypes", "/Schemas"})
_BUSY = BusyError.status
_ENVELOPE = 3
"""How many levels a job puts around the body of one operation."""


class BulkJobs:
    """The handler of /Bulk; ``resources`` makes the addresses of the resource types on given services."""

    def __init__(
        self,
        services: IdpServices,
        base: str,
        resources: Callable[[IdpServices], Addresses],
        rate: ProvisioningRate,
    ) -> None:
        self._services = services
        self._rate = rate
        self._base = base
        self._make = resources
        self._addresses = resources(services)

    def jobs(self) -> dict[str, Method]:
        """Return the methods of /Bulk."""
        too_large = f"The size of the bulk operation exceeds the maxPayloadSize ({LARGEST_PAYLOAD})."
        return {"POST": Method(self.run, WRITE, reads_body=True, any_type=True, too_large=too_large)}

    def run(self, request: Request, client: ScimClient) -> Response:
        """Do a job; 200 tells that it was worked through, each operation how it ended (K7)."""
        told = self.work(read_job(request), request, client)
        return scim_answer(200, write({"schemas": [BULK_RESPONSE], "Operations": list(told.values())}))

    def work(
        self,
        bulk: Bulk,
        request: Request,
        client: ScimClient,
        *,
        before_each: Callable[[Store], None] | None = None,
        tries: int = 1,
    ) -> dict[int, dict[str, Any]]:
        """Do the job of ``request``; return how each operation that was tried ended, by its place in it.

        ``before_each`` is called before every operation, with the store that it writes to. An operation that
        meets a busy database is done ``tries`` times at most.
        """
        # A job that was let in is done whole; for what it counts as, its client waits afterwards (O6).
        further = len(bulk.operations) - 1
        if further:
            self._rate.wait(client.id, client.requests_per_second, requests=further)

        def perform(services: IdpServices, operation: Operation) -> Result:
            if before_each is not None:
                before_each(services.store)
            for _ in range(tries - 1):
                result = self._perform(services, operation, request, client)
                if result.status != _BUSY:
                    return result
            return self._perform(services, operation, request, client)

        results = run_bulk(self._services, bulk=bulk, perform=perform)
        return {place: self.told(bulk.operations[place], each) for place, each in results.items()}

    def _perform(
        self, services: IdpServices, operation: Operation, request: Request, client: ScimClient
    ) -> Result:
        if operation.fault is not None:
            return result_of(refusal(400, operation.fault.value, operation.fault.scim_type))
        match = _PATH.fullmatch(operation.path)
        if match is None or match["collection"] in _OTHERS:
            return result_of(refusal(400, Fault.PATH.value, Fault.PATH.scim_type))
        addresses = self._addresses if services is self._services else self._make(services)
        methods = addresses.get(match["collection"] + ("/{id}" if match["id"] else ""))
        if methods is None:
            return result_of(refusal(404, NOT_FOUND))
        method = methods.get(operation.method)
        if method is None:
            return result_of(refusal(405, f"{operation.method} is not possible here."))
        alone = Request(
            operation.method,
            request.path.rstrip("/").removesuffix("/Bulk") + operation.path,
            headers={"content-type": MEDIA_TYPE, "if-match": operation.version},
            body=b"" if operation.data is None else write(operation.data).encode(),
            address=request.address,
            path_values={"id": match["id"]} if match["id"] else {},
        )
        location = "" if operation.method == "POST" else self._base + operation.path.rstrip("/")
        return result_of(answer_operation(services, method, alone, client), location)

    def told(self, operation: Operation, result: Result) -> dict[str, Any]:
        """Return an operation of the answer (K1); where it is, unless it is a POST that made nothing."""
        told: dict[str, Any] = {}
        if operation.method:
            told["method"] = operation.method
        if operation.bulk_id:
            told["bulkId"] = operation.bulk_id
        if result.version:
            told["version"] = result.version
        if result.location or operation.method != "POST":
            told["location"] = result.location or f"{self._base}/{operation.path.lstrip('/')}"
        told["status"] = str(result.status)
        if result.error is not None:
            told["response"] = result.error
        return told


def read_job(request: Request) -> Bulk:
    """Return the job that a request holds.

    Raises:
        SCIMException: if the body is no job.
    """
    return read_bulk(read_object(request.body, deepest=DEEPEST + _ENVELOPE))


def result_of(answer: Response, location: str = "") -> Result:
    """Return how an operation ended, from the answer to the single request of the same words."""
    if answer.status >= 400:
        return Result(answer.status, location, error=answer.json())
    return Result(answer.status, answer.header("location") or location, answer.header("etag"))
