"""Reads JSON that strangers wrote: nothing gets in that neither a text nor a database can hold."""

from __future__ import annotations

import json
from typing import Any, Never


def read_json(raw: str | bytes) -> Any:  # noqa: ANN401 - JSON
    """Return the value of a JSON text (RFC 8259), whose texts are texts (RFC 7493 §2.1).

    Raises:
        ValueError: if it is none, or holds NaN, an infinity, a zero character or a lone surrogate.
        RecursionError: if it is nested too deep.
    """
    found = json.loads(raw, parse_constant=_no_number)
    waiting = [found]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str) and "\x00" in each:
            raise ValueError("a zero character")
        elif isinstance(each, str):
            each.encode()  # refuses a lone surrogate
    return found


def _no_number(_text: str) -> Never:
    raise ValueError("no number of JSON")
