"""scim2-tester, the community's checks, against the service in process: the floor, not the goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.scim import BASE, a_scim_world
from tests.support.scim_live import scim2_tester

if TYPE_CHECKING:
    from kernel.database import Database


def test_scim2_tester_finds_nothing_to_blame(gateway_database: Database) -> None:
    """135 checks on users, the enterprise extension and groups, none failed, none skipped."""
    world = a_scim_world(gateway_database)
    found = scim2_tester(world.lane, BASE, world.token())
    assert not found.blamed, list(found.blamed.values())
    assert found.passed >= 130
