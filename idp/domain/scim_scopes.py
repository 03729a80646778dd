"""Scopes of SCIM: what a client may do to which type of resource (RFC 7644 §7.4, O4).

``scim.read`` and ``scim.write`` hold for every type, the finer ones for one; writing includes reading.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

READ: Final = "scim.read"
WRITE: Final = "scim.write"
USERS_READ: Final = "scim.users.read"
USERS_WRITE: Final = "scim.users.write"
GROUPS_READ: Final = "scim.groups.read"
GROUPS_WRITE: Final = "scim.groups.write"
SCOPES: Final = (READ, WRITE, USERS_READ, USERS_WRITE, GROUPS_READ, GROUPS_WRITE)

_INCLUDED: Final = {
    WRITE: (READ, USERS_READ, USERS_WRITE, GROUPS_READ, GROUPS_WRITE),
    READ: (USERS_READ, GROUPS_READ),
    USERS_WRITE: (USERS_READ,),
    GROUPS_WRITE: (GROUPS_READ,),
}
_EITHER: Final = {READ: frozenset({USERS_READ, GROUPS_READ}), WRITE: frozenset({USERS_WRITE, GROUPS_WRITE})}


@lru_cache(maxsize=256)
def included(granted: frozenset[str]) -> frozenset[str]:
    """Return every scope that the granted ones amount to; what is right for all types is so for the whole."""
    found = granted.union(*(_INCLUDED.get(each, ()) for each in granted))
    return found.union(whole for whole, parts in _EITHER.items() if parts <= found)


def may(granted: frozenset[str], scope: str, *, any_type: bool = False) -> bool:
    """Tell whether the granted scopes allow what needs ``scope``.

    ``any_type`` says that one type of resource is enough, where the parts of a request are judged later.
    """
    found = included(granted)
    return scope in found or (any_type and not found.isdisjoint(_EITHER[scope]))
