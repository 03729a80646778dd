"""A provider for each test of its endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.oidc import Op, an_op

if TYPE_CHECKING:
    from kernel.database import Database


@pytest.fixture
def op(sqlite_gateway_database: Database) -> Op:
    """Give a provider on SQLite."""
    return an_op(sqlite_gateway_database)


@pytest.fixture
def op_on_both(gateway_database: Database) -> Op:
    """Give a provider; the test runs on both dialects."""
    return an_op(gateway_database)
