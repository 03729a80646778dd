"""One sorted list over several types of resources: whose turn it is, place by place (RFC 7644 §3.4.2, F1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, String, Subquery, Text, cast, literal, null, select, union_all

from idp.domain.query import Interleaving, Place, Search, Stretch
from idp.storage.orders import Order, order_of, owned
from idp.storage.pages import count
from idp.storage.search import Space


def interleaved(
    connection: Connection, asked: Sequence[tuple[Space, Search]], *, source: str
) -> Interleaving:
    """Return how the resources that ``asked`` finds follow one another; all ask for one page in one order."""
    search = asked[0][1]
    walk = search.walk
    further = 0 if walk is None else 1  # one more than asked for tells whether there is more
    whole = _turns(asked, source, length=search.offset + search.limit + further)
    rows = list(connection.execute(whole.offset(search.offset).limit(search.limit + further)))
    more = len(rows) > search.limit
    del rows[search.limit :]
    total = 0
    if walk is None or walk.counts:
        total = sum(count(connection, space, each, source) for space, each in asked)
    if walk is not None and walk.back:
        rows.reverse()
    places = [Place(row.value, row.id) for row in rows]
    stretch = Stretch(places[0], places[-1]) if places else None
    return Interleaving(tuple((row.kind, row.id) for row in rows), total, stretch, more)


def _turns(asked: Sequence[tuple[Space, Search]], source: str, *, length: int) -> Select[Any]:
    """Return the statement of type, value and id in the order of the list, ``length`` of a type at most."""
    orders = [order_of(space, search.sort) for space, search in asked]
    walk = asked[0][1].walk
    back = walk is not None and walk.back
    whole = union_all(
        *(
            select(_of_one(kind, orders, space, search, source, length))
            for kind, (space, search) in enumerate(asked)
        )
    ).subquery("turns")
    terms = (whole.c.value.is_(None), whole.c.value, whole.c.id)
    if orders[0].descending != back:
        return select(whole).order_by(*(term.desc() for term in terms))
    return select(whole).order_by(*terms)


def _of_one(
    kind: int, orders: Sequence[Order], space: Space, search: Search, source: str, length: int
) -> Subquery:
    order, walk = orders[kind], search.walk
    value = order.value if order.value is not None else _no_value(orders)
    found = select(literal(kind).label("kind"), value.label("value"), order.id.label("id"))
    found = found.select_from(order.source).where(*owned(space, search, source))
    if walk is not None and walk.place is not None:
        found = found.where(order.behind(walk.place, back=walk.back))
    back = walk is not None and walk.back
    return found.order_by(*order.terms(reverse=back)).limit(length).subquery()


def _no_value(orders: Sequence[Order]) -> Any:  # noqa: ANN401 - a column of any type
    """Return NULL of the type that the other types of resource have the value in."""
    kind = next((order.value.type for order in orders if order.value is not None), Text())
    return cast(null(), Text() if isinstance(kind, String) else kind)
