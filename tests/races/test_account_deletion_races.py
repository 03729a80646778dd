"""An account is deleted at the very moment somebody adds it to a group or calls it a manager."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from idp.storage.members import add_members
from idp.storage.provisioning_log import Range, keep_requests, page_of_all
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from tests.support.scim import ScimWorld, a_group, a_scim_world, a_user
from tests.support.together import done_or_waiting, statuses, together

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.databases import Databases
    from tests.support.scim import Answer

THREADS = 16
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SOURCE = "registration-worker"
pytestmark = pytest.mark.race


def test_who_is_added_to_a_group_meanwhile_leaves_it(postgresql_gateway_database: Database) -> None:
    """I1, L1: the deletion waits for who adds it, and the group that had the member gets another version.

    On SQLite nobody writes beside somebody else, so this cannot be.
    """
    world = a_scim_world(postgresql_gateway_database)
    user = world.post("/Users", a_user())["id"]
    made = world.post("/Groups", a_group())
    with ThreadPoolExecutor(1) as pool:
        with world.services.store.write() as unit:
            assert add_members(unit.connection, made["id"], [user], source=SOURCE, now=unit.now) == {user}
            deletion = pool.submit(world.delete, f"/Users/{user}")
            done_or_waiting(postgresql_gateway_database, deletion)
            assert not deletion.done()
        assert deletion.result(60).status == 204
    group = world.get(f"/Groups/{made['id']}")
    assert "members" not in group.json()
    assert group.headers["etag"] != made.headers["etag"]


def test_a_refusal_that_is_being_recorded_meanwhile_tells_no_name(
    postgresql_gateway_database: Database,
) -> None:
    """I3: the deletion waits for the batch, which another node may write, and wipes the names in it.

    On SQLite nobody writes beside somebody else, so this cannot be.
    """
    world = a_scim_world(postgresql_gateway_database)
    user = world.post("/Users", a_user())["id"]
    assert world.post("/Users", a_user()).status == 409
    [waits] = world.services.requests._waiting.values()
    with ThreadPoolExecutor(1) as pool:
        with world.services.store.write() as unit:
            keep_requests(unit.connection, [(waits.record, waits.subjects)])
            deletion = pool.submit(world.delete, f"/Users/{user}")
            done_or_waiting(postgresql_gateway_database, deletion)
        assert deletion.result(60).status == 204
    with world.services.store.read() as connection:
        told = page_of_all(connection, Range())
    named = sorted((each.status, each.name, each.external_id) for each in told)
    assert named == [(201, "", ""), (204, "", ""), (409, "", "")]


def test_who_is_called_a_manager_meanwhile_leads_nobody(databases: Databases) -> None:
    """C9, I1: whoever states the manager before its deletion loses it, whoever does after is refused."""
    world = _world(databases)
    for turn in range(3):
        boss = world.post("/Users", a_user(f"boss{turn}"))["id"]
        users = [world.post("/Users", a_user(f"u{turn}-{n}"))["id"] for n in range(THREADS - 1)]
        manager = {"op": "add", "path": f"{ENTERPRISE}:manager", "value": {"value": boss}}

        def act(number: int) -> Answer:
            if number == THREADS // 2:
                return world.delete(f"/Users/{boss}")  # noqa: B023 - called within its turn
            return world.patch(f"/Users/{users[number - (number > THREADS // 2)]}", manager)  # noqa: B023

        answers = together(THREADS, act)
        assert answers.pop(THREADS // 2).status == 204
        assert {each.status for each in answers} <= {200, 400}
        for user in users:
            assert "manager" not in world.get(f"/Users/{user}").json().get(ENTERPRISE, {})


def test_who_goes_meanwhile_stops_no_group_that_does_without_it(databases: Databases) -> None:
    """I1, J2: deleted before, after or at the very moment: it is in no group, and everybody else comes."""
    world = _world(databases)
    order = ScimClientOrder(SOURCE, "", extension=True, leave_out_unknown_members=True)
    assert store_scim_client(world.services, order, actor=SYSTEM) == ScimClientStored()
    for turn in range(3):
        gone, *users = (world.post("/Users", a_user(f"u{turn}-{n}"))["id"] for n in range(THREADS))
        groups = [world.post("/Groups", a_group(f"role{turn}-{n}"))["id"] for n in range(THREADS - 1)]

        def act(number: int) -> Answer:
            if number == 0:
                return world.delete(f"/Users/{gone}")  # noqa: B023 - called within its turn
            value = [{"value": gone}, {"value": users[number - 1]}]  # noqa: B023
            add = {"op": "add", "path": "members", "value": value}
            return world.patch(f"/Groups/{groups[number - 1]}", add)  # noqa: B023

        assert statuses(together(THREADS, act)) == [200] * (THREADS - 1) + [204]
        for group, user in zip(groups, users, strict=True):
            assert [each["value"] for each in world.get(f"/Groups/{group}")["members"]] == [user]


def test_who_goes_from_group_to_group_meanwhile_leaves_them_all(databases: Databases) -> None:
    """I1, L1: it comes, goes and is deleted at once; no tag of a group stands for two lists of members."""
    world = _world(databases)
    for turn in range(3):
        user = world.post("/Users", a_user(f"u{turn}"))["id"]
        groups = [world.post("/Groups", a_group(f"role{turn}-{n}"))["id"] for n in range(THREADS // 4)]
        value = [{"value": user}]
        changes = [{"op": kind, "path": "members", "value": value} for kind in ("add", "remove")]

        def act(number: int) -> list[Answer]:
            if number == THREADS // 2:
                return [world.delete(f"/Users/{user}")]  # noqa: B023 - called within its turn
            path = f"/Groups/{groups[number % len(groups)]}"  # noqa: B023
            return [world.patch(path, changes[(number + step) % 2]) for step in range(2)]  # noqa: B023

        answers = together(THREADS, act)
        assert answers.pop(THREADS // 2)[0].status == 204
        told = [each for several in answers for each in several if each.status == 200]
        for group in groups:
            now = world.get(f"/Groups/{group}")
            assert "members" not in now.json()
            seen = {each.headers["etag"]: "members" in each.json() for each in told if each["id"] == group}
            assert not seen.get(now.headers["etag"], False)


def _world(databases: Databases) -> ScimWorld:
    world = a_scim_world(databases.gateway(pool_size=THREADS))
    world.token()
    return world
