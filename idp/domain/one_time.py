"""One-time secrets: what each is for, how long it lives, and what it is made of.

A link's secret has 256 bits and is stored as its digest (RC-04). A mailed code has six digits, is stored
as a keyed digest bound to its flow, and lives for minutes (NIST SP 800-63B-4 §3.1.3).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Purpose(StrEnum):
    """What a one-time secret opens; one for another purpose never does."""

    ACTIVATION = "activation"
    MAILBOX_CODE = "mailbox-code"


LIFETIME: Mapping[Purpose, dt.timedelta] = MappingProxyType(
    {
        Purpose.ACTIVATION: dt.timedelta(days=90),  # G-14
        Purpose.MAILBOX_CODE: dt.timedelta(minutes=10),
    }
)

CODE_DIGITS = 6
RESEND_AFTER = dt.timedelta(seconds=30)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE = re.compile(r"[0-9]{6}")


def is_token(text: str) -> bool:
    """Tell whether ``text`` has the form of a link's secret; anything else never reaches the database."""
    return bool(_TOKEN.fullmatch(text))


def is_code(text: str) -> bool:
    """Tell whether ``text`` is six ASCII digits and nothing else (MF-02)."""
    return bool(_CODE.fullmatch(text))


def code_from(number: int) -> str:
    """Return the code of a number below one million; leading zeros stay (MF-12)."""
    return f"{number:0{CODE_DIGITS}d}"


def is_live(*, used_at: dt.datetime | None, expires_at: dt.datetime, now: dt.datetime) -> bool:
    """Tell whether a secret still opens its door at ``now``.

    The last instant of the lifetime is already too late, so that a store may compare with ``>`` and agree
    with this rule (RC-07).
    """
    return used_at is None and expires_at > now
