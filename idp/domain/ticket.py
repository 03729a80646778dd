"""The number of a request at the help desk, by which the audit leads to who asked for a deed, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass

# A number, so that nobody writes a name into the audit.
_TICKET = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9][A-Za-z0-9._/#-]{0,63}")


@dataclass(frozen=True, slots=True)
class BadTicket:
    """The ticket is no number of a request: a text could name somebody, and the audit names nobody."""


def is_ticket(text: str) -> bool:
    """Tell whether ``text`` can be such a number, or is empty: there is none."""
    return not text or bool(_TICKET.fullmatch(text))
