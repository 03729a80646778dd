"""What the register tells of a client beside the client itself: its metadata, what lives of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from idp.domain.client import Client


class ClientState(StrEnum):
    """Which clients a list shows."""

    ALL = "all"
    ENABLED = "enabled"
    DISABLED = "disabled"

    @property
    def disabled(self) -> bool | None:
        """Whether those that are shown are disabled; None for all."""
        return None if self is ClientState.ALL else self is ClientState.DISABLED


@dataclass(frozen=True, slots=True)
class Registration:
    """A client with what its row tells beside: its metadata as it was stated, and when it changed."""

    client: Client
    metadata: Mapping[str, Any]
    created_at: dt.datetime
    updated_at: dt.datetime
    disabled_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class SecretAge:
    """When a secret was made, and when it stops working; None for the one that is current."""

    created_at: dt.datetime
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """What lives of a client. ``last_used_at`` is when it last got something that still lives."""

    grants: int
    last_used_at: dt.datetime | None
