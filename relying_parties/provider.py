"""The provider as a relying party knows it: its metadata (OpenID Connect Discovery 1.0) and its keys.

Shared by all applications of one process that trust the same issuer, so that it is asked once, not once for
each.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from relying_parties.http import Caller, ProviderFaultError, ProviderUnreachableError
from relying_parties.jose import KeyCache
from relying_parties.ports import Clock

FRESH_FOR = timedelta(minutes=15)
GRACE = timedelta(hours=12)
"""How long known addresses stay good while the provider does not answer; addresses move in years."""
COOLDOWN = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Where the provider does what."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    names_itself_in_responses: bool = False
    """Whether every authorization response carries ``iss`` (RFC 9207 §3)."""


class Provider:
    """One issuer: its metadata and keys, fetched when needed and kept for a while."""

    def __init__(self, issuer: str, caller: Caller, clock: Clock) -> None:
        self.issuer = issuer
        self._caller = caller
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: Metadata | None = None
        self._fetched_at: datetime | None = None
        self._failed_at: datetime | None = None
        self.keys = KeyCache(self._fetch_keys, clock)

    def metadata(self) -> Metadata:
        """Return the provider's metadata.

        Raises :class:`ProviderUnreachableError` when it is not known and cannot be fetched now.
        """
        now = self._clock.now()
        if (known := self._known_for(FRESH_FOR, now)) is not None:
            return known
        with self._lock:
            if (known := self._known_for(FRESH_FOR, now)) is not None:
                return known
            try:
                return self._fetch(now)
            except (ProviderUnreachableError, ProviderFaultError):
                self._failed_at = now
                if (known := self._known_for(GRACE, now)) is not None:
                    return known
                raise

    def _known_for(self, age: timedelta, now: datetime) -> Metadata | None:
        if self._fetched_at is None or not timedelta(0) <= now - self._fetched_at < age:
            return None
        return self._metadata

    def _fetch(self, now: datetime) -> Metadata:
        if self._failed_at is not None and timedelta(0) <= now - self._failed_at < COOLDOWN:
            raise ProviderUnreachableError("the provider did not answer a moment ago")
        answer = self._caller.get(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if answer.status != 200 or answer.document is None:
            raise ProviderFaultError(f"no metadata: status {answer.status}")
        self._metadata = metadata_of(answer.document, self.issuer)
        self._fetched_at, self._failed_at = now, None
        return self._metadata

    def _fetch_keys(self) -> Mapping[str, object]:
        answer = self._caller.get(self.metadata().jwks_uri)
        if answer.status != 200 or answer.document is None:
            raise ProviderFaultError(f"no key set: status {answer.status}")
        return answer.document


def metadata_of(document: Mapping[str, object], issuer: str) -> Metadata:
    """Return the metadata if it is this issuer's own (Discovery §4.3).

    Raises :class:`ProviderFaultError` when it names another issuer, lacks an endpoint or would leave TLS.
    """
    if document.get("issuer") != issuer:
        raise ProviderFaultError("the metadata names another issuer")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(document, "token_endpoint", issuer),
        jwks_uri=_endpoint(document, "jwks_uri", issuer),
        userinfo_endpoint=_endpoint(document, "userinfo_endpoint", issuer, needed=False),
        end_session_endpoint=_endpoint(document, "end_session_endpoint", issuer, needed=False),
        names_itself_in_responses=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: Mapping[str, object], name: str, issuer: str, *, needed: bool = True) -> str:
    value = document.get(name, "")
    if value == "" and not needed:
        return ""
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    schemes = ("https",) if issuer.startswith("https://") else ("http", "https")
    if not isinstance(value, str) or parts.scheme not in schemes or not parts.hostname or parts.fragment:
        raise ProviderFaultError(f"the metadata's {name} is no address to call")
    return value
