"""The Gateway's discovery document and keys, fetched when needed and kept for a while."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from kernel.clock import Clock
from registration.domain.sign_in import ProviderUnreachableError
from registration.outbound.http import Outbound, TargetRefusedError

KEEP: Final = dt.timedelta(hours=1)
REFRESH_AT_MOST_EVERY: Final = dt.timedelta(seconds=30)


_PATIENCE: Final = 1.0
"""Seconds that others wait for who asks: as long as answers usually take."""
_PAUSE: Final = dt.timedelta(seconds=2)
"""After it could not be had nobody asks for so long: anybody may make us ask."""

T = TypeVar("T")


class _Kept(Generic[T]):
    """What ``read`` gave. One thread asks at a time: a provider that says nothing holds up no other."""

    def __init__(self, read: Callable[[], T], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._asking = threading.Lock()
        self._found: tuple[dt.datetime, T] | None = None
        self._in_vain_at: dt.datetime | None = None

    def get(self, life: dt.timedelta) -> T:
        """Return what was read no longer than ``life`` ago, or read it anew.

        Raises:
            ProviderUnreachableError: if it cannot be had, could not a moment ago, or another one still asks.
        """
        known = self._younger_than(life)
        if known is not None:
            return known
        if not self._asking.acquire(timeout=_PATIENCE):
            raise ProviderUnreachableError(reason="somebody asks already")
        try:
            known = self._younger_than(life)
            return known if known is not None else self._asked()
        finally:
            self._asking.release()

    def latest(self) -> T:
        """Return what was read last, however long ago; read it where nothing ever was.

        Raises:
            ProviderUnreachableError: as :meth:`get` does.
        """
        return self.get(dt.timedelta.max)

    def _younger_than(self, life: dt.timedelta) -> T | None:
        found = self._found
        return found[1] if found is not None and self._clock.now() - found[0] < life else None

    def _asked(self) -> T:
        now = self._clock.now()
        if self._in_vain_at is not None and now - self._in_vain_at < _PAUSE:
            raise ProviderUnreachableError(reason="it did not answer a moment ago")
        try:
            value = self._read()
        except ProviderUnreachableError:
            self._in_vain_at = self._clock.now()
            raise
        self._found = (now, value)
        return value


class Discovery:
    """What the provider says of itself (OIDC Discovery 1.0). Safe to share between threads."""

    def __init__(self, outbound: Outbound, issuer: str, clock: Clock) -> None:
        self.issuer = issuer
        self._outbound = outbound
        self._document = _Kept(self._read_document, clock)
        self._keys = _Kept(self._read_keys, clock)

    def endpoint(self, name: str) -> str:
        """Return the address of an endpoint.

        Raises:
            ProviderUnreachableError: if the document cannot be had, is another issuer's, or lacks it.
        """
        found = self.document().get(name)
        if not isinstance(found, str):
            raise ProviderUnreachableError(missing=name)
        return found

    def known_endpoint(self, name: str) -> str:
        """Return the address of an endpoint as it was told last, also while the provider is away.

        Raises:
            ProviderUnreachableError: if it was never told.
        """
        found = self._document.latest().get(name)
        if not isinstance(found, str):
            raise ProviderUnreachableError(missing=name)
        return found

    def document(self) -> Mapping[str, Any]:
        """Return the discovery document, at most an hour old.

        Raises:
            ProviderUnreachableError: if it cannot be had or is another issuer's.
        """
        return self._document.get(KEEP)

    def keys(self, *, unknown_kid: bool = False) -> KeySet:
        """Return the provider's keys; fetched anew for an unknown key id, but not more than twice a minute.

        Raises:
            ProviderUnreachableError: if they cannot be had.
        """
        return self._keys.get(REFRESH_AT_MOST_EVERY if unknown_kid else KEEP)

    def _read_document(self) -> Mapping[str, Any]:
        document = self._get(f"{self.issuer}/.well-known/openid-configuration")
        if document.get("issuer") != self.issuer:
            raise ProviderUnreachableError(issuer=str(document.get("issuer"))[:200])
        return document

    def _read_keys(self) -> KeySet:
        fetched = self._get(self.endpoint("jwks_uri"))
        try:
            return KeySet.import_key_set({"keys": list(fetched.get("keys", []))})
        except (JoseError, ValueError, TypeError, KeyError):
            raise ProviderUnreachableError(reason="no key set") from None

    def _get(self, url: str) -> Mapping[str, Any]:
        try:
            response = self._outbound.send("GET", url, headers={"Accept": "application/json"})
            document = response.json() if response.status_code == 200 else None
        except (httpx.HTTPError, TargetRefusedError, ValueError) as error:
            raise ProviderUnreachableError(reason=type(error).__name__) from None
        if not isinstance(document, dict):
            raise ProviderUnreachableError(status=response.status_code)
        return document
