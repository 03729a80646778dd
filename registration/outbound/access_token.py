"""The worker's access token for the Gateway's SCIM face: client credentials, kept until it is nearly over."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Final

from kernel.clock import Clock
from registration.outbound.discovery import Discovery
from registration.outbound.http import Outbound
from registration.outbound.keys import ClientKey
from registration.outbound.token_endpoint import ask_for_tokens

SCOPE: Final = "scim.read scim.write"
RENEW_BEFORE: Final = dt.timedelta(seconds=30)
SHORTEST: Final = dt.timedelta(seconds=5)


class TokenRefusedError(Exception):
    """The token endpoint refused our credential; ``status`` is what it answered."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class AccessTokens:
    """Gets access tokens (RFC 6749 §4.4, RFC 7523, RFC 8707). One at a time, shared by all threads."""

    def __init__(
        self, outbound: Outbound, discovery: Discovery, client: ClientKey, clock: Clock, *, resource: str
    ) -> None:
        self._outbound = outbound
        self._discovery = discovery
        self._client = client
        self._clock = clock
        self._resource = resource
        self._lock = threading.Lock()
        self._token = ""
        self._good_until: dt.datetime | None = None

    def current(self) -> str:
        """Return a token that will still be good for this request.

        Raises:
            ProviderUnreachableError: if the Gateway does not answer.
            TokenRefusedError: if it refuses our credential.
        """
        with self._lock:
            now = self._clock.now()
            if self._token and self._good_until and now < self._good_until:
                return self._token
            self._token, lifetime = self._fetch(now)
            self._good_until = now + max(lifetime - RENEW_BEFORE, SHORTEST)
            return self._token

    def forget(self, token: str) -> None:
        """Never use ``token`` again: the Gateway refused it."""
        with self._lock:
            if self._token == token:
                self._token = ""

    def _fetch(self, now: dt.datetime) -> tuple[str, dt.timedelta]:
        form = {
            "grant_type": "client_credentials",
            "scope": SCOPE,
            "resource": self._resource,
            **self._client.form(audience=self._discovery.issuer, now=now),
        }
        status, answer = ask_for_tokens(self._outbound, self._discovery, form)
        token = answer.get("access_token") if answer is not None else None
        if status != 200 or answer is None or not isinstance(token, str) or not token:
            raise TokenRefusedError(status)
        lifetime = answer.get("expires_in", 60)
        seconds = lifetime if isinstance(lifetime, int) and 0 < lifetime <= 86_400 else 60
        return token, dt.timedelta(seconds=seconds)
