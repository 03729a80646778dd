"""Requests that a client does not wait for: kept, done by a worker, and told of then (RFC 9967 §2.5.1)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp.domain.security_events import (
    ASYNC_RESPONSE,
    Occurrence,
    Payload,
    WaitingEvent,
)
from idp.storage.deferred_requests import (
    claim_deferred,
    end_deferred,
    find_deferred,
    hold_deferred,
    insert_deferred,
    is_held,
    next_open,
    open_requests,
    put_back_deferred,
)
from idp.storage.event_streams import find_stream
from idp.usecases.security_events import event_of, publish_events, security_event_token, stream_of
from idp.usecases.services import IdpServices
from kernel.errors import SwitchyardError
from kernel.store import Store, Unit

MOST_OPEN = 100
"""Requests that one client may have open; others are answered as ever."""

_LEASE = dt.timedelta(minutes=10)
_RENEWED = dt.timedelta(minutes=2)
_PATIENCE = dt.timedelta(hours=1)
_LONGEST_PAUSE = dt.timedelta(minutes=1)
_TABLE, _COLUMN = "deferred_request", "sealed_request"


class LeaseLostError(SwitchyardError):
    """Another worker took the request over: what this one did is undone."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Completion:
    """How one operation ended: ``told`` as a bulk job tells it, ``txn`` what its event is found by."""

    txn: str
    uri: str
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deferred:
    """A request that a worker took; ``request`` is what :func:`defer` was given."""

    id: str
    client_id: str
    accepted_at: dt.datetime
    request: Mapping[str, Any] = field(repr=False)
    begun: bool = False


def defer(services: IdpServices, client_id: str, request: Mapping[str, Any]) -> str:
    """Keep a request and return its txn; empty if the client has too many open already.

    What it says is sealed until it was done, and wiped then.
    """
    with services.store.write() as unit:
        if open_requests(unit.connection, client_id) >= MOST_OPEN:
            return ""
        identifier = unit.randomness.ulid(unit.now)
        sealed = unit.sealer.seal(
            json.dumps(dict(request)).encode(), table=_TABLE, column=_COLUMN, row=identifier
        )
        insert_deferred(unit.connection, identifier, client_id, sealed, now=unit.now)
        return identifier


def take_deferred(services: IdpServices, *, owner: str) -> Deferred | None:
    """Take a request that nobody does, of one client after the other, of each the oldest first.

    It falls free again if it is neither ended nor held (:class:`Hold`) in time.
    """
    store = services.store
    now = store.clock.now()
    with store.read() as connection:
        found = next_open(connection, now=now)
    if found is None:
        return None
    identifier, seen = found
    with store.database.write() as connection:
        taken = claim_deferred(connection, identifier, seen=seen, owner=owner, until=now + _LEASE)
    if taken is None:
        return None
    plain = store.sealer.open(taken.sealed, table=_TABLE, column=_COLUMN, row=taken.id)
    return Deferred(taken.id, taken.client_id, taken.accepted_at, json.loads(plain), taken.begun)


class Hold:
    """What keeps a request with the worker that took it, whatever is done for it and however long that takes.

    A thread beside the one that works calls :meth:`renew` now and then: it waits for no operation to end.
    """

    def __init__(self, store: Store, request: Deferred, *, owner: str) -> None:
        self._store = store
        self._request = request
        self._owner = owner
        self._since = store.clock.now()
        self._lost = False

    def renew(self) -> None:
        """Say that the request is still being done; it costs nothing unless that was said minutes ago."""
        if self._lost or self._is_fresh():
            return
        with self._store.database.write() as connection:
            now = self._store.clock.now()  # whoever wrote before may have taken long
            self._lost = not hold_deferred(
                connection, self._request.id, owner=self._owner, until=now + _LEASE
            )
        self._since = now

    def confirm(self, store: Store) -> None:
        """Look, before more is done in ``store``, whether the request is still this worker's.

        Raises:
            LeaseLostError: if another worker took it over.
        """
        if not self._lost and not self._is_fresh():
            with store.read() as connection:
                self._lost = not is_held(connection, self._request.id, owner=self._owner)
        if self._lost:
            raise LeaseLostError(request=self._request.id)

    def _is_fresh(self) -> bool:
        return self._store.clock.now() - self._since < _RENEWED


def put_back(store: Store, request: Deferred, *, owner: str) -> bool:
    """Let a request that could not be done now be done a little later; False if it waited for an hour."""
    with store.write() as unit:
        age = unit.now - request.accepted_at
        if age >= _PATIENCE:
            return False
        pause = min(max(age, dt.timedelta(seconds=1)), _LONGEST_PAUSE)
        put_back_deferred(unit.connection, request.id, owner=owner, until=unit.now + pause)
        return True


def end_request(store: Store, request: Deferred, completions: Sequence[Completion], *, owner: str) -> None:
    """Tell the client how its request ended, by its stream and where it may ask, all or nothing.

    Raises:
        LeaseLostError: if another worker ended it; undo what was done.
    """
    with store.write() as unit:
        events = [_event(unit, completion) for completion in completions]
        kept = [{"id": event.id, "claims": dict(event.claims)} for event in events]
        if not end_deferred(unit.connection, request.id, owner=owner, completions=kept, now=unit.now):
            raise LeaseLostError(request=request.id)
        stream = stream_of(unit, request.client_id)
        if stream is not None and stream.provisioning is not Payload.NONE:
            publish_events(unit, stream, events)


def _event(unit: Unit, completion: Completion) -> WaitingEvent:
    subject = {"format": "scim", "uri": completion.uri}
    return event_of(unit, Occurrence(ASYNC_RESPONSE, subject, completion.told, completion.txn))


def completion_tokens(services: IdpServices, client_id: str, identifier: str) -> dict[str, str] | None:
    """Return the tokens of a request that ended, by the txn of each; empty while it is open.

    None if the client has no such request, or has no stream any more.
    """
    stream = find_stream(services.store.database, client_id)
    with services.store.read() as connection:
        found = find_deferred(connection, identifier, client_id)
    if found is None or stream is None:
        return None
    completions, ended_at = found
    if completions is None or ended_at is None:
        return {}
    events = [WaitingEvent(each["id"], each["claims"], ended_at) for each in completions]
    return {str(event.claims["txn"]): security_event_token(services, stream, event) for event in events}
