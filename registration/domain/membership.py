"""Effective membership: an account is in a group exactly as long as something gives it that access (I-18).

A source is an open grant, or an open contact role that implies the access role. Ending one source leaves the
membership while another remains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

GRANT: Final = "grant"


@dataclass(frozen=True, slots=True)
class Source:
    """One reason for a membership: ``by`` is ``grant`` or the key of the contact role that implies it."""

    access_role: str
    by: str = GRANT


class Effect(StrEnum):
    """What a change of sources does to a membership."""

    JOINS = "joins"
    LEAVES = "leaves"
    STAYS = "stays"
    NONE = "none"


def sources_by_role(sources: Iterable[Source]) -> dict[str, frozenset[str]]:
    """Group sources: access role to the set of what gives it. Absent means no membership."""
    grouped: dict[str, set[str]] = {}
    for source in sources:
        grouped.setdefault(source.access_role, set()).add(source.by)
    return {role: frozenset(by) for role, by in grouped.items()}


def effect(before: frozenset[str], after: frozenset[str]) -> Effect:
    """Tell what going from one set of sources to another does to the membership."""
    if bool(before) == bool(after):
        return Effect.STAYS if before != after else Effect.NONE
    return Effect.JOINS if after else Effect.LEAVES


def effects(before: Iterable[Source], after: Iterable[Source]) -> Mapping[str, Effect]:
    """Return the effect for every access role that either side names, in the order of its key."""
    old, new = sources_by_role(before), sources_by_role(after)
    return {
        role: effect(old.get(role, frozenset()), new.get(role, frozenset()))
        for role in sorted(old.keys() | new.keys())
    }
