"""What the tests of the SCIM face share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scim import ScimWorld, a_scim_world

if TYPE_CHECKING:
    from kernel.database import Database


@pytest.fixture
def world(gateway_database: Database) -> ScimWorld:
    """Give a SCIM service; the test runs on both dialects."""
    return a_scim_world(gateway_database)


@pytest.fixture
def postgresql_world(postgresql_gateway_database: Database) -> ScimWorld:
    """Give a SCIM service on PostgreSQL, for whole tables that run row by row on SQLite."""
    return a_scim_world(postgresql_gateway_database)


@pytest.fixture
def sqlite_world(sqlite_gateway_database: Database) -> ScimWorld:
    """Give a SCIM service on SQLite, for what no database can change."""
    return a_scim_world(sqlite_gateway_database)
