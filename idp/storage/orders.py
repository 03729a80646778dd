"""The order of a list of provisioned resources: by a value, and by id among equals (D8, F1, F5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, literal, or_, true, tuple_

from idp.domain.query import Place, Search, Sort
from idp.storage.search import Space, compiled, has

_OPTIONAL = frozenset({"externalid", "switchyard:sourceversion"})  # of the attributes with a column


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list: by value, those without one last, then by id; or all of it the other way round.

    ``lacks`` says that no resource of this type has the value: what others have it comes before or behind.
    """

    source: Any
    id: ColumnElement[Any]
    value: ColumnElement[Any] | None = None
    may_lack: bool = False
    descending: bool = False
    lacks: bool = False

    def terms(self, *, reverse: bool) -> tuple[ColumnElement[Any], ...]:
        """Return what to order by, or by the opposite."""
        terms: tuple[ColumnElement[Any], ...] = (self.id,)
        if self.value is not None:
            terms = (self.value, self.id)
            if self.may_lack:
                terms = (self.value.is_(None), *terms)
        return tuple(term.desc() for term in terms) if self.descending != reverse else terms

    def behind(self, place: Place, *, back: bool) -> ColumnElement[bool]:
        """Return the condition that a resource comes behind ``place``, or before it on the way back."""
        down = self.descending != back
        if self.lacks and place.value is not None:
            return false() if down else true()
        if self.value is None:
            return self.id < place.id if down else self.id > place.id
        if place.value is None:
            lacking = and_(self.value.is_(None), self.id < place.id if down else self.id > place.id)
            return or_(lacking, self.value.is_not(None)) if down else lacking
        here = tuple_(self.value, self.id)
        there = tuple_(literal(place.value, self.value.type), literal(place.id, self.id.type))
        if down or not self.may_lack:
            return here < there if down else here > there
        return or_(here > there, self.value.is_(None))


def order_of(space: Space, sort: Sort | None) -> Order:
    """Return the order that ``sort`` asks for; by id where it asks for none."""
    if sort is None or sort.path == "id":
        return Order(space.table, space.id, descending=sort is not None and sort.descending)
    if not sort.path:
        return Order(space.table, space.id, descending=sort.descending, lacks=True)
    column = space.columns.get(sort.path)
    if column is not None:
        if sort.path == "switchyard:sourceversion":  # the column is never empty, stated or not
            column = case((has(space, sort.path), column))
        return Order(space.table, space.id, column, sort.path in _OPTIONAL, sort.descending)
    first = space.values.alias("sorted")  # the primary entry, or else the first, is kept as number 0
    found = and_(first.c[space.owner.name] == space.id, first.c.path == sort.path, first.c.item == 0)
    source = space.table.outerjoin(first, found)
    return Order(source, space.id, first.c.value, may_lack=True, descending=sort.descending)


def owned(space: Space, search: Search, source: str) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on the resources of ``source`` that a search is for."""
    of_source = space.table.c.source == source
    return (of_source,) if search.condition is None else (of_source, compiled(space, search.condition))
