"""What RFC 7643 and docs/scim.md say of users, groups and managers, held in memory: an oracle for walks by chance.

It knows nothing of the product. A client's resources are one :class:`Model`; what they read as is computed anew
from what was stated, each time it is asked.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def folded(text: str) -> str:
    """Return the form under which names are compared (docs/scim.md): NFKC, case folded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@dataclass
class Stated:
    """A user or a group as its client stated it: attributes by name, and the ids of the members of a group."""

    kind: str
    attributes: dict[str, Any]
    members: set[str] = field(default_factory=set)

    def copy(self) -> Stated:
        """Return one that can be changed by itself."""
        return Stated(self.kind, dict(self.attributes), set(self.members))

    @property
    def name(self) -> str:
        """What others call it by: a user by the display name, if it has one."""
        return str(self.attributes.get("displayName") or self.attributes["userName"])

    @property
    def unique_name(self) -> str:
        """The form of the name that nobody else may have."""
        return folded(self.attributes["userName" if self.kind == "User" else "displayName"])


@dataclass
class Model:
    """The resources of one client, by id."""

    known: dict[str, Stated] = field(default_factory=dict)

    def ids(self, kind: str) -> list[str]:
        """Return the ids of one type, in the order in which they were made."""
        return [each for each, stated in self.known.items() if stated.kind == kind]

    def within(self, group: str) -> set[str]:
        """Return everybody and every group in a group, in all levels."""
        found: set[str] = set()
        waiting = [group]
        while waiting:
            new = self.known[waiting.pop()].members - found
            found |= new
            waiting += [each for each in new if self.known[each].members]
        return found

    def groups_of(self, user: str) -> dict[str, str]:
        """Return the groups that a user is in, each once: ``direct`` or ``indirect`` (J5)."""
        around = [each for each in self.ids("Group") if user in self.within(each)]
        return {each: "direct" if user in self.known[each].members else "indirect" for each in around}

    def takes(self, group: str, members: set[str]) -> bool:
        """Tell whether these may be the members: known ones, and no group in itself (J2, J3)."""
        inside = {each for member in members & self.known.keys() for each in {member} | self.within(member)}
        return members <= self.known.keys() and group not in inside

    def forget(self, gone: str) -> None:
        """Delete a resource: no group has it as a member any more, and it leads nobody (I1)."""
        del self.known[gone]
        for stated in self.known.values():
            stated.members.discard(gone)
            if stated.attributes.get("manager") == gone:
                del stated.attributes["manager"]

    def reads(self, one: str) -> dict[str, Any]:
        """Return what the resource reads as: lists without an order as sets, a manager by id and name."""
        stated = self.known[one]
        shown: dict[str, Any] = dict(stated.attributes)
        if stated.kind == "Group":
            return shown | {"members": {(each, self.known[each].kind) for each in stated.members}}
        if "manager" in shown:
            shown["manager"] = (shown["manager"], self.known[shown["manager"]].name)
        groups = self.groups_of(one).items()
        return shown | {"groups": {(each, self.known[each].name, kind) for each, kind in groups}}


def as_read(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource of an answer in the form of :meth:`Model.reads`."""
    left_out = {"id", "schemas", "meta", ENTERPRISE, "groups", "members"}
    shown = {name: value for name, value in resource.items() if name not in left_out}
    if resource["meta"]["resourceType"] == "Group":
        return shown | {"members": {(each["value"], each["type"]) for each in resource.get("members", ())}}
    extension = dict(resource.get(ENTERPRISE, {}))
    manager = extension.pop("manager", None)
    if manager is not None:
        shown["manager"] = (manager["value"], manager["displayName"])
    groups = {(each["value"], each["display"], each["type"]) for each in resource.get("groups", ())}
    return shown | extension | {"groups": groups}
