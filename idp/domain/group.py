"""Groups: one per organization and access role, and what a membership opens."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

MOST_MEMBERS_PER_CHANGE = 1_000
MOST_GROUPS_WITHIN = 1_000
"""So many groups may be in one, directly and around."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group as it is stored; its members are rows of their own."""

    id: str
    source: str
    external_id: str | None
    display_name: str
    organization_id: str
    organization_short_name: str
    access_role_key: str
    access_role_name: str
    application_key: str
    account_kinds: tuple[str, ...]
    source_version: int
    version: int
    document: str
    created_at: dt.datetime
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One row of the ``access`` claim: for which organization an account holds which access role."""

    org: str
    org_name: str
    role: str
    role_name: str
    application_key: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a group as others see it; ``kind`` is ``User`` or ``Group``."""

    member_id: str
    display_name: str
    kind: str = "User"


@dataclass(frozen=True, slots=True)
class Membership:
    """A group an account is in; ``kind`` is ``direct``, or ``indirect`` through a group that is in it."""

    account_id: str
    group_id: str
    display_name: str
    kind: str


@dataclass(frozen=True, slots=True)
class MemberChange:
    """The net effect of one request on the members of a group, as sets of ids of accounts and groups.

    ``whole`` is the complete new list, or None when members are only added and removed. An id stands in
    one of ``added`` and ``removed`` at most (RFC 7644 §3.5.2, set semantics).
    """

    whole: frozenset[str] | None = None
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Tell that the request says nothing about members."""
        return self.whole is None and not self.added and not self.removed

    @property
    def wanted(self) -> frozenset[str]:
        """Everybody who is to be in the group because of the request."""
        return self.added if self.whole is None else self.whole

    def add(self, ids: frozenset[str]) -> MemberChange:
        """Return the change that also adds ``ids``."""
        if self.whole is not None:
            return MemberChange(whole=self.whole | ids)
        return MemberChange(None, self.added | ids, self.removed - ids)

    def remove(self, ids: frozenset[str]) -> MemberChange:
        """Return the change that also removes ``ids``; who is no member stays none."""
        if self.whole is not None:
            return MemberChange(whole=self.whole - ids)
        return MemberChange(None, self.added - ids, self.removed | ids)

    def replace(self, ids: frozenset[str]) -> MemberChange:
        """Return the change that leaves exactly ``ids``, whatever was said before."""
        return MemberChange(whole=ids)


@dataclass(frozen=True, slots=True)
class GroupsOf:
    """The groups of an account by their display names, the first twenty, and how many ``more`` there are."""

    names: tuple[str, ...]
    more: int
