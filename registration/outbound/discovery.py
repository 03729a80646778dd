"""The Gateway's discovery document and keys, fetched when needed and kept for a while."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from typing import Any, Final

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from kernel.clock import Clock
from registration.domain.sign_in import ProviderUnreachableError
from registration.outbound.http import Outbound, TargetRefusedError

KEEP: Final = dt.timedelta(hours=1)
REFRESH_AT_MOST_EVERY: Final = dt.timedelta(seconds=30)


class Discovery:
    """What the provider says of itself (OIDC Discovery 1.0). Safe to share between threads."""

    def __init__(self, outbound: Outbound, issuer: str, clock: Clock) -> None:
        self.issuer = issuer
        self._outbound = outbound
        self._clock = clock
        self._lock = threading.Lock()
        self._document: tuple[dt.datetime, Mapping[str, Any]] | None = None
        self._keys: tuple[dt.datetime, KeySet] | None = None

    def endpoint(self, name: str) -> str:
        """Return the address of an endpoint.

        Raises:
            ProviderUnreachableError: if the document cannot be had, is another issuer's, or lacks it.
        """
        found = self.document().get(name)
        if not isinstance(found, str):
            raise ProviderUnreachableError(missing=name)
        return found

    def document(self) -> Mapping[str, Any]:
        """Return the discovery document, at most an hour old.

        Raises:
            ProviderUnreachableError: if it cannot be had or is another issuer's.
        """
        now = self._clock.now()
        with self._lock:
            if self._document and now - self._document[0] < KEEP:
                return self._document[1]
        document = self._get(f"{self.issuer}/.well-known/openid-configuration")
        if document.get("issuer") != self.issuer:
            raise ProviderUnreachableError(issuer=str(document.get("issuer"))[:200])
        with self._lock:
            self._document = (now, document)
        return document

    def keys(self, *, unknown_kid: bool = False) -> KeySet:
        """Return the provider's keys; fetched anew for an unknown key id, but not more than twice a minute.

        Raises:
            ProviderUnreachableError: if they cannot be had.
        """
        now = self._clock.now()
        with self._lock:
            if self._keys:
                age = now - self._keys[0]
                if age < (REFRESH_AT_MOST_EVERY if unknown_kid else KEEP):
                    return self._keys[1]
        fetched = self._get(self.endpoint("jwks_uri"))
        try:
            keys = KeySet.import_key_set({"keys": list(fetched.get("keys", []))})
        except (JoseError, ValueError, TypeError, KeyError):
            raise ProviderUnreachableError(reason="no key set") from None
        with self._lock:
            self._keys = (now, keys)
        return keys

    def _get(self, url: str) -> Mapping[str, Any]:
        try:
            response = self._outbound.send("GET", url, headers={"Accept": "application/json"})
            document = response.json() if response.status_code == 200 else None
        except (httpx.HTTPError, TargetRefusedError, ValueError) as error:
            raise ProviderUnreachableError(reason=type(error).__name__) from None
        if not isinstance(document, dict):
            raise ProviderUnreachableError(status=response.status_code)
        return document
