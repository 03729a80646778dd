"""The public keys by which clients prove themselves: which may be registered, and which count (RFC 7517)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from idp.domain.key_strength import WEAKEST_RSA_BITS

_MOST_KEYS = 50
_LARGEST_RSA_BITS = 8_192
_LARGEST_EXPONENT_BITS = 64
_UNREADABLE = (JoseError, ValueError, KeyError, TypeError, AttributeError)


def key_set_fault(document: object) -> str:
    """Return what is wrong with a key set that is to be registered by value, or an empty text."""
    try:
        keys = list(KeySet.import_key_set(document))  # type: ignore[arg-type]
    except _UNREADABLE:
        return "has to be a JWK set"
    return next((sentence for wrong, sentence in _KEY_FAULTS if wrong(keys)), "")


def usable_keys(document: object) -> KeySet | None:
    """Return the keys of a client's own JWK set that may sign for it; other keys in it are skipped.

    None if there is none, or if the names of several do not tell them apart.
    """
    rows = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(rows, list) or len(rows) > _MOST_KEYS:
        return None
    keys = [key for row in rows if (key := _usable(row)) is not None]
    return KeySet(keys) if keys and not _names_collide(keys) else None


def _usable(row: object) -> Key | None:
    if not isinstance(row, dict) or row.get("use", "sig") != "sig":
        return None
    try:
        keys = list(KeySet.import_key_set({"keys": [row]}))
    except _UNREADABLE:
        return None
    return None if any(wrong(keys) for wrong, _ in _KEY_FAULTS) else keys[0]


def _names_collide(keys: Sequence[Key]) -> bool:
    names = [key.kid for key in keys]
    return len(keys) > 1 and (None in names or len(set(names)) != len(names))


def _is_too_large(key: RSAKey) -> bool:
    """Tell whether nobody here can check or encrypt with a key, or only at great cost."""
    public = key.public_key.public_numbers()
    return key.public_key.key_size > _LARGEST_RSA_BITS or public.e.bit_length() > _LARGEST_EXPONENT_BITS


_KEY_FAULTS: tuple[tuple[Callable[[Sequence[Key]], bool], str], ...] = (
    (
        lambda keys: (
            not keys or any(not isinstance(key, ECKey | OKPKey | RSAKey) or key.is_private for key in keys)
        ),
        "has to hold public RSA, EC or OKP keys only",
    ),
    (
        lambda keys: any(isinstance(key, ECKey) and key.curve_name != "P-256" for key in keys),
        "EC keys have to be on P-256",
    ),
    (
        lambda keys: any(isinstance(key, OKPKey) and key.curve_name != "Ed25519" for key in keys),
        "OKP keys have to be on Ed25519",
    ),
    (
        lambda keys: any(
            isinstance(key, RSAKey) and key.raw_value.key_size < WEAKEST_RSA_BITS for key in keys
        ),
        "RSA keys need at least 2048 bits",
    ),
    (
        lambda keys: any(isinstance(key, RSAKey) and _is_too_large(key) for key in keys),
        "RSA keys may have 8192 bits and an exponent of 64 bits at most",
    ),
    (_names_collide, "several keys need a kid each, and each another"),
)
