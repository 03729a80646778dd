"""The databases of the tests: fresh, alike and apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect, text

from tests.support.clock import a_store

if TYPE_CHECKING:
    from kernel.clock import FrozenClock
    from kernel.database import Database
    from tests.support.databases import Databases, Schema


@pytest.mark.parametrize("schema", ["kernel", "gateway", "registration"])
def test_a_fresh_database_has_the_tables_of_its_system(databases: Databases, schema: Schema) -> None:
    database = databases.new(schema)
    assert database.dialect == databases.dialect
    assert {"audit_event", "courier_message", "rate_limit"} <= set(inspect(database.engine).get_table_names())


def test_two_nodes_share_one_database_and_two_databases_share_nothing(databases: Databases) -> None:
    url = databases.url("kernel")
    first, second, other = databases.open(url), databases.open(url), databases.new("kernel")
    with first.write() as connection:
        connection.execute(text("CREATE TABLE seen (it INTEGER)"))
    assert inspect(second.engine).has_table("seen")
    assert not inspect(other.engine).has_table("seen")


def test_a_store_stands_on_a_test_database(kernel_database: Database, clock: FrozenClock) -> None:
    store = a_store(kernel_database, clock=clock)
    with store.write() as unit:
        assert unit.now == clock.now()
