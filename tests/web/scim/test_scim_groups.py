"""Groups and their members: lines J1..J8, G5, H3..H9, D7, L1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest
from sqlalchemy import event

from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA
from tests.support.scim import BASE, a_group, a_user

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.scim import ScimWorld

FENCE = f"{GROUP_EXTENSION}:sourceVersion"


def _users(world: ScimWorld, count: int) -> list[str]:
    return [world.post("/Users", a_user(f"u{number}"))["id"] for number in range(count)]


def _members(world: ScimWorld, group: str) -> set[str]:
    return {each["value"] for each in world.get(f"/Groups/{group}").json().get("members", ())}


def _add(*ids: str) -> dict[str, Any]:
    return {"op": "add", "path": "members", "value": [{"value": each} for each in ids]}


def _remove(one: str) -> dict[str, Any]:
    return {"op": "remove", "path": f'members[value eq "{one}"]'}


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "scim_type"),
    [
        ({"displayName": None}, 400, "invalidValue"),
        ({"displayName": " "}, 400, "invalidValue"),
        ({"displayName": "x" * 2000}, 400, "invalidValue"),
        ({"schemas": None}, 400, "invalidSyntax"),
        ({"members": [{"value": "01KT1GW6G0R5GAV2QNXRSS0P82"}]}, 400, "invalidValue"),
        ({"members": [{"display": "nobody"}]}, 400, "invalidValue"),
        ({"members": ["u0"]}, 400, "invalidValue"),
        ({"members": "u0"}, 400, "invalidValue"),
    ],
)
def test_what_is_no_group_is_not_made(
    sqlite_world: ScimWorld, changes: dict[str, Any], status: int, scim_type: str
) -> None:
    """J1, J2: a name, and members that exist; nothing is stored otherwise."""
    body = {name: value for name, value in a_group(**changes).items() if value is not None}
    answer = sqlite_world.post("/Groups", body)
    assert (answer.status, answer.scim_type) == (status, scim_type), answer.body
    assert sqlite_world.get("/Groups")["totalResults"] == 0


def test_a_group_name_and_external_id_are_given_once_in_a_source(world: ScimWorld) -> None:
    """J1, C4, C6: 409 uniqueness on POST, PUT and PATCH; another client has its own."""
    world.post("/Groups", a_group("one"))
    two = world.post("/Groups", a_group("two"))["id"]
    same_name = a_group("x", displayName="acme GENERATION/ONE")
    same_id = a_group("x", externalId="grp:10001:one")
    for answer in (
        world.post("/Groups", same_name),
        world.post("/Groups", same_id),
        world.put(f"/Groups/{two}", same_name),
        world.patch(
            f"/Groups/{two}", {"op": "replace", "path": "displayName", "value": "ACME GENERATION/one"}
        ),
    ):
        assert (answer.status, answer.scim_type) == (409, "uniqueness"), answer.body
    assert world.post("/Groups", a_group("one"), client_id="okta").status == 201


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "an unknown member": (_add("01KT1GW6G0R5GAV2QNXRSS0P82"), 400, "invalidValue"),
    "a member without a value": (
        {"op": "add", "path": "members", "value": [{"type": "User"}]},
        400,
        "invalidValue",
    ),
    "an add of nothing": ({"op": "add", "path": "members"}, 400, "invalidValue"),
    "a replace by nothing said": ({"op": "replace", "path": "members"}, 400, "invalidValue"),
    "a replace by an object": ({"op": "replace", "path": "members", "value": {}}, 400, "invalidValue"),
    "a replace by a text": ({"op": "replace", "path": "members", "value": ""}, 400, "invalidValue"),
    "a replace by false": ({"op": "replace", "value": {"members": False}}, 400, "invalidValue"),
    "a remove of a number": ({"op": "remove", "path": "members", "value": 0}, 400, "invalidValue"),
    "a changed member": (
        {"op": "replace", "path": 'members[value eq "x"]', "value": {"value": "y"}},
        400,
        "mutability",
    ),
    "a part of a member": (
        {"op": "replace", "path": 'members[value eq "x"].display', "value": "y"},
        400,
        "mutability",
    ),
    "another selection": ({"op": "remove", "path": 'members[display eq "x"]'}, 400, "invalidPath"),
    "an unreadable selection": ({"op": "remove", "path": "members[value eq]"}, 400, "invalidPath"),
    "a remove without a path": ({"op": "remove", "value": {"members": []}}, 400, "noTarget"),
    "an unknown op": ({"op": "swap", "path": "members", "value": []}, 400, "invalidValue"),
    "no name": ({"op": "remove", "path": "displayName"}, 400, "mutability"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_operation_that_cannot_be_done_undoes_all(world: ScimWorld, name: str) -> None:
    """H2, H9, SP-03: also what the operations before it did to members."""
    operation, status, scim_type = REFUSED[name]
    one, two = _users(world, 2)
    group = world.post("/Groups", a_group(members=[{"value": one}]))["id"]
    before = world.get(f"/Groups/{group}").json()
    answer = world.patch(f"/Groups/{group}", _add(two), _remove(one), operation)
    assert (answer.status, answer.scim_type) == (status, scim_type), answer.body
    assert world.get(f"/Groups/{group}").json() == before


@pytest.mark.parametrize("escape", ["\\ud800", "\\u0000"])
def test_a_selection_names_nobody_by_what_no_text_can_hold(world: ScimWorld, escape: str) -> None:
    """J4: an escape inside the path's own filter is refused before it reaches the database."""
    group = world.post("/Groups", a_group())["id"]
    answer = world.patch(f"/Groups/{group}", _remove(escape))
    assert (answer.status, answer.scim_type) == (400, "invalidPath")


@pytest.mark.parametrize("members", [{}, "", False, 0], ids=repr)
def test_what_is_no_list_of_members_never_stands_for_none(world: ScimWorld, members: Any) -> None:
    """J8, C9: 400 invalidValue to PUT and POST; who was in the group stays in it."""
    (one,) = _users(world, 1)
    group = world.post("/Groups", a_group(members=[{"value": one}]))
    for answer in (
        world.put(f"/Groups/{group['id']}", a_group(members=members)),
        world.post("/Groups", a_group("other", members=members)),
    ):
        assert (answer.status, answer.scim_type) == (400, "invalidValue")
    assert world.get(f"/Groups/{group['id']}").json() == group.json()


def test_another_clients_account_is_no_member(world: ScimWorld) -> None:
    """O9: members are accounts of the same source."""
    theirs = world.post("/Users", a_user("theirs"), client_id="okta")["id"]
    group = world.post("/Groups", a_group())["id"]
    answer = world.patch(f"/Groups/{group}", _add(theirs))
    assert (answer.status, answer.scim_type) == (400, "invalidValue")


def test_a_late_packet_brings_no_member_back(world: ScimWorld) -> None:
    """OB-04, OB-11: below the stored version 409 staleVersion; the same version of another worker passes."""
    one, two = _users(world, 2)
    group = world.post("/Groups", a_group(members=[{"value": one}]))["id"]
    fence = {"op": "replace", "path": FENCE, "value": 7}
    assert world.patch(f"/Groups/{group}", fence, _remove(one)).status == 200
    late = world.patch(f"/Groups/{group}", {**fence, "value": 6}, _add(one))
    assert late.status == 409
    assert late.detail.startswith("staleVersion")
    assert _members(world, group) == set()
    assert world.patch(f"/Groups/{group}", fence, _add(two)).status == 200
    assert _members(world, group) == {two}
    assert world.get(f"/Groups/{group}")[GROUP_EXTENSION]["sourceVersion"] == 7


def test_the_fence_of_a_group_is_never_taken_down(world: ScimWorld) -> None:
    """G2, H6, OB-11: neither by what leaves it out nor by what removes it; a late packet stays late."""
    group = world.post("/Groups", a_group())["id"]
    path = f"/Groups/{group}"
    assert world.patch(path, {"op": "replace", "path": FENCE, "value": 7}).status == 200
    bare = {"schemas": [GROUP_SCHEMA], "displayName": "Bare"}
    assert world.put(path, bare)[GROUP_EXTENSION] == {"sourceVersion": 7}
    for gone in (FENCE, GROUP_EXTENSION):
        answer = world.patch(
            path, {"op": "remove", "path": gone}, {"op": "add", "path": "externalId", "value": gone}
        )
        assert answer[GROUP_EXTENSION] == {"sourceVersion": 7}, gone
    late = bare | {"schemas": [GROUP_SCHEMA, GROUP_EXTENSION], GROUP_EXTENSION: {"sourceVersion": 6}}
    assert world.put(path, late).status == 409


def test_too_many_members_in_one_request_are_too_large(sqlite_world: ScimWorld) -> None:
    """H15, SP-09: a thousand are done, more are 413 and nothing is changed."""
    group = sqlite_world.post("/Groups", a_group())["id"]
    many = [f"{number:026d}" for number in range(1001)]
    assert sqlite_world.patch(f"/Groups/{group}", _add(*many)).status == 413
    assert sqlite_world.patch(f"/Groups/{group}", _add(*many[:600]), _add(*many[500:])).status == 413


# --- members -------------------------------------------------------------------------------------


def test_members_are_filled_by_the_server(world: ScimWorld) -> None:
    """J2, J5, J7: value, $ref and type always, the name on request; the user shows the group."""
    (one,) = _users(world, 1)
    empty = world.post("/Groups", a_group("empty"))
    assert "members" not in empty.json()
    made = world.post("/Groups", a_group(members=[{"value": one, "display": "forged", "type": "Group"}]))
    member = {"value": one, "$ref": f"{BASE}/Users/{one}", "type": "User"}
    assert made["members"] == [member]
    asked = world.get(f"/Groups/{made['id']}", query={"attributes": "members,members.display"})
    assert asked["members"] == [member | {"display": "Nora Field"}]
    assert world.get(f"/Users/{one}")["groups"] == [
        {
            "value": made["id"],
            "$ref": f"{BASE}/Groups/{made['id']}",
            "display": "ACME GENERATION/emi_user",
            "type": "direct",
        }
    ]
    listed = world.get("/Groups")["Resources"]
    assert {each["id"]: each.get("members") for each in listed} == {empty["id"]: None, made["id"]: [member]}


CHANGES: dict[str, tuple[list[dict[str, Any]], set[int]]] = {
    "add": ([_add("{2}")], {0, 1, 2}),
    "add who is there": ([_add("{0}", "{0}")], {0, 1}),
    "Add in any case": ([{"op": "Add", "path": "Members", "value": [{"Value": "{2}"}]}], {0, 1, 2}),
    "add by URN": ([{"op": "add", "path": f"{GROUP_SCHEMA}:members", "value": {"value": "{2}"}}], {0, 1, 2}),
    "add without a path": ([{"op": "add", "value": {"members": [{"value": "{2}"}]}}], {0, 1, 2}),
    "remove by selection": ([_remove("{0}")], {1}),
    "remove who is not there": ([_remove("{2}")], {0, 1}),
    "remove two": (
        [{"op": "remove", "path": 'members[value eq "{0}" or value eq "{1}"]'}],
        set(),
    ),
    "remove by id and type": (
        [{"op": "remove", "path": 'members[value eq "{0}" and type eq "user"]'}],
        {1},
    ),
    "remove by id and a type that it has not": (
        [{"op": "remove", "path": 'members[value eq "{0}" and type eq "Group"]'}],
        {0, 1},
    ),
    "remove by type": ([{"op": "remove", "path": f'{GROUP_SCHEMA}:members[TYPE sw "u"]'}], set()),
    "remove all but one": ([{"op": "remove", "path": 'members[not (value eq "{1}")]'}], {1}),
    "remove whoever there is": ([{"op": "remove", "path": "members[value pr]"}], set()),
    "add, then remove all but who came": (
        [_add("{2}"), {"op": "remove", "path": 'members[value ne "{2}"]'}],
        {2},
    ),
    "replace, then remove one by its type, and name the group": (
        [
            {"op": "replace", "path": "members", "value": [{"value": "{1}"}, {"value": "{2}"}]},
            {"op": "remove", "path": 'members[value eq "{1}" and (type eq "User" or type eq "Group")]'},
            {"op": "replace", "path": "displayName", "value": "ACME GENERATION/emi_user"},
        ],
        {2},
    ),
    "remove by value, as Entra does": (
        [{"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "{0}"}]}],
        {1},
    ),
    "remove by a value that names nobody": ([{"op": "Remove", "path": "members", "value": []}], {0, 1}),
    "remove all": ([{"op": "remove", "path": "members"}], set()),
    "remove all, with null": ([{"op": "remove", "path": "members", "value": None}], set()),
    "replace by null": ([{"op": "replace", "path": "members", "value": None}], set()),
    "replace": ([{"op": "replace", "path": "members", "value": [{"value": "{2}"}]}], {2}),
    "replace by nothing": ([{"op": "replace", "path": "members", "value": []}], set()),
    "replace without a path": ([{"op": "replace", "value": {"members": [{"value": "{1}"}]}}], {1}),
    "remove and add in one": ([_remove("{0}"), _add("{2}")], {1, 2}),
    "add and remove the same": ([_add("{2}"), _remove("{2}")], {0, 1}),
    "remove and add the same": ([_remove("{0}"), _add("{0}")], {0, 1}),
    "replace, then add": (
        [{"op": "replace", "path": "members", "value": [{"value": "{2}"}]}, _add("{0}")],
        {0, 2},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_members_change_as_sets(world: ScimWorld, name: str) -> None:
    """H3, H4, H5, H6, J4: every shape, idempotent; answered with the group as it is then."""
    operations, expected = CHANGES[name]
    ids = _users(world, 3)
    group = world.post("/Groups", a_group(members=[{"value": each} for each in ids[:2]]))
    path = f"/Groups/{group['id']}"

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return value.format(*ids) if "{" in value else value
        if isinstance(value, list):
            return [filled(each) for each in value]
        return {key: filled(each) for key, each in value.items()} if isinstance(value, dict) else value

    for _ in range(2):
        answer = world.patch(path, *filled(operations))
        assert (answer.status, answer.json()) == (200, world.get(path).json())
        assert _members(world, group["id"]) == {ids[number] for number in expected}
    changed = {ids[number] for number in expected} != set(ids[:2])
    assert (world.get(path).headers["etag"] != group.headers["etag"]) == changed  # H12, L1


def test_a_patch_of_a_large_group_answers_without_a_body(sqlite_world: ScimWorld) -> None:
    """H3, J4, J8: the answer never costs more than the change, and no list is shown cut."""
    world = sqlite_world
    ids = _users(world, 22)
    group = world.post("/Groups", a_group(members=[{"value": each} for each in ids[:20]]))["id"]
    path = f"/Groups/{group}"
    assert len(world.patch(path, _add(ids[0]))["members"]) == 20
    answer = world.patch(path, _add(ids[20]))
    assert (answer.status, answer.body, answer.headers["etag"]) == (204, b"", world.get(path).headers["etag"])
    # "id" is always shown, and excluding it asks for a body all the same (ADR 11).
    for query in (
        {"attributes": "members"},
        {"excludedAttributes": "externalId"},
        {"excludedAttributes": "id"},
    ):
        asked = world.patch(path, _add(ids[21]), query=query)
        assert (asked.status, len(asked["members"])) == (200, 22), query


def test_a_patch_answers_with_what_was_asked_for(world: ScimWorld) -> None:
    """H3: RFC 7644 §3.5.2: 200 where attributes are asked for; members only if they are among them."""
    (one,) = _users(world, 1)
    group = world.post("/Groups", a_group())["id"]
    answer = world.patch(f"/Groups/{group}", _add(one), query={"attributes": "displayName"})
    assert answer.status == 200
    assert answer.json().keys() == {"id", "schemas", "displayName"}
    whole = world.patch(f"/Groups/{group}", _add(one), query={"excludedAttributes": "externalId"})
    assert [each["value"] for each in whole["members"]] == [one]


def test_attributes_and_members_change_in_one_patch(world: ScimWorld) -> None:
    """H2, H4: as Okta renames a group and Entra fills it."""
    one, two = _users(world, 2)
    group = world.post("/Groups", a_group(members=[{"value": one}]))["id"]
    answer = world.patch(
        f"/Groups/{group}",
        {"op": "replace", "value": {"id": group, "displayName": "Renamed"}}
        | {"value": {"displayName": "Renamed"}},
        {"op": "replace", "path": f"{GROUP_EXTENSION}:accessRoleName", "value": "Operator"},
        {"op": "replace", "path": FENCE, "value": 2},
        _remove(one),
        _add(two),
    )
    assert answer.status == 200, answer.body
    found = world.get(f"/Groups/{group}").json()
    assert found["displayName"] == "Renamed"
    assert found[GROUP_EXTENSION]["accessRoleName"] == "Operator"
    assert found[GROUP_EXTENSION]["sourceVersion"] == 2
    assert _members(world, group) == {two}
    assert world.found("Groups", 'displayName eq "renamed"') == ["Renamed"]


def test_a_fence_can_be_put_up_later(world: ScimWorld) -> None:
    """A group made without a version takes one with its first member change, and keeps it."""
    (one,) = _users(world, 1)
    group = world.post("/Groups", {"schemas": [GROUP_SCHEMA], "displayName": "Plain"})["id"]
    assert world.patch(f"/Groups/{group}", {"op": "add", "path": FENCE, "value": 4}, _add(one)).status == 200
    found = world.get(f"/Groups/{group}").json()
    assert found[GROUP_EXTENSION] == {"sourceVersion": 4}
    assert GROUP_EXTENSION in found["schemas"]
    assert (
        world.patch(f"/Groups/{group}", {"op": "replace", "path": FENCE, "value": 3}, _add(one)).status == 409
    )


def test_a_member_change_on_a_version_that_is_gone_is_refused(world: ScimWorld) -> None:
    """L2, L4: 412; the tag of a group moves with its members (L1)."""
    one, two = _users(world, 2)
    made = world.post("/Groups", a_group())
    path = f"/Groups/{made['id']}"
    old = {"If-Match": made.headers["etag"]}
    assert world.patch(path, _add(one), headers=old).status == 200
    assert world.patch(path, _add(two), headers=old).status == 412
    assert world.delete(path, headers=old).status == 412
    assert world.put(path, a_group(), headers=old).status == 412
    assert _members(world, made["id"]) == {one}
    assert world.get(path, headers={"If-None-Match": world.get(path).headers["etag"]}).status == 304


def test_put_writes_the_difference_of_members(world: ScimWorld) -> None:
    """G2, G4, G5: the list it states is the list; what GET gave changes nothing."""
    one, two, three = _users(world, 3)
    made = world.post("/Groups", a_group(members=[{"value": one}, {"value": two}]))["id"]
    path = f"/Groups/{made}"
    answer = world.put(path, a_group(members=[{"value": two}, {"value": three}]))
    assert answer.status == 200
    assert {each["value"] for each in answer["members"]} == {two, three}
    shown = world.get(path)
    again = world.put(path, shown.json())
    assert again.json() == shown.json()
    assert "members" not in world.put(path, a_group()).json()


def test_a_deleted_group_is_gone_and_its_members_are_not(world: ScimWorld) -> None:
    """I1, I2: 204, then 404; out of its users; its names are free."""
    (one,) = _users(world, 1)
    group = world.post("/Groups", a_group(members=[{"value": one}]))["id"]
    tag = world.get(f"/Users/{one}").headers["etag"]
    assert world.delete(f"/Groups/{group}").status == 204
    assert world.get(f"/Groups/{group}").status == 404
    user = world.get(f"/Users/{one}")
    assert "groups" not in user.json()
    assert user.headers["etag"] != tag
    assert world.post("/Groups", a_group()).status == 201


# --- cost ----------------------------------------------------------------------------------------


class Reads:
    """Counts the rows of the members' table that a request looks at."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements: list[str] = []

    def __enter__(self) -> Self:
        event.listen(self._database.engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        event.remove(self._database.engine, "before_cursor_execute", self._note)

    def _note(self, _c: object, _k: object, statement: str, *_rest: object) -> None:
        self.statements.append(statement)


def test_a_member_change_never_reads_the_list(world: ScimWorld) -> None:
    """J4: a PATCH selects so many members as it may show and no more; all only where all are stated."""
    ids = _users(world, 3)
    group = world.post("/Groups", a_group(members=[{"value": each} for each in ids[:2]]))["id"]
    with Reads(world.services.store.database) as reads:
        world.patch(f"/Groups/{group}", _add(ids[2]), _remove(ids[0]))
    found = [each for each in reads.statements if each.startswith("SELECT membership")]
    assert not [each for each in found if "LIMIT" not in each]
    with Reads(world.services.store.database) as reads:
        world.get(f"/Groups/{group}", query={"excludedAttributes": "members"})
        world.get("/Groups", query={"excludedAttributes": "members"})
    assert not [each for each in reads.statements if "membership" in each]  # D7
