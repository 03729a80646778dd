"""The operations of a PATCH read before the models meet them, with what a client's profile takes.

What comes out has lower-case member names and a lower-case ``op``; a value that names its attributes by paths
has become one operation for each; types are those of the published schemas (:mod:`lenient_resources`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scim2_models import (
    InvalidPathException,
    InvalidSyntaxException,
    InvalidValueException,
    MutabilityException,
    PayloadTooLargeException,
)

from scim.domain.catalogue import Attribute, Catalogue
from scim.domain.documents import member_of
from scim.domain.enterprise import MANAGER, MANAGER_PATH
from scim.domain.lenient_resources import ResourceReader
from scim.domain.patch_effort import require_readable
from scim.domain.patch_operations import MOST_OPERATIONS, NO_ATTRIBUTE, NO_OPERATION, OPERATIONS, TOO_MANY
from scim.domain.profile import Tolerance

Operation = dict[str, Any]
_PATH = re.compile(r"(?P<head>[^\[]*)(?P<selection>\[.*\])?(?:\.(?P<part>\$?\w+))?", re.DOTALL)
_NAMES = re.compile(r"(?:[^\s\[\]]+:)?[A-Za-z$][\w$-]*(?:\.[A-Za-z$][\w$-]*)?", re.ASCII)
"""What stands before a selection: an attribute, or a part of one (RFC 7644 §3.10)."""
_MEMBERS = frozenset({"op", "path", "value"})
_NO_VALUE = "A remove has no 'value': its path says what goes."


def lenient_operations(
    operations: Iterable[Mapping[str, Any]], catalogue: Catalogue, tolerance: Tolerance, *, own_id: str
) -> list[Operation]:
    """Return the operations as the standard writes them; those that are to change nothing are left out.

    ``own_id`` is the id of the resource that is changed.

    Raises:
        SCIMException: for what the profile does not take, whatever the resource.
    """
    reader = _PatchReader(catalogue, tolerance, own_id)
    found: list[Operation] = []
    for operation in operations:
        for each in reader.read(operation):
            if len(found) == MOST_OPERATIONS:  # a value may name as many paths as it likes
                raise PayloadTooLargeException(detail=TOO_MANY)
            found.append(each)
    return found


@dataclass(frozen=True, slots=True)
class _Target:
    """What a path leads to: an attribute or a part of one, or a whole extension by its URN."""

    attribute: Attribute | None = None
    head: Attribute | None = None
    extension: str = ""
    selects: bool = False
    has_part: bool = False

    @property
    def is_list(self) -> bool:
        """Tell whether the path leads to a multi-valued attribute as a whole."""
        return self.attribute is not None and self.attribute.multi and not self.selects

    @property
    def name(self) -> str:
        """What the attribute is called."""
        return self.attribute.name if self.attribute is not None else ""

    @property
    def is_known(self) -> bool:
        """Tell whether the path leads to an attribute or an extension of the type."""
        return self.attribute is not None or bool(self.extension)

    @property
    def is_complex(self) -> bool:
        """Tell whether the path leads to an attribute that consists of sub-attributes."""
        return self.attribute is not None and self.attribute.is_complex

    def is_repeated_by(self, value: Any) -> bool:  # noqa: ANN401 - JSON
        """Tell whether a remove that also states ``value`` says no more by it than by its path.

        What a selection chooses, or what has no parts, goes as a whole anyway. Elsewhere the value could name
        one part, so it has to be the attribute's ``value`` itself, alone or in a list of one.
        """
        if self.extension or self.attribute is None:
            return False
        if self.selects or not self.attribute.is_complex:
            return True
        stated = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(stated, dict):
            stated = member_of(stated, "value")
        return "value" in self.attribute.parts and isinstance(stated, str)


class _PatchReader:
    def __init__(self, catalogue: Catalogue, tolerance: Tolerance, own_id: str) -> None:
        self._catalogue = catalogue
        self._tolerance = tolerance
        self._own_id = own_id
        self._resources = ResourceReader(catalogue, tolerance)

    def read(self, operation: Mapping[str, Any]) -> Iterator[Operation]:
        names: Operation = {name.lower(): value for name, value in operation.items()}
        if not self._tolerance.unknown_attributes and not names.keys() <= _MEMBERS:
            raise InvalidSyntaxException(detail="An operation has 'op', 'path' and 'value' and nothing else.")
        names["op"] = self._op(names.get("op"))
        path = names.get("path")
        if path is None or (isinstance(path, str) and path.strip().lower() == self._catalogue.schema.lower()):
            yield from self._pathless(names)
        elif isinstance(path, str):
            yield from self._single(names, self._full_name(path.strip()))
        else:
            raise InvalidValueException(detail="'path' must be text.")

    def _op(self, op: Any) -> str:  # noqa: ANN401 - JSON
        known = op.lower() if isinstance(op, str) else ""
        if not self._tolerance.capitalised_operations and (known != op or known not in OPERATIONS):
            raise InvalidSyntaxException(detail="'op' must be add, remove or replace, in lower case.")
        if known not in OPERATIONS:
            raise InvalidValueException(detail=NO_OPERATION)
        return known

    def _pathless(self, names: Operation) -> Iterator[Operation]:
        """Give one operation for all attributes that the value names plainly, and one for each path in it."""
        if not self._tolerance.pathless_operations:
            raise InvalidSyntaxException(detail="An operation must have a 'path'.")
        value = self._unlisted(names.get("value"))
        if names["op"] == "remove" or value is None:
            yield names
            return
        plain: dict[str, Any] = {}
        paths: list[tuple[str, Any]] = []
        named = _that_names_attributes(value)
        stated = self._added(named) if names["op"] == "add" else named
        for called, each in stated.items():
            name = self._full_name(called)
            if self._is_own_id(name, each) or self._is_password(name) or self._is_ignored(name):
                continue
            if self._is_path(name):
                if self._leads_somewhere(name):
                    paths.append((name, each))
            elif self._unassigns(each):
                paths.append((name, each))
            else:
                _refuse_unassigning(self._catalogue.find(None, name), each)
                plain[name] = self._resources.member(name, each)
        if plain or not value:
            yield {"op": names["op"], "value": plain}
        for name, each in paths:
            yield from self._single({"op": names["op"], "value": each}, name)

    def _unlisted(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the object in a list of one that stands in its place, if the profile takes that."""
        listed = isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict)
        return value[0] if listed and self._tolerance.listed_attributes else value

    def _full_name(self, name: str) -> str:
        """Return what is called ``name`` by the name that the schemas give it."""
        is_manager = name.lower() == "manager" and self._catalogue.knows(MANAGER)
        return MANAGER if is_manager and self._tolerance.plain_manager else name

    def _alone(self, target: _Target, value: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the manager in a list of one that stands in its place, if the profile takes that."""
        is_manager = target.attribute is not None and target.attribute.path == MANAGER_PATH
        listed = is_manager and self._tolerance.plain_manager and isinstance(value, list) and len(value) == 1
        return value[0] if listed else value

    def _added(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return what an add states of several attributes: null adds nothing, and takes nothing away."""
        for name, each in value.items():
            _refuse_unassigning(self._catalogue.find(None, name), each)
        return dict(_without_nulls(value))

    def _single(self, names: Operation, path: str) -> Iterator[Operation]:
        """Give the operation on one path, or none if it is to change nothing."""
        if self._is_password(path):
            return
        target = self._target(path)
        if "value" in names:
            names = names | {"value": self._alone(target, names["value"])}
        operation = names | {"path": path}
        if target.selects and not target.has_part:
            self._refuse_whole_entry(names["op"], target)
        replaces = names["op"] == "replace"
        if names["op"] == "remove":
            self._read_removal(target, operation)
        elif self._takes_away(target, names.get("value", ...), replaces=replaces):
            operation = {"op": "remove", "path": path}
        elif "value" in names:
            stated = names["value"] if replaces else _without_nulls(names["value"])
            operation["value"] = self._value(target, stated, replaces=replaces)
        if target.attribute is target.head and not target.selects and operation["op"] != "add":
            gone = operation["op"] == "remove"
            _refuse_unassigning(target.attribute, None if gone else operation.get("value", ...))
        yield operation

    def _read_removal(self, target: _Target, operation: Operation) -> None:
        """Read what a remove says by its value, if it may say anything by it."""
        value = operation.get("value")
        if value is None:
            return
        if not self._tolerance.removal_by_value:
            raise InvalidValueException(detail=_NO_VALUE)
        if target.is_list and not target.is_complex:
            operation["value"] = _as_entries(value)
        elif not target.is_list and target.is_known:
            if not target.is_repeated_by(value):
                raise InvalidValueException(detail=_NO_VALUE)
            del operation["value"]

    def _takes_away(self, target: _Target, value: Any, *, replaces: bool) -> bool:  # noqa: ANN401 - JSON
        """Tell whether a value means that the target is removed; an empty text never removes a list (J8)."""
        if target.is_list:
            if value == "":
                raise InvalidValueException(detail=f"The value of '{target.name}' must be a list.")
            return False
        null = bool(target.extension) and replaces and value is None  # no value, as RFC 7643 §2.5 has it
        return null or self._unassigns(value, target.attribute)

    def _target(self, path: str) -> _Target:
        """Return where ``path`` leads; an unknown target is refused, or ignored, later."""
        require_readable(path)
        if path.lower() in self._catalogue.extensions:
            return _Target(extension=path)
        match = _PATH.fullmatch(path)
        written = match["head"] if match else path
        uri, _, bare = written.rpartition(":")
        name, _, inner = bare.partition(".")
        head = self._catalogue.find(uri or None, name)
        part = (match["part"] if match and match["selection"] else "") or inner
        attribute = head.parts.get(part.lower()) if head is not None and part else head
        is_path = match is not None and _NAMES.fullmatch(written) is not None
        if attribute is None and is_path and not self._tolerance.unknown_attributes:
            raise InvalidSyntaxException(detail=NO_ATTRIBUTE)  # what is no path at all is refused further on
        return _Target(attribute, head, selects=bool(match and match["selection"]), has_part=bool(part))

    def _value(self, target: _Target, value: Any, *, replaces: bool) -> Any:  # noqa: ANN401 - JSON
        if target.extension:
            return self._resources.extension(target.extension, value)
        if target.attribute is None:
            return value
        if target.selects and not target.has_part:
            return self._resources.single(target.attribute, value)
        read = (self._resources.part if target.has_part else self._resources.value)(target.attribute, value)
        whole = replaces and not self._tolerance.merging_replace
        if whole and target.attribute.is_complex and not target.attribute.multi and isinstance(read, dict):
            named = {name.lower() for name in read}
            parts = target.attribute.parts.items()
            read |= {part.name: None for name, part in parts if name not in named and not part.is_read_only}
        return read

    def _refuse_whole_entry(self, op: str, target: _Target) -> None:
        """Refuse a path to an entry as a whole; a member goes by one, for nothing else takes one out."""
        is_member = op == "remove" and target.head is not None and target.head.path == "members"
        if not self._tolerance.whole_entry_paths and not is_member:
            raise InvalidPathException(detail="'path' must name a part of the entry that it selects.")

    def _is_path(self, name: str) -> bool:
        """Tell whether a name in a value is a path: dotted, selecting, or with a schema before it."""
        lowered = name.lower()
        if lowered in self._catalogue.extensions:
            return False
        return ":" in name or "." in name or "[" in name

    def _leads_somewhere(self, name: str) -> bool:
        """Tell whether a path in a value leads to an attribute; if not, it is ignored, or refused here."""
        target = self._target(name)
        if target.attribute is None:
            self._resources.refuse_unknown(name)
        return target.attribute is not None

    def _is_ignored(self, name: str) -> bool:
        """Tell whether a name in a value is to be ignored, as no attribute has it; or refuse it for that."""
        if self._is_path(name) or self._catalogue.knows(name):
            return False
        self._resources.refuse_unknown(name)
        return True

    def _is_own_id(self, name: str, value: Any) -> bool:  # noqa: ANN401 - JSON
        return self._tolerance.own_id_in_patch and name.lower() == "id" and value == self._own_id

    def _is_password(self, name: str) -> bool:
        return self._tolerance.ignored_passwords and name.lower() in {
            "password",
            f"{self._catalogue.schema}:password".lower(),
        }

    def _unassigns(self, value: Any, attribute: Attribute | None = None) -> bool:  # noqa: ANN401 - JSON
        """Tell whether a value means that its target is removed: an empty text, or a complex value of one."""
        if not self._tolerance.empty_text_unassigns:
            return False
        if isinstance(value, dict) and len(value) == 1 and attribute is not None and attribute.is_complex:
            (name, value), *_ = value.items()
            return name.lower() == "value" and not value
        return isinstance(value, str) and not value


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an object without its members that are null, in every depth; anything else as it is."""
    if not isinstance(value, dict):
        return value
    return {name: _without_nulls(each) for name, each in value.items() if each is not None}


def _as_entries(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    """Return the values that a remove names as entries, each under ``value``."""
    stated = value if isinstance(value, list) else [value]
    return [each if isinstance(each, dict) else {"value": each} for each in stated]


def _that_names_attributes(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the value of an operation without a path, or refuse what names no attributes (H5, N6)."""
    if not isinstance(value, dict):
        raise InvalidValueException(
            detail="Without a 'path' the 'value' must be an object that names attributes."
        )
    return value


def _refuse_unassigning(attribute: Attribute | None, value: Any) -> None:  # noqa: ANN401 - JSON
    """Refuse to remove a required attribute; the error names it (H6, N6)."""
    if attribute is not None and attribute.is_required and (value is None or value == []):
        raise MutabilityException(detail=f"'{attribute.name}' is required and cannot be removed.")
