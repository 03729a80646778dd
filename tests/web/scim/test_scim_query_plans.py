"""How the databases find what a filter, an order or a cursor asks for: lines E7, F5, D8."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from idp.domain.query import Place, Search, Sort, Walk
from idp.storage.pages import page_statement
from idp.storage.search import ACCOUNTS, GROUPS, Space
from scim.domain.catalogue import GROUPS as GROUP_ATTRIBUTES
from scim.domain.catalogue import USERS as USER_ATTRIBUTES
from scim.domain.catalogue import Attribute, Catalogue
from scim.domain.filters import compile_filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.database import Database

KINDS = ((USER_ATTRIBUTES, ACCOUNTS), (GROUP_ATTRIBUTES, GROUPS))
VALUES = {
    "boolean": "true",
    "integer": "3",
    "dateTime": '"2026-01-01T00:00:00Z"',
    "binary": '"eA=="',
    "string": '"x"',
    "reference": '"x"',
}
UNANSWERABLE = {
    "meta.location",
    "meta.version",
    "groups.$ref",
    "members.$ref",
    "members.display",
    "enterprise:manager.$ref",
}
CONSTANT = {"meta.resourcetype"}
SHARED_BY_MANY = {"active", "groups.type", "members.type"}
"""Half of all resources meet such a comparison: a page of them is read in the order of the list."""


def _leaves(catalogue: Catalogue) -> Iterator[tuple[str, Attribute]]:
    for attribute in catalogue.every():
        extension = attribute.schema in catalogue.extension_names.values()
        name = f"{attribute.schema}:{attribute.name}" if extension else attribute.name
        for leaf in attribute.leaves():
            if leaf.path not in UNANSWERABLE | CONSTANT:
                yield (f"{name}.{leaf.name}" if leaf is not attribute else name), leaf


def _plan(database: Database, space: Space, search: Search) -> list[str]:
    statement = page_statement(space, search, source="reg")
    with database.read() as connection:
        bound = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        if database.dialect == "postgresql":
            # A planner reads a small table whole, rightly; what is asked is whether indexes can serve.
            connection.execute(text("SET enable_seqscan = off"))
            explained = connection.exec_driver_sql(f"EXPLAIN {bound}".replace("%", "%%"))
            return list(explained.scalars())
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {bound}")]


def _reads_whole_table(plan: list[str]) -> bool:
    return any(line.startswith("SCAN") or "Seq Scan" in line for line in plan)


def test_an_index_stands_behind_every_attribute(gateway_database: Database) -> None:
    """E7: for every attribute of the catalogue the plan reaches the rows through indexes, on either dialect."""
    for catalogue, space in KINDS:
        for name, attribute in _leaves(catalogue):
            search = Search(compile_filter(f"{name} eq {VALUES[attribute.type]}", catalogue), limit=2)
            plan = _plan(gateway_database, space, search)
            assert not _reads_whole_table(plan), (name, plan)
            if gateway_database.dialect == "sqlite" and attribute.path not in SHARED_BY_MANY:
                assert not any(line.endswith("(source=?)") for line in plan), (name, plan)


PREFERRED = {
    'userName eq "u7"': "user_name_key",
    'userName sw "u7"': "user_name_key",
    'externalId eq "acct:u7"': "external_id",
    'emails[type eq "work" and value eq "u7@acme.example"]': "(path=? AND value=?)",
    'emails[type eq "work" and value sw "u7"]': "(path=? AND value>? AND value<?)",
    'emails[type eq "work" and value co "u7"]': "ix_account_value_search (path=?)",
    'emails[not (type eq "work")]': "(path>? AND path<?)",
    'groups[value eq "x" and type eq "direct"]': "membership",
    'groups.display eq "x"': "account_group_display_name_key",
    "groups pr": "membership",
    "title pr": "account_value",
    "active eq false": "source_inactive",
    'meta.lastModified gt "2026-06-01T13:00:00Z"': "source_updated_at",
    'meta.created eq "2026-06-01T13:00:00Z"': "source_created_at",
    'userName eq "a" or externalId eq "b" or emails.value eq "c"': "account_value",
}


def test_the_right_index_stands_behind_a_filter(gateway_database: Database) -> None:
    """E7: what clients ask most, what has rows of its own, what few have; and through a disjunction."""
    for condition, index in PREFERRED.items():
        search = Search(compile_filter(condition, USER_ATTRIBUTES), limit=2)
        plan = _plan(gateway_database, ACCOUNTS, search)
        assert not _reads_whole_table(plan), (condition, plan)
        if gateway_database.dialect == "sqlite":  # without rows, PostgreSQL finds any index as good
            assert any(index in line for line in plan), (condition, plan)


@pytest.mark.parametrize("path", ["", "id", "username", "meta.created", "meta.lastmodified"])
@pytest.mark.parametrize("down", [False, True])
def test_a_page_by_cursor_begins_at_its_place(
    sqlite_gateway_database: Database, path: str, *, down: bool
) -> None:
    """F5: the index is entered at the place; nothing before it is read, and nothing is sorted."""
    sort = Sort(path, descending=down) if path else None
    for back in (False, True):
        walk = Walk(Place(None if path in {"", "id"} else "x", "y"), back, counts=False)
        plan = _plan(sqlite_gateway_database, ACCOUNTS, Search(limit=100, sort=sort, walk=walk))
        assert len(plan) == 1, plan
        assert ">" in plan[0] or "<" in plan[0], plan
