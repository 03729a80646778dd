"""What the tests of streams of events share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scim import ScimWorld, a_scim_world

if TYPE_CHECKING:
    from kernel.database import Database


@pytest.fixture
def world(gateway_database: Database) -> ScimWorld:
    """Give a SCIM service whose clients hear of events; the test runs on both dialects."""
    return a_scim_world(gateway_database)


@pytest.fixture
def sqlite_world(sqlite_gateway_database: Database) -> ScimWorld:
    """Give one on SQLite, for what no database can change."""
    return a_scim_world(sqlite_gateway_database)
