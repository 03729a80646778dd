"""How much a page may hold: resources are as many as are asked for, unless they are too large together.

A document of a usual size comes with its row; a larger one is measured first, and read only if the page as a
whole may have it. So what a page costs has a bound, whatever its resources hold (RFC 7644 §3.4.2.4 lets a
page have fewer than were asked for).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, case, func, select, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from idp.domain.query import Heavy, Record
from idp.storage.members import entries_of
from idp.storage.nesting import memberships
from idp.storage.search import ACCOUNTS, GROUPS, Space
from kernel.listed import listed

LARGEST_PAGE = 8_388_608
"""Bytes of the documents on a page, unless one alone has more."""

MOST_LINKS = 50_000
"""Members, or groups of users, on a page, unless one resource alone has more."""

_LARGE = LARGEST_PAGE // 1024
_DOCUMENT = 3  # its place in a record


class _Size(FunctionElement[int]):
    """The bytes of a text, which both databases know without reading it, unlike its characters."""

    inherit_cache = True
    name = "size_of"
    type = Integer()


@compiles(_Size, "sqlite")
def _size_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy
    return f"length(CAST({compiler.process(element.clauses, **options)} AS BLOB))"


@compiles(_Size, "postgresql")
def _size_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    return f"octet_length({compiler.process(element.clauses, **options)})"


def _statements(space: Space) -> tuple[Any, Any]:
    table, named = space.table, space.id.in_(listed())
    measured = select(space.id, _Size(table.c.document)).where(named)
    return measured, select(space.id, table.c.document).where(named)


_BY_ID = {space.table.name: _statements(space) for space in (ACCOUNTS, GROUPS)}


def light_document(space: Space) -> ColumnElement[Any]:
    """Return the document as a column of a page: NULL where it is so large that it is measured first."""
    document = space.table.c.document
    return case((_Size(document) <= _LARGE, document)).label("document")


def whole_records(
    connection: Connection, space: Space, rows: Sequence[Sequence[Any]]
) -> tuple[Record, ...] | Heavy:
    """Return the records of a page from the columns of each, or how many of the first of them fit."""
    large = sorted(row[0] for row in rows if row[_DOCUMENT] is None)
    if not large:
        return tuple(Record(*row) for row in rows)
    measured, read = _BY_ID[space.table.name]
    sizes: dict[str, int] = _pairs(connection, measured, large)
    weights = (
        sizes.get(row[0], 0) if row[_DOCUMENT] is None else len(row[_DOCUMENT].encode()) for row in rows
    )
    fits = _fitting(weights, LARGEST_PAGE)
    if fits < len(rows):
        return Heavy(fits)
    documents: dict[str, str] = _pairs(connection, read, large)
    whole = (
        row if row[_DOCUMENT] is not None else (*row[:_DOCUMENT], documents[row[0]], *row[_DOCUMENT + 1 :])
        for row in rows
    )
    return tuple(Record(*row) for row in whole)


def fitting_accounts(connection: Connection, ids: Collection[str]) -> Heavy:
    """Return how many of the first accounts have no more groups together than a page may tell."""
    return _with_links(connection, _GROUPS_OF, ids)


def fitting_groups(connection: Connection, ids: Collection[str]) -> Heavy:
    """Return how many of the first groups have no more members together than a page may tell."""
    return _with_links(connection, _MEMBERS_OF, ids)


def _counted(found: Any) -> Any:  # noqa: ANN401 - a subquery whose first column is the owner of the link
    owner = next(iter(found.c))
    return select(owner, func.count()).group_by(owner)


_GROUPS_OF = _counted(memberships(lambda owner: owner.in_(listed())).subquery())
_MEMBERS_OF = _counted(union_all(*entries_of(lambda owner: owner.in_(listed()))).subquery())


def _with_links(connection: Connection, counted: Any, ids: Collection[str]) -> Heavy:  # noqa: ANN401 - a statement
    links: dict[str, int] = _pairs(connection, counted, sorted(ids))
    return Heavy(_fitting((links.get(each, 0) for each in ids), MOST_LINKS))


def _pairs(connection: Connection, statement: Any, ids: Sequence[str]) -> dict[str, Any]:  # noqa: ANN401 - a statement
    return {row[0]: row[1] for row in connection.execute(statement, {"ids": ids})}


def _fitting(weights: Iterable[int], most: int) -> int:
    """Return how many of the first weigh no more than ``most`` together; one always fits."""
    return max(sum(1 for total in accumulate(weights) if total <= most), 1)
