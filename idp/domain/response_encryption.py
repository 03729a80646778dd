"""Encrypting what we say to a client alone: which algorithms, which of its keys, and the JWE (RFC 7516).

A response is signed first and encrypted then, so that whoever reads it knows who wrote it (RFC 7519 §11.2).
RSA1_5 gives attackers an oracle, ``dir`` needs a secret that both keep: neither is offered (RFC 8725 §3.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwe
from joserfc.jwk import Key, KeySet

from idp.domain.client_key_sets import key_set_fault

ALGORITHMS: Final = ("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
"""How the key of the content travels; the first needs an RSA key of the client, the others one on P-256."""

ENCODINGS: Final = ("A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM")
"""How the content is encrypted; the first is the default (OIDC Registration §2)."""

ENCRYPTED_DOTS: Final = 4
ENCRYPTED_HINT: Final = "id_token_hint is encrypted: send the signed token that is within it."
"""We cannot open what we encrypted for a client (OIDC Core §3.1.2.1). A compact JWE has four dots."""

_KINDS: Final = ("id_token", "userinfo", "introspection", "authorization")
NAMES: Final = tuple(f"{kind}_encrypted_response_{part}" for kind in _KINDS for part in ("alg", "enc"))
"""The client metadata that asks for it (OIDC Registration §2, RFC 9701 §6, JARM §3)."""

_MEMBERS: Final = ("kty", "kid", "n", "e", "crv", "x", "y", "d")
_CHOICES: Final = {"alg": ALGORITHMS, "enc": ENCODINGS}


@dataclass(frozen=True, slots=True)
class Encryption:
    """What a client registered for one kind of response."""

    algorithm: str
    encoding: str


def registered_encryption(metadata: Mapping[str, Any], kind: str) -> Encryption | None:
    """Return how responses of ``kind`` are encrypted for the client of ``metadata``; None: not at all."""
    algorithm = metadata.get(f"{kind}_encrypted_response_alg", "")
    encoding = metadata.get(f"{kind}_encrypted_response_enc") or ENCODINGS[0]
    return Encryption(algorithm, encoding) if algorithm else None


def encryption_faults(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Find what is wrong with the encryption asked for in metadata whose shapes hold, name by name.

    Keys that are registered by value have to fit at once; what stands at a ``jwks_uri`` may come later.
    """
    for name in NAMES:
        offered = _CHOICES[name.rpartition("_")[2]]
        if name in metadata and metadata[name] not in offered:
            yield name, f"has to be one of {', '.join(offered)}"
    for kind in _KINDS:
        yield from _kind_faults(metadata, kind)


def _kind_faults(metadata: Mapping[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    asked = registered_encryption(metadata, kind)
    if asked is None:
        if f"{kind}_encrypted_response_enc" in metadata:
            yield f"{kind}_encrypted_response_enc", f"belongs to {kind}_encrypted_response_alg"
    elif asked.algorithm in ALGORITHMS and "jwks_uri" not in metadata:
        document = metadata.get("jwks")
        rows = document.get("keys") if isinstance(document, dict) else None
        if fitting_key(encryption_rows(rows), asked) is None:
            yield (
                f"{kind}_encrypted_response_alg",
                "needs an encryption key of that kind in jwks or jwks_uri",
            )


def encryption_rows(rows: object) -> list[dict[str, Any]]:
    """Return the keys of a JWK set that are not meant for signatures alone (RFC 7517 §4.2)."""
    if not isinstance(rows, list | tuple):
        return []
    return [dict(row) for row in rows if isinstance(row, Mapping) and row.get("use", "enc") == "enc"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A client's key with the algorithms that it is used by."""

    key: Key = field(repr=False)
    encryption: Encryption

    def sealed(self, content: str | bytes, *, nested: bool = True) -> str:
        """Return ``content`` as a compact JWE that the client alone can open; ``nested``: it is a JWT."""
        header = {"alg": self.encryption.algorithm, "enc": self.encryption.encoding}
        header |= {"cty": "JWT"} if nested else {}
        header |= {"kid": self.key.kid} if self.key.kid else {}
        algorithms = [self.encryption.algorithm, self.encryption.encoding]
        return jwe.encrypt_compact(header, content, self.key, algorithms=algorithms)


def fitting_key(rows: Iterable[Mapping[str, Any]], wanted: Encryption) -> Recipient | None:
    """Return the client's key for ``wanted``, or None: one of its kind that states no other algorithm.

    One that says it is for encryption, and for this algorithm, goes before one that says nothing.
    """
    kind = "RSA" if wanted.algorithm.startswith("RSA") else "EC"
    fitting = [
        row for row in rows if row.get("kty") == kind and row.get("alg", wanted.algorithm) == wanted.algorithm
    ]
    for row in sorted(fitting, key=lambda row: ("use" not in row, "alg" not in row)):
        document: Any = {"keys": [{name: row[name] for name in _MEMBERS if name in row}]}
        if not key_set_fault(document):
            return Recipient(KeySet.import_key_set(document).keys[0], wanted)
    return None
