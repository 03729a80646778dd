"""A PATCH of a group, read so that its members never need to be (J4).

Operations on members become one net change of sets; an operation on the source's version alone becomes
the fence; what is left goes through scim2-models' PatchOp on the group without its members.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scim2_models import (
    InvalidFilterException,
    InvalidValueException,
    MutabilityException,
    NoTargetException,
    PayloadTooLargeException,
)

from idp.domain.group import MOST_MEMBERS_PER_CHANGE, MemberChange
from scim.domain.documents import LARGEST_INTEGER
from scim.domain.member_selection import Selection, read_selection
from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA
from scim.domain.patch_effort import Effort
from scim.domain.patch_operations import NO_OPERATION, OPERATIONS, SEVERAL_SELECTED

_MEMBERS = re.compile(
    rf"(?:{re.escape(GROUP_SCHEMA)}:)?members(?:\[(?P<filter>.*)\])?(?P<part>\.\$?\w+)?",
    re.IGNORECASE | re.DOTALL,
)
_FENCE = f"{GROUP_EXTENSION}:sourceVersion".lower()


@dataclass(frozen=True, slots=True)
class GroupPatch:
    """What a PATCH of a group asks for.

    ``rest`` are the operations on anything but members, in their wire form; ``by_rows`` tells that they do
    no more than raise the fence, so that the group's attributes need not be read. ``selects`` tells that
    ``members`` is incomplete: the operations have to be read again with the members the group has.
    """

    members: MemberChange = field(default_factory=MemberChange)
    source_version: int | None = None
    rest: tuple[Mapping[str, Any], ...] = ()
    by_rows: bool = True
    selects: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """The members that a group has: the ``type`` of each, by its id.

    ``kind_of`` tells the type of one that only comes with the request, empty of one that is left out; it is
    asked once about each.
    """

    kinds: Mapping[str, str]
    kind_of: Callable[[str], str]
    _told: dict[str, str] = field(default_factory=dict)

    def after(self, change: MemberChange) -> dict[str, str]:
        """Return the members that the group has once ``change`` is made."""
        kept = (self.kinds.keys() if change.whole is None else change.whole) - change.removed
        found = {each: self.kinds.get(each) or self._kind(each) for each in kept | change.added}
        return {each: kind for each, kind in found.items() if kind}

    def _kind(self, member_id: str) -> str:
        if member_id not in self._told:
            self._told[member_id] = self.kind_of(member_id)
        return self._told[member_id]


def read_group_patch(
    operations: Iterable[Mapping[str, Any]],
    *,
    held: Held | None = None,
    selects_several: bool = True,
    effort: Effort | None = None,
) -> GroupPatch:
    """Return what the ``operations`` of a PATCH ask for, one after the other.

    A selection by anything but ids is put to ``held``, the members of the group; without
    ``selects_several`` it may meet one of them at most. ``effort`` counts what that costs the request.

    Raises:
        SCIMException: if an operation on members cannot be done, whatever else the group is.
    """
    reader = _Reader(held, effort or Effort(), selects_several=selects_several)
    for operation in operations:
        reader.read({name.lower(): value for name, value in operation.items()}, operation)
    rest = tuple(reader.rest)
    return GroupPatch(reader.change, reader.fence, rest, by_rows=not reader.other, selects=reader.selects)


class _Reader:
    def __init__(self, held: Held | None, effort: Effort, *, selects_several: bool) -> None:
        self.change = MemberChange()
        self.fence: int | None = None
        self.rest: list[Mapping[str, Any]] = []
        self.other = False
        self.selects = False
        self._held = held
        self._selects_several = selects_several
        self._named = 0
        self._effort = effort

    def read(self, names: Mapping[str, Any], operation: Mapping[str, Any]) -> None:
        op = names.get("op")
        op = op.lower() if isinstance(op, str) else ""
        if op not in OPERATIONS:
            raise InvalidValueException(detail=NO_OPERATION)
        path, value = names.get("path"), names.get("value", ...)
        if isinstance(path, str) and (match := _MEMBERS.fullmatch(path.strip())):
            self._members(op, match["filter"], match["part"], value)
            return
        if path is None and isinstance(value, dict):
            value = self._without_members(op, value)
            if not value:
                return
            operation = {"op": op, "value": value}
        self.rest.append(operation)
        fence = _fence_of(op, path, value)
        if fence is None:
            self.other = True
        else:
            self.fence = fence

    def _without_members(self, op: str, value: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, each in value.items():
            if name.lower() in {"members", f"{GROUP_SCHEMA}:members".lower()}:
                if op == "remove":
                    raise NoTargetException(detail="A remove needs a path.")
                self._members(op, None, None, each)
            else:
                kept[name] = each
        return kept

    def _members(self, op: str, selection: str | None, part: str | None, value: Any) -> None:  # noqa: ANN401 - JSON
        if part is not None:
            raise MutabilityException(detail="The parts of a member cannot be changed.")
        if selection is not None:
            if op != "remove":
                raise MutabilityException(detail="A member cannot be changed, only added and removed.")
            self.change = self.change.remove(self._selected(read_selection(selection)))
        elif op == "remove":
            # Without a value the whole attribute goes; with one, Microsoft Entra names whom to remove, and
            # who names nobody removes nobody.
            none = value is None or value is ...
            ids: frozenset[str] = frozenset() if none else self._count(_ids(value))
            self.change = self.change.replace(ids) if none else self.change.remove(ids)
        elif value is ... or (op == "add" and value is None):
            raise InvalidValueException(detail=f"{'An add' if op == 'add' else 'A replace'} needs a value.")
        elif op == "add":
            self.change = self.change.add(self._count(_ids(value)))
        else:
            self.change = self.change.replace(self._count(_ids([] if value is None else value)))

    def _selected(self, selection: Selection) -> frozenset[str]:
        if selection.named is not None:
            ids = self._count(selection.named)
            if self._selects_several or len(ids) < 2:
                return ids
        if self._held is None:
            self.selects = True
            return frozenset()
        members = self._held.after(self.change)
        self._effort.spend_on_members(selection.terms * max(len(members), len(self._held.kinds)))
        met = selection.among(members)
        if len(met) > 1 and not self._selects_several:
            raise InvalidFilterException(detail=SEVERAL_SELECTED)
        return met

    def _count(self, ids: frozenset[str]) -> frozenset[str]:
        self._named += len(ids)
        if self._named > MOST_MEMBERS_PER_CHANGE:
            raise PayloadTooLargeException(
                detail=f"A request may name {MOST_MEMBERS_PER_CHANGE} members at most."
            )
        return ids


def split_members(body: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return a group's body without its members, and the ids of the members it names.

    Raises:
        InvalidValueException: if an entry names no account.
    """
    rest: dict[str, Any] = {}
    members: frozenset[str] = frozenset()
    for name, value in body.items():
        if name.lower() == "members":
            members = _ids([] if value is None else value)
        else:
            rest[name] = value
    return rest, members


def _ids(value: Any) -> frozenset[str]:  # noqa: ANN401 - JSON
    entries = value if isinstance(value, list) else [value]
    return frozenset(_id(entry) for entry in entries)


def _id(entry: Any) -> str:  # noqa: ANN401 - JSON
    names = {name.lower(): value for name, value in entry.items()} if isinstance(entry, dict) else {}
    stated = names.get("value")
    if not isinstance(stated, str) or not stated:
        raise InvalidValueException(detail="Each of 'members' needs a 'value': the id of an account.")
    return stated


def _fence_of(op: str, path: Any, value: Any) -> int | None:  # noqa: ANN401 - JSON
    """Return the version an operation states when that is all it does."""
    if op == "remove":
        return None
    if isinstance(path, str) and path.lower() == _FENCE:
        stated = value
    elif isinstance(path, str) and path.lower() == GROUP_EXTENSION.lower():
        stated = _only(value, "sourceversion")
    elif path is None:
        inner = _only(value, GROUP_EXTENSION.lower())
        stated = _only(inner, "sourceversion") if inner is not None else _only(value, _FENCE)
    else:
        return None
    is_number = isinstance(stated, int) and not isinstance(stated, bool)
    return stated if is_number and 0 <= stated <= LARGEST_INTEGER else None


def _only(value: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and len(value) == 1:
        stated, inner = next(iter(value.items()))
        return inner if stated.lower() == name else None
    return None
