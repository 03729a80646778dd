"""Chance as a port: tokens, identifiers and choices come from a :class:`Randomness`."""

from __future__ import annotations

import datetime as dt
import random  # noqa: TID251 - the one module that may
import re
import secrets  # noqa: TID251 - the one module that may
from collections.abc import Sequence
from typing import Protocol, TypeVar

from kernel.base64url import base64url

T = TypeVar("T")

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits of base 32 that nobody mistakes for one another."""
ULID = re.compile(rf"[{CROCKFORD}]{{26}}")
"""What our identifiers look like."""
_PAIRS = [first + second for first in CROCKFORD for second in CROCKFORD]


def _ulid(milliseconds: int, entropy: bytes) -> str:
    number = (milliseconds << 80) | int.from_bytes(entropy, "big")
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def first_ulid(moment: dt.datetime) -> str:
    """Return the lowest ULID of ``moment``: every other of that moment or later sorts after it."""
    return _ulid(int(moment.timestamp() * 1000), bytes(10))


class Randomness(Protocol):
    """Gives chance."""

    def token_bytes(self, count: int) -> bytes:
        """Return ``count`` unpredictable bytes."""
        ...

    def token(self, count: int = 32) -> str:
        """Return ``count`` unpredictable bytes as URL-safe base64 without padding."""
        ...

    def ulid(self, now: dt.datetime) -> str:
        """Return a new ULID (26 characters, sortable by ``now``)."""
        ...

    def below(self, limit: int) -> int:
        """Return a whole number from 0 up to, not including, ``limit``."""
        ...

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in an order of chance."""
        ...


class SystemRandomness:
    """The operating system's generator."""

    def __init__(self) -> None:
        self._order = random.SystemRandom()

    def token_bytes(self, count: int) -> bytes:
        """Return ``count`` unpredictable bytes."""
        return secrets.token_bytes(count)

    def token(self, count: int = 32) -> str:
        """Return ``count`` unpredictable bytes as URL-safe base64 without padding."""
        return secrets.token_urlsafe(count)

    def ulid(self, now: dt.datetime) -> str:
        """Return a new ULID (26 characters, sortable by ``now``)."""
        return _ulid(int(now.timestamp() * 1000), secrets.token_bytes(10))

    def below(self, limit: int) -> int:
        """Return a whole number from 0 up to, not including, ``limit``."""
        return secrets.randbelow(limit)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in an order of chance."""
        return self._order.sample(list(items), len(items))


class SeededRandomness:
    """Repeatable chance for tests. Never wired in a running system."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def token_bytes(self, count: int) -> bytes:
        """Return the next ``count`` bytes of the seed's sequence."""
        return self._random.randbytes(count)

    def token(self, count: int = 32) -> str:
        """Return the next ``count`` bytes as URL-safe base64 without padding."""
        return base64url(self.token_bytes(count))

    def ulid(self, now: dt.datetime) -> str:
        """Return the next ULID of the seed's sequence at ``now``."""
        return _ulid(int(now.timestamp() * 1000), self.token_bytes(10))

    def below(self, limit: int) -> int:
        """Return the next whole number below ``limit``."""
        return self._random.randrange(limit)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in the seed's next order."""
        return self._random.sample(list(items), len(items))
