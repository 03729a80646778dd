"""The order in which a bulk job can be done, and the names its operations use for one another (K2).

A POST may be named by its ``bulkId`` wherever another operation states an id: in a value, at the end of a
``$ref``, in the selection of a PATCH path, in the path of the operation. What is named is made first. Where
operations name one another in a circle (RFC 7644 §3.7.1) they are one step: each is made without the names
that have no id yet, and those are added once all have one.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scim.domain.bulk import Operation

_PREFIX = "bulkId:"
_AT_THE_END = re.compile(r"(?P<before>.*?/)bulkId:(?P<name>.*?)/?", re.DOTALL)
_SELECTED = re.compile(r'"bulkId:(?P<name>[^"\\]*)"')
_Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Step:
    """Operations, by place in the job, that are done together; ``is_circle`` if they name one another."""

    places: tuple[int, ...]
    is_circle: bool


def plan(operations: Sequence[Operation]) -> tuple[Step, ...]:
    """Return the steps of a job: the order of the request, but what is named comes before what names it.

    Every operation is in one step. Operations that name one another, directly or around, are one step.
    """
    makers = {operation.defines: place for place, operation in enumerate(operations) if operation.defines}
    needs = [
        sorted(makers[name] for name in references(operation) if name in makers) for operation in operations
    ]
    return tuple(
        Step(places, is_circle=len(places) > 1 or places[0] in needs[places[0]])
        for places in _components(needs)
    )


def _components(needs: Sequence[Sequence[int]]) -> Iterator[tuple[int, ...]]:
    """Yield the strongly connected components, each after all it needs (Tarjan 1972, without recursion)."""
    walk = _Walk(needs)
    for root in range(len(needs)):
        if root not in walk.number:
            yield from walk.all_from(root)


class _Walk:
    """A depth-first walk: ``number`` is when a place was met, ``low`` the earliest place it leads back to."""

    def __init__(self, needs: Sequence[Sequence[int]]) -> None:
        self.number: dict[int, int] = {}
        self._needs = needs
        self._low: dict[int, int] = {}
        self._open: dict[int, None] = {}
        self._path: list[tuple[int, Iterator[int]]] = []

    def all_from(self, root: int) -> Iterator[tuple[int, ...]]:
        self._enter(root)
        while self._path:
            place, following = self._path[-1]
            new = self._next_new(place, following)
            if new is not None:
                self._enter(new)
                continue
            self._path.pop()
            if self._path:
                above = self._path[-1][0]
                self._low[above] = min(self._low[above], self._low[place])
            if self._low[place] == self.number[place]:
                yield self._closed(place)

    def _enter(self, place: int) -> None:
        self.number[place] = self._low[place] = len(self.number)
        self._open[place] = None
        self._path.append((place, iter(self._needs[place])))

    def _next_new(self, place: int, following: Iterator[int]) -> int | None:
        for needed in following:
            if needed not in self.number:
                return needed
            if needed in self._open:
                self._low[place] = min(self._low[place], self.number[needed])
        return None

    def _closed(self, root: int) -> tuple[int, ...]:
        found: list[int] = []
        while not found or found[-1] != root:
            found.append(self._open.popitem()[0])
        return tuple(sorted(found))


def is_reference(value: str) -> bool:
    """Tell whether ``value`` names a resource by the ``bulkId`` of the operation that makes it."""
    return value.startswith(_PREFIX)


def references(operation: Operation) -> frozenset[str]:
    """Return the names of resources of this job that the operation uses (K2)."""
    found: set[str] = set()

    def note(name: str) -> str:
        found.add(name)
        return name

    if operation.fault is None:
        _translated(operation.path, note, "$ref")
        _translated(operation.data, note)
    return frozenset(found)


def resolved(operation: Operation, ids: Mapping[str, str]) -> Operation:
    """Return the operation with ids in the place of the names that have one."""

    def translate(name: str) -> str:
        return ids.get(name, _PREFIX + name)

    return dataclasses.replace(
        operation,
        path=_translated(operation.path, translate, "$ref"),
        data=_translated(operation.data, translate),
    )


def _translated(value: Any, translate: _Translate, name: str = "") -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return _translated_text(value, translate, name)
    if isinstance(value, list):
        return [_translated(each, translate, name) for each in value]
    if isinstance(value, dict):
        return {key: _translated(inner, translate, key.lower()) for key, inner in value.items()}
    return value


def _translated_text(text: str, translate: _Translate, name: str) -> str:
    if _PREFIX not in text:
        return text
    if text.startswith(_PREFIX):
        return translate(text.removeprefix(_PREFIX))
    if name == "$ref":
        match = _AT_THE_END.fullmatch(text)
        return text if match is None else match["before"] + translate(match["name"])
    if name == "path":
        return _SELECTED.sub(lambda match: f'"{translate(match["name"])}"', text)
    return text


def without_unmade(
    operation: Operation, unmade: frozenset[str]
) -> tuple[Operation, tuple[dict[str, Any], ...]]:
    """Return a POST without what names resources that are not made yet, and the adds that state it later.

    A whole attribute is taken out, of the resource or of an extension; of a multi-valued one only the values
    that hold such a name.
    """
    rest: dict[str, Any] = {}
    adds: list[dict[str, Any]] = []
    for name, value in (operation.data or {}).items():
        if ":" in name and isinstance(value, dict):
            inner: dict[str, Any] = {}
            for part, held in value.items():
                _split(f"{name}:{part}", part, held, unmade, inner, adds)
            if inner:
                rest[name] = inner
        else:
            _split(name, name, value, unmade, rest, adds)
    return dataclasses.replace(operation, data=rest), tuple(adds)


def _split(
    path: str,
    name: str,
    value: Any,  # noqa: ANN401 - JSON
    unmade: frozenset[str],
    rest: dict[str, Any],
    adds: list[dict[str, Any]],
) -> None:
    if isinstance(value, list):
        late = [each for each in value if _names_any(each, unmade)]
        kept = [each for each in value if not _names_any(each, unmade)] if late else value
        if late:
            adds.append({"op": "add", "path": path, "value": late})
        if kept or not late:
            rest[name] = kept
    elif _names_any(value, unmade):
        adds.append({"op": "add", "path": path, "value": value})
    else:
        rest[name] = value


def _names_any(value: Any, names: frozenset[str]) -> bool:  # noqa: ANN401 - JSON
    found = False

    def look(name: str) -> str:
        nonlocal found
        found = found or name in names
        return name

    _translated(value, look)
    return found
