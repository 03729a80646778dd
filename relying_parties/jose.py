"""Signed tokens: reading them strictly and checking the signature with the issuer's published keys.

Owns what every kind of token shares (RFC 7515, 7517, 8725). What the claims must say belongs to
:mod:`relying_parties.id_token`, :mod:`relying_parties.logout_token` and :mod:`relying_parties.access_token`.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from joserfc import jwk, jws
from joserfc.errors import JoseError

from relying_parties.http import ProviderFaultError, ProviderUnreachableError
from relying_parties.ports import Clock

LARGEST_TOKEN = 16_384
SHORTEST_MODULUS = 342
"""An RSA modulus of 2048 bits in base64url; shorter keys are not used (NIST SP 800-131A)."""
SEGMENT = re.compile(r"[A-Za-z0-9_-]*\Z")
KEY_TYPE = {"ES": "EC", "RS": "RSA", "PS": "RSA", "Ed": "OKP"}
Key = jwk.RSAKey | jwk.ECKey | jwk.OKPKey
KEY_KINDS: Mapping[str, type[Key]] = {"RSA": jwk.RSAKey, "EC": jwk.ECKey, "OKP": jwk.OKPKey}


class Flaw(StrEnum):
    """Why a token is refused. For the log and the tests, never for the page."""

    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    CRITICAL_HEADER = "critical_header"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    TYPE = "type"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    AUTHORIZED_PARTY = "authorized_party"
    SUBJECT = "subject"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    ISSUED = "issued"
    NONCE = "nonce"
    TOKEN_HASH = "token_hash"  # noqa: S105 - the name of a flaw
    AUTHENTICATION = "authentication"
    SESSION_OVER = "session_over"
    ACCESS = "access"
    TOKEN_ID = "token_id"  # noqa: S105 - the name of a flaw
    EVENTS = "events"
    SCOPE = "scope"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose signature is good; nothing is said about its claims yet."""

    algorithm: str
    kind: str
    """The ``typ`` of the header in lower case, without ``application/``; empty if absent."""
    claims: Mapping[str, object]


class Keys(Protocol):
    """Where the issuer's keys are found."""

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the one key that may have signed, or None."""
        ...


def verified(  # noqa: PLR0911 - one return per flaw, in the order of the checks
    text: str, *, keys: Keys, algorithms: Sequence[str]
) -> Token | Flaw:
    """Return the token if it is well formed and rightly signed by one of ``keys``, else the flaw.

    The algorithm is taken from our own list, never from the token alone (RFC 8725 §3.1); ``jwk``, ``jku``
    and ``x5u`` of the header are not looked at (RFC 8725 §3.10); nothing critical is understood (RFC 7515
    §4.1.11). The issuer is not asked for keys before all of this holds.
    """
    segments = _segments(text)
    header = _object(segments[0]) if segments else None
    claims = _object(segments[1]) if segments else None
    if header is None or claims is None:
        return Flaw.MALFORMED
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "")
    if "crit" in header:
        return Flaw.CRITICAL_HEADER
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        return Flaw.ALGORITHM
    if not (kid is None or (isinstance(kid, str) and 0 < len(kid) <= 256)) or not isinstance(kind, str):
        return Flaw.MALFORMED
    key = keys.find(kid, algorithm)
    if key is None:
        return Flaw.UNKNOWN_KEY
    if not _signed_by(text, key, algorithm):
        return Flaw.SIGNATURE
    return Token(algorithm, kind.lower().removeprefix("application/"), claims)


def _signed_by(text: str, key: Key, algorithm: str) -> bool:
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(text, key, algorithms=[algorithm], registry=registry)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def _segments(text: str) -> tuple[bytes, bytes, bytes] | None:
    """Return the three parts, if each is base64url in its one canonical spelling."""
    parts = text.split(".")
    if len(text) > LARGEST_TOKEN or len(parts) != 3 or not all(SEGMENT.match(part) for part in parts):
        return None
    decoded = []
    for part in parts:
        try:
            raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        except ValueError:
            return None
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
            return None
        decoded.append(raw)
    return decoded[0], decoded[1], decoded[2]


def _object(raw: bytes) -> Mapping[str, object] | None:
    """Return the JSON object, refusing repeated names and numbers that are none (RFC 7519 §4, §7.2)."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")


class KeyCache:
    """The issuer's keys, fetched when first needed, when old, and when a token names an unknown key.

    However many tokens with unknown keys arrive, the issuer is asked once per ``cooldown`` at most, and
    while it fails once per ``retry_after`` (RP-09). Known keys stay good for ``grace`` meanwhile.
    """

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, object]],
        clock: Clock,
        *,
        fresh_for: timedelta = timedelta(minutes=10),
        cooldown: timedelta = timedelta(seconds=20),
        retry_after: timedelta = timedelta(seconds=2),
        grace: timedelta = timedelta(hours=1),
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._fresh_for = fresh_for
        self._cooldown = cooldown
        self._retry_after = retry_after
        self._grace = grace
        self._lock = threading.Lock()
        self._keys: tuple[Key, ...] = ()
        self._fetched_at: datetime | None = None
        self._next_at: datetime | None = None

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the one key that may have signed, or None.

        Raises :class:`ProviderUnreachableError` if no key was ever had and none can be fetched now.
        """
        now = self._clock.now()
        if self._is_older_than(self._fresh_for, now):
            self._refresh(now)
        found = _matching(self._keys, kid, algorithm)
        if found is None and self._refresh(now):
            found = _matching(self._keys, kid, algorithm)
        return found

    def _is_older_than(self, age: timedelta, now: datetime) -> bool:
        return self._fetched_at is None or not timedelta(0) <= now - self._fetched_at < age

    def _refresh(self, now: datetime) -> bool:
        """Ask the issuer if the cooldown allows it; tell whether the keys are newer than before the call."""
        before = self._fetched_at
        with self._lock:
            if self._fetched_at != before:
                return True
            if self._next_at is not None and now < self._next_at <= now + self._cooldown:
                if self._is_older_than(self._grace, now):
                    raise ProviderUnreachableError("the keys could not be fetched a moment ago")
                return False
            self._next_at = now + self._retry_after
            try:
                self._keys = _usable(self._fetch())
            except (ProviderUnreachableError, ProviderFaultError):
                if self._is_older_than(self._grace, now):
                    raise
                return False
            self._fetched_at, self._next_at = now, now + self._cooldown
            return True


def _usable(document: Mapping[str, object]) -> tuple[Key, ...]:
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ProviderFaultError("the key set has no keys")
    return tuple(key for entry in entries if (key := _public_key(entry)) is not None)


def _public_key(entry: object) -> Key | None:
    """Return the entry as a public signature key; entries of other kinds are passed over (RFC 7517 §5)."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    kind = KEY_KINDS.get(str(entry.get("kty")))
    if kind is None:
        return None
    if kind is jwk.RSAKey and len(str(entry.get("n", ""))) < SHORTEST_MODULUS:
        return None
    try:
        return kind.import_key(entry)
    except (JoseError, ValueError, TypeError):
        return None


def _matching(keys: Sequence[Key], kid: str | None, algorithm: str) -> Key | None:
    """Return the key of that name and kind; without a name only if there is no choice (OIDC Core §10.1)."""
    fitting = [
        key
        for key in keys
        if key.key_type == KEY_TYPE[algorithm[:2]]
        and key.get("alg") in (None, algorithm)
        and kid in (None, key.kid)
    ]
    if kid is not None:
        return fitting[0] if fitting else None
    return fitting[0] if len(fitting) == 1 else None
