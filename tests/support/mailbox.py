"""The mailbox of the tests: a real SMTP server, a real text-message webhook, and what came in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kernel.clock import SystemClock
from switchyard.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODE = re.compile(r"(?<!\d)(\d{6,8})(?!\d)")


class Mail:
    """Reads one mailbox over HTTP, as the demonstration does."""

    def __init__(self, url: str) -> None:
        self.url = url

    def messages(self, *, to: str = "", after: int = 0, wait: float = 0.0) -> list[dict[str, Any]]:
        """Return messages to ``to``, newest first; ``wait`` seconds for the first one after number ``after``."""
        query: dict[str, str | int | float] = {"to": to, "after": after, "wait": wait}
        answer = httpx.get(f"{self.url}/messages.json", params=query, timeout=wait + 10)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["messages"]
        return found

    def newest_number(self) -> int:
        """Return the number of the newest message, 0 if none came: the ``after`` of what comes next."""
        return max((message["number"] for message in self.messages()), default=0)

    def link(self, *, to: str, containing: str = "", after: int = 0, wait: float = 20.0) -> str:
        """Return the first link with ``containing`` that a message to ``to`` brings."""
        known = after
        while True:
            found = self.messages(to=to, after=known, wait=wait)
            assert found, f"no message to {to} with a link containing {containing!r} came"
            for message in found:
                for link in message["links"]:
                    if containing in link:
                        return str(link)
            known = max(message["number"] for message in found)

    def code(self, *, to: str, after: int = 0, wait: float = 20.0) -> str:
        """Return the code of digits in the newest message to ``to``."""
        for message in self.messages(to=to, after=after, wait=wait):
            match = _CODE.search(message["text"])
            if match:
                return match.group(1)
        raise AssertionError(f"no code came to {to}")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Give a running mailbox on free ports."""
    with Mailbox(SystemClock()) as running:
        yield running
