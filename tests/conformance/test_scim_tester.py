"""scim2-tester, the community's checks, against the service in process: the floor, not the goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from tests.support.scim import BASE, a_scim_world
from tests.support.scim_live import scim2_tester

if TYPE_CHECKING:
    from kernel.database import Database


def test_scim2_tester_finds_nothing_to_blame(gateway_database: Database) -> None:
    """135 checks on users, the enterprise extension and groups, as discovered: none failed, none skipped."""
    world = a_scim_world(gateway_database)
    order = ScimClientOrder("tester", "")
    assert store_scim_client(world.services, order, actor=SYSTEM) == ScimClientStored()
    found = scim2_tester(world.lane, BASE, world.token("tester"))
    assert not found.blamed, list(found.blamed.values())
    assert found.passed >= 130
