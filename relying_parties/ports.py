"""Time and chance as the applications see them; the only module here that touches either.

Everything else takes a :class:`Clock` and a :class:`Chance`, so that a test may stop the one and seed the
other.
"""

import base64
import secrets  # noqa: TID251 - strangers to the house bring their own source of chance
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class Chance(Protocol):
    """Gives secrets nobody can guess."""

    def token(self) -> str:
        """Return 256 random bits as URL-safe text without padding."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the applications' one reading of the clock


class SystemChance:
    """The chance of the operating system."""

    def token(self) -> str:
        """Return 256 random bits as URL-safe text without padding (RFC 6749 §10.10 asks for 160)."""
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
