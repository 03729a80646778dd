"""The console twin: prints what would be sent. Loud on purpose; refused in production."""

from __future__ import annotations

import sys
from typing import TextIO

from kernel.courier.outbox import Envelope


class ConsoleCarrier:
    """Writes every message to a stream, standard error by default."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def deliver(self, envelope: Envelope) -> None:
        """Print the message."""
        payload = envelope.payload
        lines = [f"--- {envelope.channel} to {payload.get('to')} ({envelope.template})"]
        lines += [str(payload[name]) for name in ("subject", "text") if payload.get(name)]
        self._stream.write("\n".join(lines) + "\n---\n")
        self._stream.flush()
