"""Signing and verifying our own tokens, and opening what others encrypted for us, with a key ring in memory.

No query stands on the hot path: the ring is read again only after the refresh interval, by one thread,
while the others go on with the one they have.
"""

from __future__ import annotations

import binascii
import datetime as dt
import hashlib
import json
import re
import threading
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import structlog
from cryptography.hazmat.primitives.asymmetric import ed25519
from pydantic_core import to_json

from kernel.audit import SYSTEM
from kernel.base64url import base64url
from kernel.errors import SwitchyardError
from kernel.store import Store
from keys.domain.encryption import ENCODINGS, OPENED_BY, Opener, header_of, opener
from keys.domain.jwk import key_set
from keys.domain.key import KeyState, OwnKey
from keys.domain.rotation import first_moment
from keys.domain.signature import Checker, PrivateKey, Signer, checker, signer
from keys.settings import KeySettings
from keys.storage import signing_keys
from keys.storage.material import make_pair, open_private
from keys.storage.signing_keys import StoredKey

_log = structlog.get_logger(__name__)

_LONGEST_TOKEN = 16_384
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

TYPES = (
    "JWT",
    "at+jwt",
    "logout+jwt",
    "secevent+jwt",
    "token-introspection+jwt",
    "authorization-server-metadata+jwt",
)
"""The kinds of token we sign; a token of one kind never passes as another (RFC 8725 §3.11)."""


class NoSigningKeyError(SwitchyardError):
    """There is no active key for the algorithm: keys were never made, or an added one waits for its hour."""

    code: ClassVar[str] = "no_signing_key"
    public: ClassVar[str] = "The service cannot sign at the moment."
    status: ClassVar[int] = 503


@dataclass(frozen=True, slots=True)
class JwksDocument:
    """The key set as prepared bytes, its strong ETag and how long it may be cached."""

    body: bytes
    etag: str
    max_age: dt.timedelta


@dataclass(frozen=True, slots=True)
class _Verifier:
    typ: str
    check: Checker


@dataclass(frozen=True, slots=True)
class _Ring:
    read_at: dt.datetime
    keys: Mapping[str, OwnKey]
    signers: Mapping[tuple[str, str], tuple[str, Signer]]
    verifiers: Mapping[str, _Verifier]
    openers: Mapping[str, Opener]
    jwks: JwksDocument


class SigningKeys:
    """The key ring of this process."""

    def __init__(self, store: Store, settings: KeySettings) -> None:
        self._store = store
        self._settings = settings
        self._lock = threading.Lock()
        self._private: dict[str, PrivateKey] = {}
        self._ring: _Ring | None = None

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms for which a signing key is kept."""
        return self._settings.algorithms

    @property
    def encryption_algorithms(self) -> tuple[str, ...]:
        """The algorithms by which others may encrypt for us; none where no key for it is kept."""
        kept = self._settings.encryption_algorithms
        return tuple(name for algorithm in kept for name in OPENED_BY[algorithm])

    @property
    def encodings(self) -> tuple[str, ...]:
        """How the content of what others encrypt for us may be encrypted; none where nothing is opened."""
        return ENCODINGS if self._settings.encryption_algorithms else ()

    def ensure(self) -> None:
        """Make the first key of every configured algorithm; one node of many that start at once makes it."""
        with self._store.read() as connection:
            known = {key.algorithm for key in signing_keys.all_keys(connection)}
        missing = [name for name in self._settings.kept if name not in known]
        if not missing:
            return
        pairs = [(name, make_pair(name, self._store.sealer)) for name in missing]
        with self._store.write() as unit:
            present = {key.algorithm for key in signing_keys.all_keys(unit.connection)}
            for name, pair in pairs:
                if name in present:
                    continue  # another node made it while we drew ours
                step = first_moment(
                    name, anything_published=bool(present), now=unit.now, ahead=self._settings.publish_ahead
                )
                state = KeyState.NEXT if step.activate_at > unit.now else KeyState.ACTIVE
                if signing_keys.publish(
                    unit.connection, pair, name, state=state, now=unit.now, activate_at=step.activate_at
                ):
                    unit.audit.record("keys:key:published", actor=SYSTEM, target=pair.kid)
        self.refresh()

    def refresh(self) -> None:
        """Read the ring now."""
        with self._lock:
            self._read(self._store.clock.now())

    def sign(self, claims: Mapping[str, object], *, algorithm: str = "ES256", typ: str) -> str:
        """Return ``claims`` as a compact JWS by the active key of ``algorithm``.

        Raises:
            NoSigningKeyError: if there is none.
        """
        found = self._current().signers.get((algorithm, typ))
        if found is None:
            self.refresh()
            found = self._current().signers.get((algorithm, typ))
            if found is None:
                raise NoSigningKeyError(algorithm=algorithm, typ=typ)
        header, sign = found
        signed = f"{header}.{base64url(to_json(claims))}"
        return f"{signed}.{base64url(sign(signed.encode('ascii')))}"

    def jwks(self) -> JwksDocument:
        """Return the key set as it is published now."""
        return self._current().jwks

    def is_ours(self, token: str, *, typ: str) -> bool:
        """Tell whether the header of ``token`` names a published key and ``typ``; the rest is not looked at.

        For tokens that are found by their digest: a revoked key takes everything it signed with it (DJ-05).
        """
        found = self._current().verifiers.get(token.partition(".")[0])
        return found is not None and found.typ == typ

    def said_by(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token of ours that was found by its digest: no signature proves more."""
        claims: dict[str, Any] = json.loads(_unb64(token.split(".")[1]))
        return claims

    def verify(self, token: str, *, typ: str) -> dict[str, Any] | None:
        """Return the claims of a token that one of our published keys signed as ``typ``, or None.

        Only headers exactly as we write them are believed, so neither ``alg`` nor ``kid`` nor ``jwk`` of a
        stranger is ever used (RFC 8725 §3.1, §3.10). Issuer, audience and times are the caller's to judge.
        """
        return _verified(token, typ, self._current().verifiers) if _may_be_ours(token) else None

    def verify_hint(self, token: str, *, typ: str) -> dict[str, Any] | None:
        """Return what :meth:`verify` returns, also where a key signed that was replaced and is shown no more.

        For a token that tells whom somebody means and opens nothing, such as an ``id_token_hint``: it is
        shown long after it was issued. What a revoked key signed names nobody.
        """
        if not _may_be_ours(token):
            return None
        ring, kid = self._current(), _kid_of(token)
        if not kid or kid in ring.keys:
            return _verified(token, typ, ring.verifiers)
        with self._store.read() as connection:
            replaced = signing_keys.find_replaced(connection, kid)
        return None if replaced is None or replaced.encrypts else _verified(token, typ, _verifiers(replaced))

    def names_a_key(self, token: str) -> bool:
        """Tell whether opening ``token`` would use a private key: it has our form, and names one of ours."""
        header = header_of(token)
        return header is not None and header["kid"] in self._current().openers

    def opened(self, token: str) -> str | None:
        """Return what a compact JWE holds that was encrypted for a key of ours, or None, however it fails.

        Who encrypted it is not known: what it holds has to prove that (RFC 7519 §11.2). Keys that were
        replaced a while ago still open; ``kid`` has to name one of ours.
        """
        header = header_of(token)
        found = self._current().openers.get(header["kid"]) if header is not None else None
        plain = found(token, header) if found is not None and header is not None else None
        return plain.decode("ascii") if plain is not None and plain.isascii() else None

    def _current(self) -> _Ring:
        now = self._store.clock.now()
        ring = self._ring
        if ring is not None and abs(now - ring.read_at) < self._settings.refresh:
            return ring
        if ring is None:
            with self._lock:
                return self._ring or self._read(now)
        if self._lock.acquire(blocking=False):
            try:
                return self._read(now)
            except Exception as error:  # noqa: BLE001 - a database that is away must not stop verification
                _log.warning("keys.refresh_failed", error=type(error).__name__)
            finally:
                self._lock.release()
        return ring

    def _read(self, now: dt.datetime) -> _Ring:
        with self._store.read() as connection:
            ring = signing_keys.read_ring(connection)
        kept = self._settings.encryption_algorithms  # without one, none is taken encrypted
        stored = [row for row in ring if not row.key.encrypts or row.key.algorithm in kept]
        self._private = {
            row.key.kid: self._private.get(row.key.kid)
            or open_private(row.sealed_private, row.key.kid, self._store.sealer)
            for row in stored
            if row.sealed_private is not None
        }
        self._ring = built = _build(stored, self._private, now, self._settings.jwks_max_age)
        return built


def _may_be_ours(token: str) -> bool:
    return len(token) <= _LONGEST_TOKEN and token.count(".") == 2


def _kid_of(token: str) -> str:
    """Return the key that the header of ``token`` names, if it is one that could be ours, or nothing."""
    try:
        header = json.loads(_unb64(token.partition(".")[0]))
    except (ValueError, binascii.Error, RecursionError):
        return ""
    kid = header.get("kid") if isinstance(header, dict) else None
    return kid if isinstance(kid, str) and _KID.fullmatch(kid) else ""


def _verifiers(key: OwnKey) -> dict[str, _Verifier]:
    """Return how each kind of token is checked that ``key`` signs, by its header exactly as we write it."""
    check = checker(key.algorithm, key.public_jwk)
    found = {}
    for typ in TYPES:
        header = {"alg": key.algorithm, "typ": typ, "kid": key.kid}
        found[base64url(json.dumps(header, separators=(",", ":")).encode())] = _Verifier(typ, check)
    return found


def _verified(token: str, typ: str, verifiers: Mapping[str, _Verifier]) -> dict[str, Any] | None:
    header, payload, signature = token.split(".")
    found = verifiers.get(header)
    if found is None or found.typ != typ:
        return None
    try:
        good = found.check(_unb64(signature), f"{header}.{payload}".encode("ascii"))
        claims = json.loads(_unb64(payload)) if good else None
    except (ValueError, binascii.Error):
        return None
    return claims if isinstance(claims, dict) else None


def _build(
    stored: list[StoredKey], private: Mapping[str, PrivateKey], now: dt.datetime, max_age: dt.timedelta
) -> _Ring:
    keys = {row.key.kid: row.key for row in stored}
    signers: dict[tuple[str, str], tuple[str, Signer]] = {}
    verifiers: dict[str, _Verifier] = {}
    openers: dict[str, Opener] = {}
    for key in keys.values():
        if key.encrypts:
            own = private[key.kid]
            if not isinstance(own, ed25519.Ed25519PrivateKey):  # which can sign, and nothing else
                openers[key.kid] = opener(key.algorithm, own)
            continue
        checks = _verifiers(key)
        verifiers |= checks
        if key.state is KeyState.ACTIVE:
            for header, verifier in checks.items():
                signers[key.algorithm, verifier.typ] = (header, signer(key.algorithm, private[key.kid]))
    body = key_set(keys.values())
    etag = f'"{base64url(hashlib.sha256(body).digest()[:12])}"'
    return _Ring(now, keys, signers, verifiers, openers, JwksDocument(body, etag, max_age))


def _unb64(text: str) -> bytes:
    raw = text.encode("ascii")
    if b"+" in raw or b"/" in raw or b"=" in raw:
        raise binascii.Error("not base64url")
    return urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
