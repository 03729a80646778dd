"""An index stands behind every foreign key that anybody walks backwards, in the tables of both systems."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import ForeignKeyConstraint, Index, MetaData, Table, UniqueConstraint

import idp.storage.tables
import kernel.tables
import keys.storage.tables
import registration.storage.tables
from tests.architecture.sources import ROOT

SYSTEMS = (
    idp.storage.tables.METADATA,
    kernel.tables.METADATA,
    keys.storage.tables.METADATA,
    registration.storage.tables.METADATA,
)

PARENT_STAYS = {
    ("account", "scope_org_id"): "no organization is ever deleted, nor asked for its accounts",
    ("draft", "organization_id"): "no organization is ever deleted, nor asked for its drafts",
    ("request", "account_id"): "no account is ever deleted, nor asked for its requests",
    ("request", "person_id"): "no person is ever deleted, nor asked for her requests",
    ("signed_in_session", "account_id"): "no account is ever deleted; sessions end by the Gateway's sid",
    ("access_grant", "access_role_key"): "no role of the catalogue is ever deleted, nor asked for its grants",
}
"""Foreign keys without an index, and why each insert is spared one. Nothing may delete their parents."""


def foreign_keys() -> list[tuple[Table, ForeignKeyConstraint]]:
    return [
        (table, constraint)
        for metadata in SYSTEMS
        for table in metadata.sorted_tables
        for constraint in table.foreign_key_constraints
    ]


def _serves_every_row(index: Index) -> bool:
    """A partial index finds every child only if it leaves out nothing but those without a parent."""
    where = index.dialect_options["postgresql"]["where"]
    return where is None or re.fullmatch(r"\S+ IS NOT NULL", str(where)) is not None


def _leading(table: Table, *, partial: bool) -> set[str]:
    found = [
        list(each.columns)
        for each in table.constraints
        if isinstance(each, UniqueConstraint) or each is table.primary_key
    ]
    found += [list(each.columns) for each in table.indexes if partial or _serves_every_row(each)]
    return {columns[0].name for columns in found if columns}


def test_every_foreign_key_has_an_index() -> None:
    """Where rows go with their parent, deleting it must not read the whole table of its children."""
    bare = [
        (table.name, key.columns[0].name)
        for table, key in foreign_keys()
        if _leading(table, partial=key.ondelete is None).isdisjoint(column.name for column in key.columns)
    ]
    assert sorted(bare) == sorted(PARENT_STAYS)


def test_what_has_no_index_never_loses_its_parent() -> None:
    """The reason why an index is missing is true: no statement deletes the table that it points to."""
    parents = {
        key.referred_table.name
        for table, key in foreign_keys()
        if (table.name, key.columns[0].name) in PARENT_STAYS
    }
    deletes = re.compile(rf"delete\((?:tables\.)?({'|'.join(parents)})\b|\b({'|'.join(parents)})\.delete\(")
    sources = sorted((ROOT / "registration").rglob("*.py"))
    assert sources
    assert [path.name for path in sources if deletes.search(path.read_text(encoding="utf-8"))] == []


def test_no_index_holds_a_version() -> None:
    """A group raises the versions of thousands of accounts: none of their index entries is written for that."""
    account = idp.storage.tables.account
    held = {
        name
        for index in account.indexes
        for name in re.findall(
            r"\w+", f"{[each.name for each in index.columns]} {index.dialect_options['postgresql']['where']}"
        )
    }
    assert "updated_at" in held
    assert "version" not in held


@pytest.mark.parametrize("metadata", SYSTEMS)
def test_no_index_stands_twice(metadata: MetaData) -> None:
    """One that begins as another goes on is paid for by every insert and used by nobody."""
    for table in metadata.sorted_tables:
        plain = [
            [column.name for column in each.columns]
            for each in table.indexes
            if not each.unique and each.dialect_options["postgresql"]["where"] is None
        ]
        plain.append([column.name for column in table.primary_key.columns])
        for one in plain:
            longer = [other for other in plain if other is not one and other[: len(one)] == one]
            assert longer == [], f"{table.name}: {one} is the beginning of {longer}"
