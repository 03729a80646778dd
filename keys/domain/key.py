"""What a signing key is, without its private part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class KeyState(StrEnum):
    """The life of a key, in this order and never back."""

    NEXT = "next"
    """Published, and not signing yet."""

    ACTIVE = "active"
    """Signing. One per algorithm."""

    RETAINED = "retained"
    """Signs no more; still published. Its private part is destroyed."""

    RETIRED = "retired"
    """Out of the key set: nothing it signed counts any more."""


PUBLISHED = frozenset({KeyState.NEXT, KeyState.ACTIVE, KeyState.RETAINED})


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key as the key set knows it. ``due_at`` is when its next change is due by the clock."""

    kid: str
    algorithm: str
    state: KeyState
    public_jwk: Mapping[str, str]
    published_at: dt.datetime
    activate_at: dt.datetime
    activated_at: dt.datetime | None = None
    retire_at: dt.datetime | None = None
