"""The memory twin: keeps what was sent, so that a test can read its mail."""

from __future__ import annotations

import re

from kernel.courier.outbox import Envelope

_LINK = re.compile(r"https?://[^\s<>\"]+")


class MemoryCarrier:
    """Keeps every delivered envelope in ``sent``."""

    def __init__(self) -> None:
        self.sent: list[Envelope] = []

    def deliver(self, envelope: Envelope) -> None:
        """Keep the message."""
        self.sent.append(envelope)

    def to(self, address: str) -> list[Envelope]:
        """Return what was sent to ``address``, oldest first."""
        return [envelope for envelope in self.sent if envelope.payload.get("to") == address]

    def last_link_to(self, address: str) -> str:
        """Return the last link in the newest message to ``address`` that has one.

        Raises:
            LookupError: if none was sent.
        """
        for envelope in reversed(self.to(address)):
            links = _LINK.findall(str(envelope.payload.get("text", "")))
            if links:
                return str(links[0])
        raise LookupError(f"no link was sent to {address}")
