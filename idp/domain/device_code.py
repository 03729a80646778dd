"""The device authorization grant: user codes, what a device asks for, and its pace (RFC 8628)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.domain.interaction import Wanted
from kernel.randomness import Randomness

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""Consonants alone: no words, and nothing that is taken for something else. Eight are 34.5 bits (§6.1)."""

LENGTH = 8
SLOWER = 5
"""Seconds that a poll that came too soon adds to the interval of its device code, for good (§3.5)."""

_ON_THE_WAY = dt.timedelta(seconds=1)
"""How much too early a poll may come: the device counts from when it sends, we from when we receive."""

_HALF = LENGTH // 2


def new_user_code(randomness: Randomness) -> str:
    """Return a user code as it is stored: eight letters, without the hyphen."""
    return "".join(ALPHABET[randomness.below(len(ALPHABET))] for _ in range(LENGTH))


def shown(code: str) -> str:
    """Return a user code as people read it: ``WDJB-MJHT``."""
    return f"{code[:_HALF]}-{code[_HALF:]}"


def read_user_code(typed: str) -> str:
    """Return what a person typed as it is stored; an empty text if it cannot be a user code.

    Case and every character between the letters are left out (§6.1).
    """
    if len(typed) > 4 * LENGTH:
        return ""
    letters = "".join(character for character in typed.upper() if character.isalnum())
    return letters if len(letters) == LENGTH and set(letters) <= set(ALPHABET) else ""


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """What a device asks beside its scope: a resource, and how its person has to be signed in."""

    resource: str = ""
    acr: tuple[str, ...] = ()
    max_age: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return the form that is stored."""
        return {"resource": self.resource, "acr": list(self.acr), "max_age": self.max_age}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> DeviceRequest:
        """Return what :meth:`to_json` stored."""
        return cls(stored["resource"], tuple(stored["acr"]), stored["max_age"])

    @property
    def wanted(self) -> Wanted:
        """What is asked of the sign-in."""
        return Wanted((), self.max_age, self.acr)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a device may ask: not before ``next_at``, and then every ``interval`` seconds."""

    next_at: dt.datetime
    interval: int

    def too_soon(self, now: dt.datetime) -> bool:
        """Tell whether a poll at ``now`` is one too soon."""
        return now < self.next_at - _ON_THE_WAY

    def after(self, now: dt.datetime) -> Pace:
        """Return the pace after a poll at ``now``: who came too soon is slower from then on."""
        interval = self.interval + (SLOWER if self.too_soon(now) else 0)
        return Pace(now + dt.timedelta(seconds=interval), interval)
