"""Groups in groups over HTTP: lines J2, J3, J5, J6, I1, L1, K2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scim import BASE, a_group, a_user

if TYPE_CHECKING:
    from tests.support.scim import Answer, ScimWorld

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def group(world: ScimWorld, name: str, *members: str) -> str:
    """Make a group and return its id."""
    answer = world.post(
        "/Groups", a_group(name, displayName=name, members=[{"value": each} for each in members])
    )
    assert answer.status == 201, answer.body
    return str(answer["id"])


def add(*ids: str) -> dict[str, Any]:
    """Return the operation that adds members."""
    return {"op": "add", "path": "members", "value": [{"value": each} for each in ids]}


def remove(one: str) -> dict[str, Any]:
    """Return the operation that removes one member."""
    return {"op": "remove", "path": f'members[value eq "{one}"]'}


def members(world: ScimWorld, one: str) -> set[tuple[str, str]]:
    """Return type and id of every member of a group."""
    return {(each["type"], each["value"]) for each in world.get(f"/Groups/{one}").json().get("members", ())}


def groups(world: ScimWorld, user: str) -> set[tuple[str, str]]:
    """Return display name and type of every group of a user."""
    return {(each["display"], each["type"]) for each in world.get(f"/Users/{user}").json().get("groups", ())}


def tag(world: ScimWorld, path: str) -> str:
    """Return the version of a resource."""
    return world.get(path).headers["etag"]


def is_circular(answer: Answer) -> bool:
    """Tell whether a group was kept from being in itself."""
    told = "'members' would make a group a member of itself, directly or around."
    return (answer.status, answer.scim_type, answer.detail) == (400, "invalidValue", told)


# --- refusals ------------------------------------------------------------------------------------


def test_no_group_is_ever_in_itself(world: ScimWorld) -> None:
    """J3: not by POST, PUT or PATCH, not itself, not around, however long the way; nothing else is done."""
    (user,) = (world.post("/Users", a_user())["id"],)
    inner = group(world, "inner")
    middle = group(world, "middle", inner)
    outer = group(world, "outer", middle)
    before = {each: world.get(f"/Groups/{each}").json() for each in (inner, middle, outer)}
    for one in (inner, middle, outer):
        assert is_circular(world.patch(f"/Groups/{inner}", add(user, one))), one
        whole = a_group("inner", displayName="inner", members=[{"value": user}, {"value": one}])
        assert is_circular(world.put(f"/Groups/{inner}", whole)), one
    assert is_circular(world.patch(f"/Groups/{outer}", add(user), add(outer)))
    assert {each: world.get(f"/Groups/{each}").json() for each in before} == before
    assert groups(world, user) == set()


def test_what_another_source_owns_cannot_be_nested(world: ScimWorld) -> None:
    """J2, O7, O9: another client's group is not there, and neither is an id of nothing."""
    theirs = world.post("/Groups", a_group(), client_id="okta")["id"]
    mine = group(world, "mine")
    for stranger in (theirs, "01KT1GW6G0R5GAV2QNXRSS0P82"):
        for answer in (
            world.patch(f"/Groups/{mine}", add(stranger)),
            world.put(f"/Groups/{mine}", a_group("mine", members=[{"value": stranger}])),
            world.post("/Groups", a_group("new", members=[{"value": stranger}])),
        ):
            assert (answer.status, answer.scim_type) == (400, "invalidValue")
    assert world.get("/Groups")["totalResults"] == 1


def test_a_circle_of_groups_in_a_bulk_job_is_refused_as_a_whole(world: ScimWorld) -> None:
    """K2, J3: the standard's circular groups (RFC 7644 §3.7.1): tried, then 409; the others are done."""
    operations = [
        {
            "method": "POST",
            "path": "/Groups",
            "bulkId": name,
            "data": a_group(name, displayName=name, members=[{"type": "Group", "value": f"bulkId:{other}"}]),
        }
        for name, other in (("qwerty", "ytrewq"), ("ytrewq", "qwerty"), ("holder", "holder"))
    ]
    operations.append({"method": "POST", "path": "/Users", "bulkId": "u", "data": a_user()})
    answer = world.post("/Bulk", {"schemas": [BULK], "Operations": operations})
    assert [each["status"] for each in answer["Operations"]] == ["409", "409", "409", "201"]
    details = {each["response"]["detail"] for each in answer["Operations"][:3]}
    assert "'members' would make a group a member of itself, directly or around." in details
    assert world.get("/Groups")["totalResults"] == 0


def test_a_protected_account_keeps_its_groups_whatever_they_are_in(world: ScimWorld) -> None:
    """O8: a link that would change what a protected account may is refused either way."""
    user = world.post("/Users", a_user("root"))["id"]
    inner = group(world, "inner", user)
    outer = group(world, "outer")
    held = group(world, "held", inner)
    with world.services.store.write() as unit:
        unit.connection.exec_driver_sql("UPDATE account SET protected_at = '2026-01-01T00:00:00.000000Z'")
    for answer in (
        world.patch(f"/Groups/{outer}", add(inner)),
        world.patch(f"/Groups/{held}", remove(inner)),
        world.patch(f"/Groups/{held}", {"op": "replace", "path": "members", "value": []}),
        world.delete(f"/Groups/{held}"),
        world.delete(f"/Groups/{inner}"),
    ):
        assert answer.status == 403, answer.body
    assert groups(world, user) == {("inner", "direct"), ("held", "indirect")}


# --- members and memberships ---------------------------------------------------------------------


def test_a_group_shows_groups_among_its_members(world: ScimWorld) -> None:
    """J2, J3, D6: value, $ref and type are the server's; the name on request; a list agrees with a single GET."""
    user = world.post("/Users", a_user())["id"]
    inner = group(world, "inner")
    stated = [{"value": inner, "type": "User", "$ref": "nowhere", "display": "forged"}, {"value": user}]
    outer = world.post("/Groups", a_group("outer", members=stated))
    shown = [
        {"value": user, "$ref": f"{BASE}/Users/{user}", "type": "User"},
        {"value": inner, "$ref": f"{BASE}/Groups/{inner}", "type": "Group"},
    ]
    by_id = sorted(shown, key=lambda each: each["value"])
    path = f"/Groups/{outer['id']}"
    assert outer["members"] == by_id == world.get(path)["members"]
    listed = world.search("Groups", f'id eq "{outer["id"]}"', count="1")["Resources"]
    assert listed[0]["members"] == by_id
    named = world.get(path, query={"attributes": "members,members.display"})["members"]
    assert {each["display"] for each in named} == {"inner", "Nora Field"}
    again = world.put(path, world.get(path).json())
    assert again.headers["etag"] == outer.headers["etag"]  # G4


def test_a_user_shows_the_groups_around_its_groups(world: ScimWorld) -> None:
    """J5: direct and indirect, each once, direct where it is both; single, listed and after a write."""
    user = world.post("/Users", a_user())["id"]
    inner = group(world, "inner", user)
    left, right = group(world, "left", inner), group(world, "right", inner)
    top = group(world, "top", left, right, user)
    expected = {
        (inner, "inner", "direct"),
        (left, "left", "indirect"),
        (right, "right", "indirect"),
        (top, "top", "direct"),
    }
    for found in (
        world.get(f"/Users/{user}")["groups"],
        world.search("Users", "userName pr")["Resources"][0]["groups"],
        world.patch(f"/Users/{user}", {"op": "add", "path": "title", "value": "Guide"})["groups"],
    ):
        assert {(each["value"], each["display"], each["type"]) for each in found} == expected
        assert len(found) == len(expected)
        assert all(each["$ref"] == f"{BASE}/Groups/{each['value']}" for each in found)


NESTED_CHANGES: dict[str, tuple[list[str], set[str]]] = {
    "add": (["add c"], {"a", "b", "c", "u"}),
    "add who is there": (["add a"], {"a", "b", "u"}),
    "remove": (["remove a"], {"b", "u"}),
    "remove who is not there": (["remove c"], {"a", "b", "u"}),
    "remove every group": (['select type eq "group"'], {"u"}),
    "remove groups, one that came just now too": (
        ["add c", 'select type eq "Group" and not (value eq "{a}")'],
        {"a", "u"},
    ),
    "remove accounts": (['select type ne "Group"'], {"a", "b"}),
    "remove and add the same": (["remove a", "add a"], {"a", "b", "u"}),
    "add and remove the same": (["add c", "remove c"], {"a", "b", "u"}),
    "replace": (["replace c a"], {"a", "c"}),
    "replace by an account": (["replace u"], {"u"}),
    "replace by nothing": (["replace"], set()),
}


@pytest.mark.parametrize("name", NESTED_CHANGES)
def test_groups_come_and_go_as_accounts_do(world: ScimWorld, name: str) -> None:
    """H4, H5, H6, H12, J3: as sets, idempotent; nothing moves where nothing is to do."""
    ids = {"u": world.post("/Users", a_user())["id"]}
    ids |= {each: group(world, each) for each in "abc"}
    outer = group(world, "outer", ids["a"], ids["b"], ids["u"])
    before = tag(world, f"/Groups/{outer}")
    steps, expected = NESTED_CHANGES[name]
    operations: list[dict[str, Any]] = []
    for step in steps:
        op, _, rest = step.partition(" ")
        if op == "select":
            operations.append({"op": "remove", "path": f"members[{rest.format(**ids)}]"})
            continue
        named = rest.split()
        value = [{"value": ids[each]} for each in named]
        operations.append(
            remove(ids[named[0]]) if op == "remove" else {"op": op, "path": "members", "value": value}
        )
    for _ in range(2):
        answer = world.patch(f"/Groups/{outer}", *operations)
        assert (answer.status, answer.json()) == (200, world.get(f"/Groups/{outer}").json())
        assert {each for _, each in members(world, outer)} == {ids[each] for each in expected}
    assert (tag(world, f"/Groups/{outer}") != before) == (expected != {"a", "b", "u"})


def test_a_way_that_is_left_keeps_the_group(world: ScimWorld) -> None:
    """J5: of two ways into a group one may go; with the last the group goes from the user."""
    user = world.post("/Users", a_user())["id"]
    inner = group(world, "inner", user)
    left, right = group(world, "left", inner), group(world, "right", inner)
    top = group(world, "top", left, right)
    assert ("top", "indirect") in groups(world, user)
    world.patch(f"/Groups/{top}", remove(left))
    assert groups(world, user) == {
        ("inner", "direct"),
        ("left", "indirect"),
        ("right", "indirect"),
        ("top", "indirect"),
    }
    assert world.patch(f"/Groups/{right}", remove(inner)).status == 200
    assert groups(world, user) == {("inner", "direct"), ("left", "indirect")}
    assert world.patch(f"/Groups/{inner}", add(top)).status == 200  # no circle any more
    assert groups(world, user) == {("inner", "direct"), ("left", "indirect")}


def test_a_deleted_group_leaves_the_groups_it_was_in(world: ScimWorld) -> None:
    """I1, J3, L1: gone from the members of every group in the same transaction, and from its users."""
    user = world.post("/Users", a_user())["id"]
    inner = group(world, "inner", user)
    middle = group(world, "middle", inner)
    outer = group(world, "outer", middle)
    other = group(world, "other", middle, inner)
    before = {path: tag(world, path) for path in (f"/Groups/{outer}", f"/Groups/{other}", f"/Users/{user}")}
    untouched = tag(world, f"/Groups/{inner}")
    assert world.delete(f"/Groups/{middle}").status == 204
    assert members(world, outer) == set()
    assert members(world, other) == {("Group", inner)}
    assert groups(world, user) == {("inner", "direct"), ("other", "indirect")}
    assert all(tag(world, path) != old for path, old in before.items())
    assert tag(world, f"/Groups/{inner}") == untouched
    assert world.patch(f"/Groups/{inner}", add(outer)).status == 200


def test_tags_move_with_what_is_shown(world: ScimWorld) -> None:
    """L1: a link moves the group and the users in it, not the group that is nested; a name moves its users."""
    user = world.post("/Users", a_user())["id"]
    inner, outer = group(world, "inner", user), group(world, "outer")
    paths = {"user": f"/Users/{user}", "inner": f"/Groups/{inner}", "outer": f"/Groups/{outer}"}

    def moved(*operations: dict[str, Any], of: str) -> set[str]:
        before = {name: tag(world, path) for name, path in paths.items()}
        assert world.patch(paths[of], *operations).status == 200
        return {name for name, path in paths.items() if tag(world, path) != before[name]}

    assert moved(add(inner), of="outer") == {"user", "outer"}
    assert moved(add(inner), of="outer") == set()
    assert moved({"op": "replace", "path": "displayName", "value": "Renamed"}, of="outer") == {
        "user",
        "outer",
    }
    assert ("Renamed", "indirect") in groups(world, user)
    assert moved({"op": "replace", "path": "externalId", "value": "x"}, of="outer") == {"outer"}
    assert moved(remove(inner), of="outer") == {"user", "outer"}


def test_what_its_groups_do_is_no_change_of_a_user(world: ScimWorld) -> None:
    """L1, RFC 7643 §3.1: the tag moves with what is shown, lastModified with what was written to the user."""
    user, other = (world.post("/Users", a_user(name))["id"] for name in ("nora", "omar"))
    inner, outer = group(world, "inner"), group(world, "outer")
    made = world.get(f"/Users/{user}")["meta"]["lastModified"]

    def told() -> tuple[str, str]:
        meta = world.get(f"/Users/{user}")["meta"]
        return meta["version"], meta["lastModified"]

    for path, operation in (
        (f"/Groups/{inner}", add(user)),
        (f"/Groups/{outer}", add(inner)),
        (f"/Groups/{outer}", {"op": "replace", "path": "displayName", "value": "Wide"}),
        (f"/Groups/{outer}", remove(inner)),
        (f"/Groups/{outer}", add(user, other)),
        (f"/Groups/{outer}", {"op": "replace", "path": "members", "value": []}),
    ):
        before = told()
        world.later()
        changed = world.patch(path, operation)
        assert told()[0] != before[0]
        assert told()[1] == made < changed["meta"]["lastModified"]
    before = told()
    world.later()
    assert world.delete(f"/Groups/{inner}").status == 204
    assert told()[0] != before[0]
    assert told()[1] == made
    world.patch(f"/Users/{user}", {"op": "replace", "path": "title", "value": "Guide"})
    assert told()[1] > made


def test_filters_see_groups_in_groups(world: ScimWorld) -> None:
    """J6, E7: members and groups are compared as they are shown."""
    user = world.post("/Users", a_user("nora"))["id"]
    world.post("/Users", a_user("omar"))
    inner = group(world, "inner", user)
    outer = group(world, "outer", inner)
    for text, expected in {
        f'members.value eq "{inner}"': ["outer"],
        f'members[value eq "{inner}" and type eq "Group"]': ["outer"],
        f'members[value eq "{inner}" and type eq "User"]': [],
        'members.type eq "user"': ["inner"],
        f'id eq "{outer}" and members eq "{inner}"': ["outer"],
        f'members eq "{user}"': ["inner"],
        "not (members pr)": [],
    }.items():
        assert world.found("Groups", text) == expected, text
    for text, expected in {
        f'groups.value eq "{outer}"': ["nora"],
        f'groups[value eq "{outer}" and type eq "indirect"]': ["nora"],
        f'groups[value eq "{outer}" and type eq "direct"]': [],
        'groups.display eq "OUTER"': ["nora"],
        'groups.type eq "indirect"': ["nora"],
        "not (groups pr)": ["omar"],
    }.items():
        assert world.found("Users", text) == expected, text


def test_a_job_nests_what_it_makes_itself(world: ScimWorld) -> None:
    """K2: groups name groups and users of the same job in any order."""

    def made(name: str, *named: str) -> dict[str, Any]:
        data = a_group(name, displayName=name, members=[{"value": f"bulkId:{each}"} for each in named])
        return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}

    new_user = {"method": "POST", "path": "/Users", "bulkId": "u", "data": a_user()}
    operations = [made("outer", "inner"), made("inner", "u"), new_user]
    answer = world.post("/Bulk", {"schemas": [BULK], "Operations": operations})
    assert [each["status"] for each in answer["Operations"]] == ["201"] * 3
    user = answer["Operations"][2]["location"].rpartition("/")[2]
    assert groups(world, user) == {("inner", "direct"), ("outer", "indirect")}


def test_a_group_holds_only_so_many_groups(world: ScimWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """J3, O12: all levels counted, of the group and of those around it; nothing is kept of what was refused."""
    monkeypatch.setattr("idp.usecases.members.MOST_GROUPS_WITHIN", 3)
    ids = [group(world, f"g{number}") for number in range(5)]
    for outer, inner in ((0, 1), (1, 2), (2, 3)):
        assert world.patch(f"/Groups/{ids[outer]}", add(ids[inner])).status == 200
    refused = world.patch(f"/Groups/{ids[3]}", add(ids[4]))
    assert (refused.status, refused.scim_type) == (400, "invalidValue")
    assert members(world, ids[3]) == set()
