"""What the audit tells of a deed to whoever looks at the client or account that it was done to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RecordedDeed:
    """What was done to a client or account. ``who`` is a person's name, or who acted at the command line."""

    at: dt.datetime
    tag: str
    who: str
    actor_kind: str
    reason: str
    details: Mapping[str, Any] = field(default_factory=dict)
