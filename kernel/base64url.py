"""base64url without padding, as tokens, challenges and thumbprints are written (RFC 4648 §5, RFC 7515 §2)."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode


def base64url(raw: bytes) -> str:
    """Return ``raw`` as text."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Return the bytes that ``text`` stands for; padding at its end is taken, too.

    Raises:
        ValueError: if ``text`` holds another character, or has a length that no bytes are written in.
    """
    if "+" in text or "/" in text:  # of the other alphabet, which the library takes beside the one it is told
        raise ValueError("not base64url")
    return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
