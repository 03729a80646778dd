"""Entity tags: the version of a resource on the wire, and what requests demand (RFC 7644 §3.14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAG = re.compile(r'\s*(?:W/|w/)?(?:"([^"]*)"|([^,]*?))\s*(?:,|$)')


def entity_tag(version: int) -> str:
    """Return the tag of a version; weak, for the bytes may differ where the meaning does not."""
    return f'W/"{version}"'


@dataclass(frozen=True, slots=True)
class Condition:
    """The tags of one conditional header; ``any`` is ``*``."""

    tags: frozenset[str] = frozenset()
    any: bool = False

    def meets(self, version: int) -> bool:
        """Tell whether the resource at ``version`` is among the tags, by weak comparison."""
        return self.any or str(version) in self.tags


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request demands of the version it is for: one of ``match``, and none of ``none_match``."""

    match: Condition | None = None
    none_match: Condition | None = None

    def meets(self, version: int) -> bool:
        """Tell whether the request may go on at ``version`` (RFC 9110 §13.2.2)."""
        if self.match is not None and not self.match.meets(version):
            return False
        return self.none_match is None or not self.none_match.meets(version)


def read_demand(match: str, none_match: str = "") -> Demand | None:
    """Return what ``If-Match`` and ``If-None-Match`` demand of a resource that exists, or None if nothing.

    ``If-Match: *`` demands no more than that it exists.
    """
    wanted, unwanted = read_condition(match), read_condition(none_match)
    if wanted is not None and wanted.any:
        wanted = None
    return None if wanted is None and unwanted is None else Demand(wanted, unwanted)


def read_condition(header: str) -> Condition | None:
    """Return the condition of an ``If-Match`` or ``If-None-Match`` header, or None if there is none."""
    if not header.strip():
        return None
    found: set[str] = set()
    for quoted, bare in _TAG.findall(header):
        if bare == "*":
            return Condition(any=True)
        if quoted or bare:
            found.add(quoted or bare)
    return Condition(frozenset(found))
