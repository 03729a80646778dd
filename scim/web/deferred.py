"""Requests that are done later (RFC 9967 §2.5.1): taken in with 202, done by a worker, told of when done."""

from __future__ import annotations

import dataclasses
import re
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from scim2_models import SCIMException

from idp.domain.security_events import SET_MEDIA_TYPE, Payload
from idp.usecases.authenticate_provisioner import provisioner_since
from idp.usecases.deferred_requests import (
    Completion,
    Deferred,
    Hold,
    LeaseLostError,
    completion_tokens,
    defer,
    end_request,
    put_back,
    take_deferred,
)
from idp.usecases.provisioning_log import note_client
from idp.usecases.services import IdpServices
from idp.web.oidc.possession import token_of
from kernel.crypto import digest
from kernel.errors import BusyError, SwitchyardError
from kernel.joined import joined
from kernel.origin import Origin, current_origin, origin
from kernel.randomness import ULID
from kernel.web.http import NO_STORE, Request, Response, json_response
from scim.domain.bulk import Bulk, Operation
from scim.domain.errors import error_document, of_exception
from scim.domain.prefer import asks_async, prefers_later
from scim.usecases.announce import Announcer
from scim.usecases.client import READ, ScimClient
from scim.usecases.run_bulk import Result
from scim.web.bulk import Addresses, BulkJobs, read_job, result_of
from scim.web.endpoint import BASE_PATH, NOT_FOUND, Method, answering, client_of, refusal
from scim.web.recording import serve_recorded

PATH = "/AsyncRequests/{id}"
_ID = re.compile(rf"(?P<request>{ULID.pattern})(?::(?:0|[1-9][0-9]{{0,3}}))?")
_TARGET = re.compile(r"(?P<collection>/[A-Za-z]+)(?:/(?P<id>[^/]+))?")
_KEPT = ("content-type", "if-match", "if-none-match")
_TRIES = 3
_CUT_OFF = "The job was cut off. What of it was done can be read."
_UNTRIED = "The job ended before this operation was tried."
_NO_MORE = "The client may not ask any more."
_log = structlog.get_logger(__name__)


class DeferredRequests:
    """Takes requests in and does them; ``resources`` makes the addresses of the resource types."""

    def __init__(
        self,
        services: IdpServices,
        base: str,
        resources: Callable[[IdpServices], Addresses],
        jobs: BulkJobs,
        announce: Announcer,
    ) -> None:
        self._services = services
        self._base = base
        self._make = resources
        self._jobs = jobs
        self._announce = announce
        self._hold: Hold | None = None

    def accept(self, request: Request, client: ScimClient) -> Response | None:
        """Take a request in that its client need not wait for; None if it is to be done at once.

        A job is done later whenever that is asked, a single request unless the client would wait a second
        for it; and nothing of a client that has too much open already.
        """
        prefer = request.header("prefer")
        later = asks_async(prefer) if _relative(request) == "/Bulk" else prefers_later(prefer)
        if client.events is Payload.NONE or not later:
            return None
        txn = defer(self._services, client.id, _kept(request))
        if not txn:
            return None
        return Response(
            202,
            b"",
            (
                ("Set-Txn", txn),
                ("Preference-Applied", "respond-async"),
                ("Location", f"{self._base}/AsyncRequests/{txn}"),
                ("Cache-Control", "no-store"),
            ),
        )

    def statuses(self) -> dict[str, Method]:
        """Return the methods of the address where a client may ask how its request ended."""
        return {"GET": Method(self.status, READ, any_type=True, media_type=SET_MEDIA_TYPE)}

    def status(self, request: Request, client: ScimClient) -> Response:
        """Answer the token of a request that ended, 202 while it is open; of a job those of all its parts."""
        wanted = request.path_values["id"]
        match = _ID.fullmatch(wanted)
        tokens = completion_tokens(self._services, client.id, match["request"]) if match else None
        if tokens is None:
            return refusal(404, NOT_FOUND)
        if not tokens:
            return Response(202, b"", (("Retry-After", "1"), *NO_STORE))
        if wanted in tokens:
            return Response(
                200, tokens[wanted].encode("ascii"), (("Content-Type", SET_MEDIA_TYPE), *NO_STORE)
            )
        if match and match["request"] == wanted:
            return json_response(200, {"sets": tokens}, NO_STORE)
        return refusal(404, NOT_FOUND)

    def run(self, stop: threading.Event, *, idle: float = 0.2, pulse: float = 20.0) -> None:
        """Do what was taken in until ``stop`` is set, looking again after ``idle`` seconds.

        Every ``pulse`` seconds a second thread renews the lease on the request that is being done.
        """
        owner = self._services.store.randomness.token(12)
        over = threading.Event()
        heart = threading.Thread(target=self._beat_until, args=(over, pulse), name="deferred requests, heart")
        heart.start()
        try:
            while not stop.is_set():
                try:
                    done = self.run_once(owner)
                except Exception as error:  # noqa: BLE001 - it outlives a database that is away
                    _log.warning("scim.deferred_round_failed", error=type(error).__name__)
                    done = False
                if not done:
                    stop.wait(idle)
        finally:
            over.set()
            heart.join()

    def run_once(self, owner: str) -> bool:
        """Do a request that nobody does, of one client after the other; False if there is none."""
        taken = take_deferred(self._services, owner=owner)
        if taken is None:
            return False
        request = _restored(taken)
        hold = self._hold = Hold(self._services.store, taken, owner=owner)
        with origin(Origin(request.address, str(taken.request["request_id"]))):
            client = self._let_in(taken)
            try:
                if _relative(request) == "/Bulk":
                    self._do_job(taken, request, client, owner, hold)
                else:
                    self._do_single(taken, request, client, owner)
            except LeaseLostError:
                _log.warning("scim.deferred_taken_over", request=taken.id)
            finally:
                self._hold = None
        return True

    def beat(self) -> None:
        """Renew the lease on the request that is being done, if one is; any thread may call it."""
        hold = self._hold
        if hold is not None:
            hold.renew()

    def _beat_until(self, over: threading.Event, pulse: float) -> None:
        while not over.wait(pulse):
            try:
                self.beat()
            except Exception as error:  # noqa: BLE001 - a database that is away may come back in time
                _log.warning("scim.deferred_heartbeat_failed", error=type(error).__name__)

    def _let_in(self, taken: Deferred) -> ScimClient | None:
        """Return the client with what it may do today; None if it may not ask any more."""
        token_digest = bytes.fromhex(taken.request["token_digest"])
        found = provisioner_since(self._services, token_digest, taken.accepted_at)
        return None if found is None or found.client_id != taken.client_id else client_of(found)

    def _do_single(self, taken: Deferred, request: Request, client: ScimClient | None, owner: str) -> None:
        """Do a request and tell how it ended in one transaction: neither is there without the other.

        Where the database is busy nobody waits for the answer, so it is done again, at once and later; that
        it is busy is told only of what could not be done in an hour.
        """
        status, why = 500, SwitchyardError.public
        try:
            if self._tried(taken, request, client, owner) or put_back(
                self._services.store, taken, owner=owner
            ):
                return
            status, why = BusyError.status, BusyError.public
        except (BusyError, LeaseLostError):
            raise
        except Exception as error:  # noqa: BLE001 - the client is told, and others go on
            _log.error("scim.deferred_failed", request=taken.id, error=type(error).__name__, exc_info=error)
        told = self._failed(Operation(request.method, _relative(request)), status, why)
        failed = Completion(taken.id, _relative(request), told)
        end_request(self._services.store, taken, [failed], owner=owner)

    def _tried(self, taken: Deferred, request: Request, client: ScimClient | None, owner: str) -> bool:
        """Do a request and tell how it ended; False if the database was busy each time: nothing is done."""
        for _ in range(_TRIES):
            try:
                with joined(self._services.store) as store:
                    services = dataclasses.replace(self._services, store=store)
                    ended = self._answered(services, taken, request, client)
                    end_request(store, taken, [ended], owner=owner)
            except BusyError:
                continue
            return True
        return False

    def _answered(
        self, services: IdpServices, taken: Deferred, request: Request, client: ScimClient | None
    ) -> Completion:
        target = request.path_values.get("id", "")
        address = (
            f"{_relative(request).removesuffix(target).rstrip('/')}/{{id}}" if target else _relative(request)
        )
        method = self._make(services)[address][request.method]
        answer = _refused if client is None else answering(method, client)
        found = serve_recorded(services, request, self._known(taken, answer))
        if found.status == BusyError.status:
            raise BusyError
        operation = Operation(request.method, _relative(request))
        location = "" if request.method == "POST" else self._base + operation.path
        result = result_of(found, location)
        uri = operation.path if result.error is not None else result.location.removeprefix(self._base)
        return Completion(taken.id, uri, self._jobs.told(operation, result))

    def _do_job(
        self, taken: Deferred, request: Request, client: ScimClient | None, owner: str, hold: Hold
    ) -> None:
        """Do a job, each operation in its own transaction, and then tell how they ended.

        A job that was begun and never ended is not begun again: what was done of it would be done twice.
        """
        try:
            bulk = read_job(request)
        except SCIMException as error:
            status, document = of_exception(error)
            told = self._jobs.told(Operation("POST", "/Bulk"), Result(status, error=document))
            end_request(self._services.store, taken, [Completion(taken.id, "/Bulk", told)], owner=owner)
            return
        results: dict[int, dict[str, Any]] = {}
        untried = (424, _UNTRIED)
        if taken.begun:
            untried = (500, _CUT_OFF)
        elif client is None:
            untried = (403, _NO_MORE)
            serve_recorded(self._services, request, self._known(taken, _refused))
        else:
            results = self._worked(taken, bulk, request, client, hold)
        completions = self._completions(taken, bulk, results, untried)
        end_request(self._services.store, taken, completions, owner=owner)

    def _worked(
        self, taken: Deferred, bulk: Bulk, request: Request, client: ScimClient, hold: Hold
    ) -> dict[int, dict[str, Any]]:
        results: dict[int, dict[str, Any]] = {}

        def work(request: Request) -> Response:
            results.update(self._jobs.work(bulk, request, client, before_each=hold.confirm, tries=_TRIES))
            return Response(200)

        serve_recorded(self._services, request, self._known(taken, work))
        return results

    def _completions(
        self,
        taken: Deferred,
        bulk: Bulk,
        results: Mapping[int, Mapping[str, Any]],
        untried: tuple[int, str],
    ) -> Sequence[Completion]:
        found = []
        for place, operation in enumerate(bulk.operations):
            told = results.get(place) or self._failed(operation, *untried)
            location = str(told.get("location", ""))
            uri = location.removeprefix(self._base) if location else operation.path
            found.append(Completion(f"{taken.id}:{place}", uri, told))
        return found

    def _failed(self, operation: Operation, status: int, detail: str) -> dict[str, Any]:
        return self._jobs.told(operation, Result(status, error=error_document(status, detail)))

    def _known(self, taken: Deferred, answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def known(request: Request) -> Response:
            note_client(taken.client_id, self._announce, txn=taken.id)
            return answer(request)

        return known


def _relative(request: Request) -> str:
    return request.path.removeprefix(BASE_PATH).rstrip("/")


def _refused(_request: Request) -> Response:
    return refusal(403, _NO_MORE)


def _kept(request: Request) -> dict[str, Any]:
    """Return what is needed to do a request later, and to look again whether it may be done."""
    return {
        "method": request.method,
        "path": request.path,
        "headers": {name: request.header(name) for name in _KEPT if request.header(name)},
        "body": b64encode(request.body).decode("ascii"),
        "address": request.address,
        "request_id": current_origin().request_id,
        "token_digest": digest(token_of(request)).hex(),
    }


def _restored(taken: Deferred) -> Request:
    kept = taken.request
    path = str(kept["path"])
    match = _TARGET.fullmatch(path.removeprefix(BASE_PATH).rstrip("/"))
    return Request(
        str(kept["method"]),
        path,
        headers=dict(kept["headers"]),
        body=b64decode(kept["body"]),
        address=str(kept["address"]),
        path_values={"id": match["id"]} if match and match["id"] else {},
    )
