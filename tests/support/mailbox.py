"""The mailbox of the tests: a real SMTP server, a real text-message webhook, and what came in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel.clock import SystemClock
from switchyard.mail_reader import MailReader as Mail
from switchyard.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Mail", "mailbox"]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Give a running mailbox on free ports."""
    with Mailbox(SystemClock()) as running:
        yield running
