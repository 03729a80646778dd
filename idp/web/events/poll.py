"""POST /events/poll: a receiver fetches its events (RFC 8936)."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.domain.signal_scopes import SIGNALS_READ
from idp.usecases.poll_events import Polled, PollRefused, poll_events, settle_events
from idp.usecases.services import IdpServices
from idp.web.events.door import Door, json_object, refused
from kernel.errors import BusyError
from kernel.web.http import NO_STORE, BadRequestError, Request, Response, json_response

POLL_PATH = "/events/poll"
_MOST = 100
_MOST_SETTLED = 1_000
_LOOK_AGAIN = 0.25
_LONGEST_REASON = 256


@dataclass(frozen=True, slots=True)
class _Poll:
    most: int
    at_once: bool
    taken: frozenset[str]
    failed: Mapping[str, str]


class PollEndpoint:
    """The handler; ``wait`` is how many seconds a request is held open where nothing waits (§2.5).

    A held request occupies a thread of the server: as many are held at once as ``services`` can spare, and
    the others are answered with what there is.
    """

    def __init__(self, services: IdpServices, door: Door) -> None:
        self._services = services
        self._door = door
        self._wait = services.settings.event_poll_wait.total_seconds()
        self._held = threading.BoundedSemaphore(services.held_requests)

    def __call__(self, request: Request) -> Response:
        """Answer one poll."""
        if request.method != "POST":
            return refused(405, "invalid_request", "Events are polled by POST.", (("Allow", "POST"),))
        found = self._door.enter(request, scope=SIGNALS_READ, provisions=True)
        if isinstance(found, Response):
            return found
        try:
            wanted = _read(json_object(request))
            return self._answer(found.client_id, wanted)
        except BadRequestError as error:
            return refused(400, "invalid_request", f"The request cannot be read: {error.message}.")
        except BusyError as error:
            again = (("Retry-After", str(error.retry_after)),)
            return refused(503, "invalid_request", error.public, again)

    def _answer(self, client_id: str, wanted: _Poll) -> Response:
        none = settle_events(self._services, client_id, taken=wanted.taken, failed=wanted.failed)
        if none is not None:
            return _nothing(none)
        found = poll_events(self._services, client_id, most=wanted.most)
        if isinstance(found, Polled) and not found.sets and wanted.most and not wanted.at_once:
            found = self._hold(client_id, wanted.most)
        if isinstance(found, PollRefused):
            return _nothing(found)
        answer: dict[str, Any] = {"sets": dict(found.sets)}
        if found.more:
            answer["moreAvailable"] = True
        return json_response(200, answer, NO_STORE)

    def _hold(self, client_id: str, most: int) -> Polled | PollRefused:
        """Look again until there is something, or the time is over."""
        until = time.monotonic() + self._wait
        found: Polled | PollRefused = Polled({}, more=False)
        if not self._held.acquire(blocking=False):
            return found
        try:
            while time.monotonic() < until:
                time.sleep(_LOOK_AGAIN)
                found = poll_events(self._services, client_id, most=most)
                if isinstance(found, PollRefused) or found.sets:
                    break
        finally:
            self._held.release()
        return found


def _nothing(why: PollRefused) -> Response:
    return refused(404 if why is PollRefused.NONE else 403, "access_denied", why.value)


def _read(body: Mapping[str, Any]) -> _Poll:
    """Return what a poll asks (§2.2); members that are not defined are ignored."""
    most, at_once = body.get("maxEvents", _MOST), body.get("returnImmediately", False)
    taken, failed = body.get("ack", []), body.get("setErrs", {})
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        raise BadRequestError("'maxEvents' is no whole number from 0 up")
    if not isinstance(at_once, bool):
        raise BadRequestError("'returnImmediately' is neither true nor false")
    if not isinstance(taken, list) or not all(isinstance(each, str) for each in taken):
        raise BadRequestError("'ack' is no list of ids")
    if not isinstance(failed, dict) or not all(isinstance(each, dict) for each in failed.values()):
        raise BadRequestError("'setErrs' is no object of errors")
    if len(taken) + len(failed) > _MOST_SETTLED:
        raise BadRequestError(f"more than {_MOST_SETTLED} events are settled at once")
    return _Poll(min(most, _MOST), at_once, frozenset(taken), {key: _reason(failed[key]) for key in failed})


def _reason(error: Mapping[str, Any]) -> str:
    """Return what a receiver says was wrong, as the audit may keep it."""
    text = str(error.get("err", ""))[:_LONGEST_REASON]
    return "".join(character for character in text if character.isprintable())
