"""scim2-tester, the community's checks, against the service in process: the floor, not the goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_models import EnterpriseUser, ResourceType, ScimProvider
from scim2_tester import Status, check_server

from scim.domain.models import CoreGroup, CoreUserWithoutPassword
from tests.support.scim import BASE, a_scim_world

if TYPE_CHECKING:
    from kernel.database import Database


def test_scim2_tester_finds_nothing_to_blame(gateway_database: Database) -> None:
    """135 checks on users, the enterprise extension and groups, none failed, none skipped.

    Our own extensions are left out of what it is told: its random values know neither that a source's
    version never falls nor what a network is.
    """
    world = a_scim_world(gateway_database)
    user = CoreUserWithoutPassword[EnterpriseUser]
    provider = ScimProvider(
        [CoreUserWithoutPassword, EnterpriseUser, CoreGroup],
        [ResourceType.from_resource(user), ResourceType.from_resource(CoreGroup)],
    )
    client = WSGISCIMClient(
        world.lane, base_url=BASE, headers={"Authorization": f"Bearer {world.token()}"}, provider=provider
    )
    results = check_server(client)
    blamed = [(each.title, each.reason) for each in results if each.status is not Status.SUCCESS]
    assert blamed == []
    assert len(results) >= 130
