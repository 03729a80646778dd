"""Proof Key for Code Exchange, S256 only (RFC 7636, RFC 9700 §2.1.1)."""

from __future__ import annotations

import hashlib
import hmac
import re

from kernel.base64url import base64url

METHOD = "S256"

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def is_challenge(text: str) -> bool:
    """Tell whether ``text`` can be the S256 challenge of a verifier: 43 characters of base64url (PK-06)."""
    return _CHALLENGE.fullmatch(text) is not None


def is_verifier(text: str) -> bool:
    """Tell whether ``text`` is a well-formed verifier (RFC 7636 §4.1)."""
    return _VERIFIER.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 §4.2)."""
    return base64url(hashlib.sha256(verifier.encode("ascii")).digest())


def verifies(verifier: str, challenge: str) -> bool:
    """Tell whether ``verifier`` is the one behind ``challenge``, in constant time; a malformed one is not."""
    return is_verifier(verifier) and hmac.compare_digest(challenge_of(verifier), challenge)
