"""Members and groups in groups under many writers at once: nothing is lost, no circle closes, all agree."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scim import ScimWorld, a_group, a_scim_world, a_user
from tests.support.together import statuses, together

if TYPE_CHECKING:
    from tests.support.databases import Databases
    from tests.support.scim import Answer

THREADS = 16
pytestmark = pytest.mark.race


@pytest.fixture
def world(databases: Databases) -> ScimWorld:
    """Give a SCIM service that serves many at once; the test runs on both dialects."""
    world = a_scim_world(databases.gateway(pool_size=THREADS))
    world.token()
    return world


def _groups(world: ScimWorld, count: int) -> list[str]:
    return [world.post("/Groups", a_group(f"g{number}"))["id"] for number in range(count)]


def _users(world: ScimWorld, count: int) -> list[str]:
    return [world.post("/Users", a_user(f"u{number}"))["id"] for number in range(count)]


def _named(*ids: str) -> list[dict[str, str]]:
    return [{"value": each} for each in ids]


def _add(*ids: str) -> dict[str, Any]:
    return {"op": "add", "path": "members", "value": _named(*ids)}


def _members(world: ScimWorld, group: str) -> set[str]:
    return {each["value"] for each in world.get(f"/Groups/{group}").json().get("members", ())}


@pytest.mark.parametrize("length", [2, THREADS])
def test_of_a_circle_the_last_link_is_refused(world: ScimWorld, length: int) -> None:
    """J3: each writer closes one link of a ring at the same moment; of every ring exactly one is refused."""
    ids = _groups(world, THREADS)

    def link(number: int) -> Answer:
        start = number // length * length
        inner = ids[start + (number - start + 1) % length]
        return world.patch(f"/Groups/{ids[number]}", _add(inner))

    rings = THREADS // length
    answers = together(THREADS, link)
    assert statuses(answers) == [200] * (THREADS - rings) + [400] * rings
    for start in range(0, THREADS, length):
        refused = [each for each in answers[start : start + length] if each.status == 400]
        assert [each.scim_type for each in refused] == ["invalidValue"]
    assert sum(len(_members(world, each)) for each in ids) == THREADS - rings


def test_whole_lists_at_once_end_as_one_of_them(world: ScimWorld) -> None:
    """G5, H5, J4: by PATCH and by PUT; who was in all lists never goes, and nobody of two lists is left."""
    common, *users = _users(world, THREADS + 1)
    group = world.post("/Groups", a_group(members=_named(*users)))["id"]

    def replace(number: int) -> Answer:
        stated = _named(common, users[number])
        if number % 2:
            return world.put(f"/Groups/{group}", a_group(members=stated))
        return world.patch(f"/Groups/{group}", {"op": "replace", "path": "members", "value": stated})

    assert statuses(together(THREADS, replace)) == [200] * THREADS
    left = _members(world, group)
    assert common in left
    assert len(left) == 2
    for user in users:
        assert bool(world.get(f"/Users/{user}").json().get("groups")) == (user in left)


def test_a_whole_list_and_adds_at_once_lose_no_add_that_came_after(world: ScimWorld) -> None:
    """J4: every add stands unless the list was stated after it; the versions tell how many there were."""
    users = _users(world, THREADS)
    group = world.post("/Groups", a_group(members=_named(users[0])))["id"]

    def change(number: int) -> Answer:
        if number:
            return world.patch(f"/Groups/{group}", _add(users[number]))
        return world.patch(f"/Groups/{group}", {"op": "replace", "path": "members", "value": []})

    answers = together(THREADS, change)
    assert statuses(answers) == [200] * THREADS
    order = [int(answer.headers["etag"].strip('W/"')) for answer in answers]
    assert sorted(order) == list(range(2, THREADS + 2))
    after = {users[number] for number in range(1, THREADS) if order[number] > order[0]}
    assert _members(world, group) == after


def test_whatever_many_do_at_once_users_and_groups_agree(world: ScimWorld) -> None:
    """J3, J5: links, members, whole lists and deletions mixed: what users show follows from the groups."""
    users, groups = _users(world, 4), _groups(world, 8)

    def work(number: int) -> Answer:
        chance = random.Random(number)
        for _ in range(6):
            path = f"/Groups/{chance.choice(groups)}"
            some = chance.sample([*users, *groups[:6]], 2)
            kind = chance.random()
            if kind < 0.5:
                answer = world.patch(path, _add(*some))
            elif kind < 0.75:
                answer = world.patch(path, {"op": "remove", "path": "members", "value": _named(*some)})
            elif kind < 0.92:
                answer = world.patch(path, {"op": "replace", "path": "members", "value": _named(*some)})
            else:
                answer = world.delete(f"/Groups/{chance.choice(groups[4:])}")
            assert answer.status in {200, 204, 400, 404}, answer.body
        return answer

    together(THREADS, work)
    listed = {each["id"]: each for each in world.get("/Groups", query={"count": "100"})["Resources"]}
    inside = {each: {one["value"] for one in shown.get("members", ())} for each, shown in listed.items()}

    def within(group: str) -> set[str]:
        found: set[str] = set()
        for each in inside[group]:
            found |= {each} | (within(each) if each in inside else set())
        return found

    everybody = {each: within(each) for each in inside}
    assert not [each for each, found in everybody.items() if each in found]
    for user in users:
        shown = {each["value"]: each["type"] for each in world.get(f"/Users/{user}").json().get("groups", ())}
        assert shown == {
            each: "direct" if user in inside[each] else "indirect"
            for each, found in everybody.items()
            if user in found
        }
