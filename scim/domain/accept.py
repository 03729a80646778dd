"""Whether a client takes what is answered (RFC 9110 §12.5.1): the most specific media range decides."""

from __future__ import annotations

import re

SCIM = "application/scim+json"
_ALIASES = (SCIM, "application/json")
"""Either of these takes any answer of the service (RFC 7644 §3.8); refusing one refuses only that one."""
_NO_WEIGHT = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*", re.IGNORECASE)


def accepts(accept: str, media_type: str) -> bool:
    """Tell whether the Accept header ``accept`` takes ``media_type``; a weight of zero is a no (§12.4.2).

    Parameters other than the weight are not compared. A range that comes twice is taken if either says so.
    """
    wanted: dict[str, bool] = {}
    for each in accept.lower().split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        if name:
            wanted[name] = wanted.get(name, False) or not any(map(_NO_WEIGHT.fullmatch, parameters))
    if media_type in wanted:
        return wanted[media_type]
    if any(wanted.get(alias) for alias in _ALIASES):
        return True
    any_of_type = f"{media_type.partition('/')[0]}/*"
    return wanted.get(any_of_type, wanted.get("*/*", not wanted))
