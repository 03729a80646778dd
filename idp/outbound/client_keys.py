"""Key sets that clients publish at addresses of their own (jwks_uri), as this process remembers them."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
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
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Entry:
    keys: KeySet | None = None
    encryption: tuple[Mapping[str, Any], ...] = ()
    read_at: float | None = None
    tries: deque[float] = field(default_factory=lambda: deque(maxlen=_FETCHES_IN_SPAN))
    lock: threading.Lock = field(default_factory=threading.Lock)


class RemoteKeys:
    """Fetches a key set when it is first asked for, when it is old, or when it lacks a key that is named.

    One address is asked at most once a second and five times a minute, whatever names are asked for, so
    nobody makes a client's server suffer through us. While it is down, its last answer is good for an hour.
    A server that does not answer holds up the one request that asks it: the others go by what is known, or
    are told to come again. Of all servers of clients that registered themselves one is asked at a time, so
    that strangers with many addresses hold up one thread of this process and never all.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._entries: dict[str, _Entry] = {}
        self._strangers = threading.BoundedSemaphore(1)

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
        if len(self._entries) >= _MOST_REMEMBERED:
            self._entries.clear()
        entry = self._entries.setdefault(client.jwks_uri, _Entry())
        if not self._serves(entry, kid, _FRESH_SECONDS):
            self._renew(fetcher, client, entry, kid)
        return entry

    def _renew(self, fetcher: Fetcher, client: Client, entry: _Entry, kid: str) -> None:
        """Let one thread ask. The others wait as long as an answer usually takes, if they have to at all."""
        if not entry.lock.acquire(blocking=False):
            if self._serves(entry, kid, _STALE_SECONDS):
                return
            if not entry.lock.acquire(timeout=_PATIENCE_SECONDS):
                raise BusyError(retry_after=_RETRY_SECONDS)
        try:
            if not self._serves(entry, kid, _FRESH_SECONDS):
                self._ask(fetcher, client, entry, kid)
        finally:
            entry.lock.release()

    def _ask(self, fetcher: Fetcher, client: Client, entry: _Entry, kid: str) -> None:
        """Ask if it may be now; for a client that registered itself only while no other such one waits."""
        stranger = bool(client.registered_by)
        if stranger and not self._strangers.acquire(timeout=_PATIENCE_SECONDS):
            if self._serves(entry, kid, _STALE_SECONDS):
                return
            raise BusyError(retry_after=_RETRY_SECONDS)
        try:
            if self._may_ask(entry):
                self._read(fetcher, client.jwks_uri, entry)
        finally:
            if stranger:
                self._strangers.release()

    def _serves(self, entry: _Entry, kid: str, life: float) -> bool:
        if not self._is_known(entry, life):
            return False
        return not kid or any(key.kid == kid for key in entry.keys or ())

    def _is_known(self, entry: _Entry, life: float) -> bool:
        return entry.read_at is not None and self._now() - entry.read_at < life

    def _may_ask(self, entry: _Entry) -> bool:
        now = self._now()
        if entry.tries and now - entry.tries[-1] < _PAUSE_SECONDS:
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
