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
