"""Handing one event token to its receiver (RFC 8935 §2.1)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.domain.security_events import SET_MEDIA_TYPE, refusal_of
from kernel.fetch import Fetcher, NotFetched
from kernel.retry_after import wait_asked_for

_TAKEN = frozenset({200, 202, 204})


@dataclass(frozen=True, slots=True)
class Taken:
    """The receiver has the event."""


@dataclass(frozen=True, slots=True)
class NeverTaken:
    """The receiver will not have the event, now or later."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The receiver could not be reached or is in trouble; ``wait`` is what it asked for, if anything."""

    reason: str
    wait: dt.timedelta | None = None


def push_event(
    fetcher: Fetcher, url: str, token: str, *, authorization: str, now: dt.datetime
) -> Taken | NeverTaken | NotTaken:
    """POST ``token`` to ``url``, guarded as every address that somebody else chose."""
    headers = {"Content-Type": SET_MEDIA_TYPE, "Accept": "application/json"}
    if authorization:
        headers["Authorization"] = authorization
    answer = fetcher.post(url, token.encode("ascii"), headers=headers)
    if isinstance(answer, NotFetched):
        return NotTaken(f"not reached: {answer.reason}")
    if answer.status in _TAKEN:
        return Taken()
    refusal = refusal_of(answer.status, _object(answer.body))
    if refusal:
        return NeverTaken(refusal)
    return NotTaken(f"answered {answer.status}", wait_asked_for(answer.retry_after, now=now))


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
