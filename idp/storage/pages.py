"""Provisioned resources as their source finds them: one by a unique attribute, or a page of many.

A page is found by how many come before it, or by a place in the list (RFC 9865): the latter costs the same
wherever it is, and neither loses nor repeats a resource when others are made or deleted meanwhile.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, func, null, select

from idp.domain.query import Compare, Heavy, Operator, Page, Place, Record, Search, Stretch, Walk
from idp.storage.orders import Order, order_of, owned
from idp.storage.page_weights import light_document, whole_records
from idp.storage.search import ACCOUNTS, GROUPS, Space, stored_text
from kernel.database import Database
from kernel.prepared import Prepared


def _record_columns(
    table: Table, document: ColumnElement[Any] | None = None
) -> tuple[ColumnElement[Any], ...]:
    return (
        table.c.id,
        table.c.version,
        table.c.source_version,
        table.c.document if document is None else document,
        stored_text(table.c.created_at),
        stored_text(table.c.updated_at),
    )


_UNIQUE = ("id", "externalid", "username")
_RECORD = {
    (space.table.name, path): Prepared(
        select(*_record_columns(space.table)).where(
            space.columns[path] == bindparam("key"), space.table.c.source == bindparam("source")
        )
    )
    for space in (ACCOUNTS, GROUPS)
    for path in _UNIQUE
    if path in space.columns
}


def find_record(
    database: Database, space: Space, key: str, *, source: str, path: str = "id"
) -> Record | None:
    """Return the resource with this id, or another unique attribute, if ``source`` owns it.

    Another's is not there (D1, O7).
    """
    row = _RECORD[space.table.name, path].first(database, key=key, source=source)
    return Record(*row) if row is not None else None


def find_record_within(connection: Connection, space: Space, key: str, *, source: str) -> Record | None:
    """Return the resource with this id as the transaction sees it, if ``source`` owns it."""
    rows = _RECORD[space.table.name, "id"].within(connection, key=key, source=source)
    return Record(*rows[0]) if rows else None


def unique_comparison(space: Space, search: Search) -> Compare | None:
    """Return the comparison a search consists of if it can find one resource at most."""
    asked = search.condition
    if (
        search.offset
        or search.walk is not None
        or not search.limit
        or not isinstance(asked, Compare)
        or asked.operator is not Operator.EQ
    ):
        return None
    return asked if (space.table.name, asked.path) in _RECORD else None


def find_page(connection: Connection, space: Space, search: Search, *, source: str) -> Page | Heavy:
    """Return a page of the resources of ``source``, in a stable order (D8).

    The total is counted only when the page itself does not tell it, and not where ``search.only`` says what
    is on the page, and in which order. One that would be too large is not read: it is told how many of its
    resources fit.
    """
    if search.only is not None:
        return _named(connection, space, search, search.only, source)
    if search.walk is not None:
        return _walked(connection, space, search, search.walk, source)
    statement = page_statement(space, search, source=source)
    rows = [row[1:] for row in connection.execute(statement)] if search.limit > 0 else []
    records = whole_records(connection, space, rows)
    if isinstance(records, Heavy):
        return records
    told = 0 < len(records) < search.limit or (search.offset == 0 and 0 < search.limit > len(records))
    if told:
        return Page(search.offset + len(records), records)
    return Page(count(connection, space, search, source), records)


def page_statement(space: Space, search: Search, *, source: str) -> Select[Any]:
    """Return the statement of a page; public so that its plan can be looked at.

    Its first column is the value that the list is sorted by.
    """
    order = order_of(space, search.sort)
    statement = _page_of(space, order).where(*owned(space, search, source))
    if search.walk is None:
        terms = order.terms(reverse=False)
        if not search.offset:
            return statement.order_by(*terms).limit(search.limit)
        # Who comes before the page is counted in an index and never read; only the page is looked up.
        ids = select(space.id).select_from(order.source).where(*owned(space, search, source))
        page = ids.order_by(*terms).offset(search.offset).limit(search.limit)
        return _page_of(space, order).where(space.id.in_(page)).order_by(*terms)
    if search.walk.place is not None:
        statement = statement.where(order.behind(search.walk.place, back=search.walk.back))
    # One more than asked for tells whether there is more.
    return statement.order_by(*order.terms(reverse=search.walk.back)).limit(search.limit + 1)


def _page_of(space: Space, order: Order) -> Select[Any]:
    value = order.value if order.value is not None else null()
    return select(value, *_record_columns(space.table, light_document(space))).select_from(order.source)


def _named(
    connection: Connection, space: Space, search: Search, ids: tuple[str, ...], source: str
) -> Page | Heavy:
    named = _page_of(space, order_of(space, None)).where(*owned(space, search, source), space.id.in_(ids))
    found = {row[1]: row[1:] for row in connection.execute(named)}
    records = whole_records(connection, space, [found[each] for each in ids if each in found])
    return records if isinstance(records, Heavy) else Page(0, records)


def _walked(connection: Connection, space: Space, search: Search, walk: Walk, source: str) -> Page | Heavy:
    rows = list(connection.execute(page_statement(space, search, source=source)))
    more = len(rows) > search.limit
    del rows[search.limit :]
    records = whole_records(connection, space, [row[1:] for row in rows])
    if isinstance(records, Heavy):
        return records
    if walk.back:
        rows.reverse()
        records = records[::-1]
    total = 0
    if walk.counts:
        whole = walk.place is None and not more
        total = len(rows) if whole else count(connection, space, search, source)
    places = [Place(row[0], row[1]) for row in rows]
    stretch = Stretch(places[0], places[-1]) if places else None
    return Page(total, records, stretch, more)


def count(connection: Connection, space: Space, search: Search, source: str) -> int:
    """Return how many resources of ``source`` meet the condition of a search."""
    counted = select(func.count()).select_from(space.table).where(*owned(space, search, source))
    return connection.execute(counted).scalar_one()
