"""What a key of ours is, without its private part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from keys.domain.encryption import OPENED_BY


class KeyState(StrEnum):
    """The life of a key, in this order and never back."""

    NEXT = "next"
    """Published, and not signing yet. One for encryption is known to every node, and not published yet."""

    ACTIVE = "active"
    """Signing, or published for others to encrypt with. One per algorithm."""

    RETAINED = "retained"
    """Signs no more; still published, and its private part is destroyed. One for encryption is published no
    more, and still opens what others encrypted with it."""

    RETIRED = "retired"
    """Out of use: nothing it signed counts any more, and nothing encrypted with it is opened."""


KEPT = frozenset({KeyState.NEXT, KeyState.ACTIVE, KeyState.RETAINED})


@dataclass(frozen=True, slots=True)
class OwnKey:
    """One key as the key set knows it, whether it signs or opens what others encrypted."""

    kid: str
    algorithm: str
    state: KeyState
    public_jwk: Mapping[str, str]
    published_at: dt.datetime
    activate_at: dt.datetime
    activated_at: dt.datetime | None = None
    retire_at: dt.datetime | None = None

    @property
    def encrypts(self) -> bool:
        """Whether others encrypt with it; if not, it signs."""
        return self.algorithm in OPENED_BY

    @property
    def is_published(self) -> bool:
        """Whether it stands in the key set."""
        return self.state is KeyState.ACTIVE or (not self.encrypts and self.state in KEPT)
