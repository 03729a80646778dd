"""What was typed so far on the way through a wizard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Draft:
    """A form on its way. ``version`` grows with each save; ``id`` is the idempotency key of its confirm."""

    id: str
    kind: str
    organization_id: str | None
    version: int
    values: Mapping[str, object] = field(repr=False)
