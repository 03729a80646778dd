"""Reads the local mailbox over HTTP, as the recipients of its messages would."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

_CODE = re.compile(r"(?<!\d)(\d{6,8})(?!\d)")


class NoMailError(Exception):
    """The message that was waited for did not come."""


class MailReader:
    """One mailbox page, read as JSON."""

    def __init__(self, url: str) -> None:
        self.url = url

    def messages(self, *, to: str = "", after: int = 0, wait: float = 0.0) -> list[dict[str, Any]]:
        """Return messages to `to`, newest first; waits up to `wait` seconds for one after number `after`."""
        query: dict[str, str | int | float] = {"to": to, "after": after, "wait": wait}
        answer = httpx.get(f"{self.url}/messages.json", params=query, timeout=wait + 10)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["messages"]
        return found

    def link(self, *, to: str, containing: str = "", after: int = 0, wait: float = 20.0) -> str:
        """Return the first link with `containing` in a message to `to`, the newest message first.

        Raises:
            NoMailError: if none comes within `wait` seconds after the last message that had none.
        """
        found = self._search(lambda text: _link(text, containing), to=to, after=after, wait=wait)
        if not found:
            raise NoMailError(f"no message to {to} with a link containing {containing!r} came")
        return found

    def find(self, pattern: str, *, to: str, after: int = 0, wait: float = 20.0) -> str:
        """Return the first group of `pattern` in a message to `to`, the newest message first.

        Raises:
            NoMailError: if no such message comes.
        """
        sought = re.compile(pattern)

        def search(message: dict[str, Any]) -> str:
            match = sought.search(message["text"])
            return match.group(1) if match else ""

        found = self._search(search, to=to, after=after, wait=wait)
        if not found:
            raise NoMailError(f"no message to {to} that says {pattern!r} came")
        return found

    def code(self, *, to: str, after: int = 0, wait: float = 20.0) -> str:
        """Return the code of digits in the newest message to `to`.

        Raises:
            NoMailError: if no message with a code comes.
        """
        return self.find(_CODE.pattern, to=to, after=after, wait=wait)

    def _search(self, search: Callable[[dict[str, Any]], str], *, to: str, after: int, wait: float) -> str:
        known = after
        while True:
            messages = self.messages(to=to, after=known, wait=wait)
            if not messages:
                return ""
            for message in messages:
                found = search(message)
                if found:
                    return found
            known = max(message["number"] for message in messages)


def _link(message: dict[str, Any], containing: str) -> str:
    return next((str(link) for link in message["links"] if containing in link), "")
