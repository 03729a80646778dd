"""What a change of members costs: the same in a group of ten and of twenty thousand (J4, G5, E7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from idp.storage.application_access import access_of
from tests.support.scim import ScimWorld, a_group, a_user
from tests.support.scim_crowd import fill
from tests.support.statements import recorded, whole_reads

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.statements import Statement

MANY = 20_000
LARGE = ("account", "membership")


def changes(members: list[str], nested: str) -> dict[str, list[dict[str, Any]]]:
    """Return a PATCH of every kind."""

    def named(*ids: str) -> list[dict[str, str]]:
        return [{"value": each} for each in ids]

    one, *fifty = members
    return {
        "add one": [{"op": "add", "path": "members", "value": named(one)}],
        "add fifty": [{"op": "add", "path": "members", "value": named(*fifty)}],
        "add who is there": [{"op": "add", "path": "members", "value": named(one)}],
        "remove one": [{"op": "remove", "path": f'members[value eq "{one}"]'}],
        "remove fifty": [{"op": "remove", "path": "members", "value": named(*fifty)}],
        "remove who is not there": [{"op": "remove", "path": f'members[value eq "{one}"]'}],
        "nest": [{"op": "add", "path": "members", "value": named(nested)}],
        "unnest": [{"op": "remove", "path": f'members[value eq "{nested}"]'}],
    }


@pytest.fixture
def world(gateway_database: Database) -> ScimWorld:
    """Give a service with a group of ten and a group of many; the test runs on both dialects."""
    from tests.support.scim import a_scim_world

    return a_scim_world(gateway_database)


def test_a_change_of_members_costs_the_same_in_a_group_of_any_size(world: ScimWorld) -> None:
    """J4: the same statements, none of which reads a table from end to end, and no list of members comes back."""
    database = world.services.store.database
    members = [world.post("/Users", a_user(f"u{number}"))["id"] for number in range(51)]
    small = world.post("/Groups", a_group("small", members=[{"value": each} for each in members[:10]]))["id"]
    large, nested = world.post("/Groups", a_group("large"))["id"], world.post("/Groups", a_group("in"))["id"]
    fill(database, large, MANY)
    world.patch(f"/Groups/{small}", {"op": "replace", "path": "members", "value": []})
    world.post("/Groups", a_group("around", members=[{"value": small}, {"value": large}]))
    fill_ten = [{"value": f"00000000000000000{100_000_000 + number}"} for number in range(1, 31)]
    world.patch(f"/Groups/{small}", {"op": "add", "path": "members", "value": fill_ten})
    seen: dict[tuple[str, str], list[Statement]] = {}
    for group in (small, large):
        for name, operations in changes(members, nested).items():
            with recorded(database) as noted:
                answer = world.patch(f"/Groups/{group}", *operations)
            assert answer.status == 204, answer.body
            seen[group, name] = list(noted)
    for name in changes(members, nested):
        assert [sql for sql, _ in seen[small, name]] == [sql for sql, _ in seen[large, name]], name
        nests = name in {"nest", "unnest"}  # whose cost is that of the accounts in the group that is nested
        assert whole_reads(database, seen[large, name], *LARGE, where_needed=nests) == [], name
    kept = [
        sql
        for sql, _ in seen[large, "add one"]
        if not sql.startswith(("BEGIN", "INSERT INTO provisioning_subject"))
    ]
    assert len(kept) <= 10, kept


def test_a_whole_list_costs_its_difference(world: ScimWorld) -> None:
    """G5, H5: by PATCH and PUT the stored list stays in the database; only who comes and goes leaves it."""
    database = world.services.store.database
    members = [world.post("/Users", a_user(f"u{number}"))["id"] for number in range(30)]
    stated = [{"value": each} for each in members]
    group = world.post("/Groups", a_group(members=stated))["id"]
    other = world.post("/Groups", a_group("large"))["id"]
    fill(database, other, MANY)
    path = f"/Groups/{group}"
    for without in (members[0], members[1]):
        shorter = [each for each in stated if each["value"] != without]
        with recorded(database) as noted:
            if without == members[0]:
                answer = world.patch(path, {"op": "replace", "path": "members", "value": shorter})
            else:
                answer = world.put(path, a_group(members=shorter), query={"excludedAttributes": "members"})
        assert answer.status == (204 if without == members[0] else 200), answer.body
        assert whole_reads(database, noted, *LARGE) == []
        read = [sql for sql, _ in noted if sql.startswith("SELECT membership")]
        assert not [sql for sql in read if "LIMIT" not in sql and "json_" not in sql], read


LOOKS = {
    '/Users?filter=groups.value eq "{group}"&count=5': 200,
    '/Users?filter=groups[value eq "{group}" and type eq "indirect"]&count=5': 200,
    '/Groups?filter=members.value eq "{user}"&excludedAttributes=members': 200,
    '/Groups?filter=id eq "{group}" and members eq "{user}"&excludedAttributes=members': 200,
    "/Users/{user}": 200,
}


def test_memberships_are_found_by_index_from_either_side(world: ScimWorld) -> None:
    """E7, J5, J6: whoever asks for members or groups, single or by filter, no membership is read in vain."""
    database = world.services.store.database
    user = world.post("/Users", a_user())["id"]
    group = world.post("/Groups", a_group("large"))["id"]
    fill(database, group, MANY)
    outer = world.post("/Groups", a_group("outer", members=[{"value": group}]))["id"]
    small = world.post("/Groups", a_group("small", members=[{"value": user}]))["id"]
    assert small != outer
    for path, status in LOOKS.items():
        where, _, asked = path.partition("?")
        query = dict(each.split("=", 1) for each in asked.split("&")) if asked else {}
        with recorded(database) as noted:
            answer = world.get(
                where.format(user=user), query={k: v.format(user=user, group=small) for k, v in query.items()}
            )
        assert answer.status == status, answer.body
        assert whole_reads(database, noted, *LARGE) == [], path
    with recorded(database) as noted:
        assert [row.role for row in access_of(database, user, "emi")] == ["small"]
    assert whole_reads(database, noted, *LARGE, "account_group") == []  # every token asks this
