"""One member more or less, of one group, by many at once and on several nodes: all stand, and each is counted."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from idp.storage.accounts import protect, touch_versions
from idp.storage.members import add_members
from kernel.audit import verify_chains
from tests.support.gateway import SOURCE
from tests.support.scim import ScimWorld, a_group, a_scim_world, a_user
from tests.support.together import done_or_waiting, statuses, together

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.databases import Databases
    from tests.support.scim import Answer

THREADS = 16
pytestmark = pytest.mark.race


@pytest.fixture
def nodes(databases: Databases) -> list[ScimWorld]:
    """Give two SCIM services over one database, with nothing else in common; on both dialects."""
    url = databases.url("gateway")
    worlds = [a_scim_world(databases.open(url, pool_size=THREADS)) for _ in range(2)]
    worlds[0].token()
    for other in worlds[1:]:
        other.tokens = worlds[0].tokens
    return worlds


def _users(world: ScimWorld, count: int) -> list[str]:
    return [world.post("/Users", a_user(f"u{number}"))["id"] for number in range(count)]


def _change(kind: str, *ids: str) -> dict[str, Any]:
    return {"op": kind, "path": "members", "value": [{"value": each} for each in ids]}


def _number(answer: Answer) -> int:
    return int(answer.headers["etag"].strip('W/"'))


def _members(world: ScimWorld, group: str) -> set[str]:
    return {each["value"] for each in world.get(f"/Groups/{group}").json().get("members", ())}


def test_members_of_one_group_come_by_many_nodes_at_once(nodes: list[ScimWorld]) -> None:
    """J4, L1, L4: no add is lost, no two answers have one version, each shows the members of its version."""
    ids = _users(nodes[0], THREADS)
    group = nodes[0].post("/Groups", a_group())["id"]
    answers = together(THREADS, lambda n: nodes[n % 2].patch(f"/Groups/{group}", _change("add", ids[n])))
    assert statuses(answers) == [200] * THREADS
    assert sorted(map(_number, answers)) == list(range(2, THREADS + 2))
    assert [len(each["members"]) for each in sorted(answers, key=_number)] == list(range(1, THREADS + 1))
    assert _members(nodes[0], group) == set(ids)
    assert verify_chains(nodes[0].services.store.database).faults == []


def test_one_member_comes_and_goes_once(nodes: list[ScimWorld]) -> None:
    """J4, H12: the same add, then the same removal by all at once: of each one changes the group, and the account."""
    user = _users(nodes[0], 1)[0]
    group = nodes[0].post("/Groups", a_group())["id"]
    for version, kind in enumerate(("add", "remove"), start=2):
        change = _change(kind, user)
        answers = together(THREADS, lambda n: nodes[n % 2].patch(f"/Groups/{group}", change))  # noqa: B023 - ends within the round
        assert {(each.status, _number(each)) for each in answers} == {(200, version)}
        assert _number(nodes[0].get(f"/Users/{user}")) == version
    assert _members(nodes[0], group) == set()


def test_of_many_with_one_tag_of_a_group_one_wins(nodes: list[ScimWorld]) -> None:
    """L2, L4: If-Match is decided by the statement that writes: one 200, the others 412 and nothing of them."""
    ids = _users(nodes[0], THREADS)
    made = nodes[0].post("/Groups", a_group())
    path, tag = f"/Groups/{made['id']}", {"If-Match": made.headers["etag"]}
    answers = together(THREADS, lambda n: nodes[n % 2].patch(path, _change("add", ids[n]), headers=tag))
    assert statuses(answers) == [200] + [412] * (THREADS - 1)
    won = next(n for n, each in enumerate(answers) if each.status == 200)
    assert _members(nodes[0], made["id"]) == {ids[won]}
    versions = [_number(nodes[0].get(f"/Users/{each}")) for each in ids]
    assert versions == [2 if n == won else 1 for n in range(THREADS)]


def test_an_account_that_others_change_meanwhile_counts_every_group(nodes: list[ScimWorld]) -> None:
    """L1: it comes to eight groups while its attributes change as often, and loses no version of either."""
    user = _users(nodes[0], 1)[0]
    groups = [nodes[0].post("/Groups", a_group(f"role{n}"))["id"] for n in range(THREADS // 2)]

    def change(number: int) -> Answer:
        node = nodes[number % 2]
        if number < len(groups):
            return node.patch(f"/Groups/{groups[number]}", _change("add", user))
        return node.patch(f"/Users/{user}", {"op": "replace", "path": "title", "value": f"t{number}"})

    assert statuses(together(THREADS, change)) == [200] * THREADS
    found = nodes[0].get(f"/Users/{user}").json()
    assert {each["value"] for each in found["groups"]} == set(groups)
    assert found["meta"]["version"] == f'W/"{THREADS + 1}"'


def test_of_members_that_come_together_one_that_cannot_keeps_all_away(nodes: list[ScimWorld]) -> None:
    """H2, J2: no membership stands, and no version moved, neither the group's nor an account's."""
    ids = _users(nodes[0], 3)
    group = nodes[0].post("/Groups", a_group())
    change = _change("add", *ids, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    answers = together(4, lambda n: nodes[n % 2].patch(f"/Groups/{group['id']}", change))
    assert {(each.status, each.scim_type) for each in answers} == {(400, "invalidValue")}
    assert nodes[0].get(f"/Groups/{group['id']}").headers["etag"] == group.headers["etag"]
    assert {_number(nodes[0].get(f"/Users/{each}")) for each in ids} == {1}


def test_who_is_protected_while_its_change_waits_does_not_come(postgresql_gateway_database: Database) -> None:
    """O8: the change began before, and waited for the group: what decides is what stands when it is written."""
    world = a_scim_world(postgresql_gateway_database)
    world.token()
    user = _users(world, 1)[0]
    group = world.post("/Groups", a_group())["id"]
    with ThreadPoolExecutor(1) as pool:
        with world.services.store.write() as unit:
            protect(unit.connection, "u0", since=dt.datetime.now(dt.UTC))
            change = pool.submit(world.patch, f"/Groups/{group}", _change("add", user))
            done_or_waiting(postgresql_gateway_database, change)
        assert change.result().status in {400, 403}
    assert _members(world, group) == set()


def test_who_has_to_wait_for_its_account_within_a_line_comes_all_the_same(
    postgresql_gateway_database: Database,
) -> None:
    """J4: what holds the rows of others waits for no more of them; it begins anew, alone, and is not lost."""
    world = a_scim_world(postgresql_gateway_database)
    world.token()
    ids = _users(world, 4)
    path = f"/Groups/{world.post('/Groups', a_group())['id']}"
    with ThreadPoolExecutor(len(ids)) as pool, world.services.store.write() as unit:
        touch_versions(unit.connection, ids[2:])
        changes = [pool.submit(world.patch, path, _change("add", each)) for each in ids]
        done_or_waiting(postgresql_gateway_database, changes[-1])
    answers = [each.result() for each in changes]
    assert statuses(answers) == [200] * len(ids)
    assert sorted(map(_number, answers)) == list(range(2, len(ids) + 2))
    assert _members(world, path.rpartition("/")[2]) == set(ids)


def test_who_comes_is_not_held_before_it_is_known_who_goes(postgresql_gateway_database: Database) -> None:
    """L4: of a whole list some come and some go; held all at once, in order, no two lists wait in a ring."""
    world = a_scim_world(postgresql_gateway_database)
    ids = _users(world, 2)
    group = world.post("/Groups", a_group())["id"]

    def another_list() -> None:
        with world.services.store.write() as unit:
            touch_versions(unit.connection, ids)

    with ThreadPoolExecutor(1) as pool, world.services.store.write() as unit:
        came = add_members(unit.connection, group, ids, source=SOURCE, now=unit.now)
        assert came == frozenset(ids)
        other = pool.submit(another_list)
        done_or_waiting(postgresql_gateway_database, other)
        assert other.done()
