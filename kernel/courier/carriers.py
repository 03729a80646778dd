"""What a carrier is: it delivers one envelope, or says why not."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Protocol

from kernel.courier.outbox import Envelope
from kernel.errors import SwitchyardError


class TransientFailure(SwitchyardError):  # noqa: N818 - the courier's own word
    """The message could not be delivered now; try again later."""

    code: ClassVar[str] = "courier_transient"

    def __init__(self, reason: str, retry_after: dt.timedelta | None = None) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(reason=reason)


class PermanentFailure(SwitchyardError):  # noqa: N818 - the courier's own word
    """The message can never be delivered."""

    code: ClassVar[str] = "courier_permanent"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason=reason)


class Carrier(Protocol):
    """Delivers envelopes of one channel."""

    def deliver(self, envelope: Envelope) -> None:
        """Deliver ``envelope``.

        Raises:
            TransientFailure: to try again later.
            PermanentFailure: to give up.
        """
        ...
