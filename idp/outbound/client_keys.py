"""Key sets that clients publish at addresses of their own (jwks_uri), as this process remembers them."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import structlog
from joserfc.jwk import KeySet

from idp.domain.client import Client
from idp.domain.client_key_sets import usable_keys
from idp.domain.response_encryption import Encryption, Recipient, encryption_rows, fitting_key
from kernel.errors import BusyError
from kernel.fetch import Fetched, Fetcher

_FRESH_SECONDS = 300.0
_STALE_SECONDS = 3_600.0
_SPAN_SECONDS = 60.0
_FETCHES_IN_SPAN = 5
_PAUSE_SECONDS = 1.0
_PATIENCE_SECONDS = 0.3
_RETRY_SECONDS = 5
_MOST_REMEMBERED = 2_000
_MOST_OF_STRANGERS = 500
_log = structlog.get_logger(__name__)


class _Turns:
    """Lets ``places`` threads ask at a time.

    Others wait no longer than answers usually take, counted from when the last one began to ask: a server
    that is known to be slow holds up nobody else.
    """

    def __init__(self, places: int, now: Callable[[], float], patience: float) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._now = now
        self._patience = patience
        self._begun = now()
        self._lock = threading.Lock()

    def take(self, *, patient: bool) -> bool:
        """Take a place, to be given back; False if none is free, nor comes free in time for the patient."""
        with self._lock:
            if self._places.acquire(blocking=False):
                self._begun = self._now()
                return True
            left = self._begun + self._patience - self._now()
        if not patient or left <= 0 or not self._places.acquire(timeout=left):
            return False
        with self._lock:
            self._begun = self._now()
        return True

    def give_back(self) -> None:
        """Let the next one ask."""
        self._places.release()


@dataclass(slots=True)
class _Entry:
    turns: _Turns
    keys: KeySet | None = None
    encryption: tuple[Mapping[str, Any], ...] = ()
    read_at: float | None = None
    tries: deque[float] = field(default_factory=lambda: deque(maxlen=_FETCHES_IN_SPAN))
    in_vain_at: float | None = None


class _Group:
    """The addresses of clients of one kind, the one that was longest out of use first, and who may ask."""

    def __init__(self, most: int, turns: _Turns) -> None:
        self.turns = turns
        self._most = most
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def entry(self, uri: str, make: Callable[[], _Entry]) -> _Entry:
        """Return what is known of an address; for a new one the one longest out of use is forgotten."""
        with self._lock:
            found = self._entries.get(uri)
            if found is None:
                found = self._entries[uri] = make()
                if len(self._entries) > self._most:
                    self._entries.popitem(last=False)
            else:
                self._entries.move_to_end(uri)
            return found


class RemoteKeys:
    """Fetches a key set when it is first asked for, when it is old, or when it lacks a key that is named.

    One address is asked at most five times a minute, whatever names are asked for, and not for a second after
    it could not tell, so nobody makes a client's server suffer through us. While it is down, its last answer
    is good for an hour.
    A server that does not answer holds up the one request that asks it: the others go by what is known, or
    are told to come again, at once if the answer is overdue. Of all servers of clients that registered
    themselves one is asked at a time, of all others two, so that threads stay free whoever is silent. The
    2,000 addresses that were used last are remembered, and 500 beside them of clients that registered
    themselves.
    """

    def __init__(
        self, now: Callable[[], float] = time.monotonic, *, patience: float = _PATIENCE_SECONDS
    ) -> None:
        self._now = now
        self._patience = patience
        self._known = _Group(_MOST_REMEMBERED, _Turns(2, now, patience))
        self._strangers = _Group(_MOST_OF_STRANGERS, _Turns(1, now, patience))

    def find(self, fetcher: Fetcher, client: Client, kid: str) -> KeySet | None:
        """Return the keys at the client's address, fetched again if ``kid`` is not there, or None.

        Raises:
            BusyError: if only an answer could tell that another request still waits for.
        """
        entry = self._entry(fetcher, client, kid)
        return entry.keys if self._is_known(entry, _STALE_SECONDS) else None

    def recipient(self, fetcher: Fetcher, client: Client, encryption: Encryption) -> Recipient | None:
        """Return the key of ``client`` that fits (OIDC Core §10.2), by value or from its address, or None.

        Raises:
            BusyError: if only an answer could tell that another request still waits for.
        """
        if not client.jwks_uri:
            return fitting_key(encryption_rows(client.jwks), encryption)
        entry = self._entry(fetcher, client, "")
        return fitting_key(entry.encryption, encryption) if self._is_known(entry, _STALE_SECONDS) else None

    def _entry(self, fetcher: Fetcher, client: Client, kid: str) -> _Entry:
        group = self._strangers if client.registered_by else self._known
        entry = group.entry(client.jwks_uri, self._new_entry)
        if not self._serves(entry, kid, _FRESH_SECONDS):
            self._renew(fetcher, client.jwks_uri, entry, kid, group.turns)
        return entry

    def _new_entry(self) -> _Entry:
        return _Entry(_Turns(1, self._now, self._patience))

    def _renew(self, fetcher: Fetcher, uri: str, entry: _Entry, kid: str, of_group: _Turns) -> None:
        """Let one thread ask the address, and few of its kind at a time; the others go by what is known."""
        with ExitStack() as held:
            for turns in (entry.turns, of_group):
                stands = self._serves(entry, kid, _STALE_SECONDS)
                if not turns.take(patient=not stands):
                    if stands or self._serves(entry, kid, _STALE_SECONDS):
                        return
                    raise BusyError(retry_after=_RETRY_SECONDS)
                held.callback(turns.give_back)
            if not self._serves(entry, kid, _FRESH_SECONDS) and self._may_ask(entry):
                self._read(fetcher, uri, entry)
                entry.in_vain_at = None if self._serves(entry, kid, _FRESH_SECONDS) else self._now()

    def _serves(self, entry: _Entry, kid: str, life: float) -> bool:
        if not self._is_known(entry, life):
            return False
        return not kid or any(key.kid == kid for key in entry.keys or ())

    def _is_known(self, entry: _Entry, life: float) -> bool:
        return entry.read_at is not None and self._now() - entry.read_at < life

    def _may_ask(self, entry: _Entry) -> bool:
        now = self._now()
        if entry.in_vain_at is not None and now - entry.in_vain_at < _PAUSE_SECONDS:
            return False
        if len(entry.tries) == _FETCHES_IN_SPAN and now - entry.tries[0] < _SPAN_SECONDS:
            return False
        entry.tries.append(now)
        return True

    def _read(self, fetcher: Fetcher, uri: str, entry: _Entry) -> None:
        answer = fetcher.get(uri, accept="application/jwk-set+json, application/json")
        if not isinstance(answer, Fetched):
            _log.warning("client_keys.not_fetched", uri=uri, reason=answer.reason)
            return
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
        keys = usable_keys(document)
        encryption = tuple(encryption_rows(document.get("keys"))) if isinstance(document, dict) else ()
        if keys is None and not encryption:
            _log.warning("client_keys.not_fetched", uri=uri, reason="no usable key")
            return
        entry.keys, entry.encryption, entry.read_at = keys, encryption, self._now()
