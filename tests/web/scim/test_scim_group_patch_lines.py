"""PATCH of a group, line by line: H1..H15 of the checklist over HTTP (H8: a group has no primary values)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA
from scim.domain.patch_operations import MOST_OPERATIONS, PATCH_SCHEMA
from tests.support.scim import a_group, a_user

if TYPE_CHECKING:
    from tests.support.scim import Answer, ScimWorld

ROLE = f"{GROUP_EXTENSION}:accessRoleName"
KINDS = f"{GROUP_EXTENSION}:accountKinds"


def op(name: str, path: str | None = None, value: Any = None) -> dict[str, Any]:
    """Return an operation; what is not given is left out."""
    return (
        {"op": name} | ({} if path is None else {"path": path}) | ({} if value is None else {"value": value})
    )


def refusal(answer: Answer) -> tuple[int, str]:
    """Return status and keyword of an error."""
    return answer.status, answer.scim_type


class Held:
    """A group with one member, and another account."""

    def __init__(self, world: ScimWorld) -> None:
        self.world = world
        self.one, self.two = (world.post("/Users", a_user(name))["id"] for name in ("one", "two"))
        body = a_group(members=[{"value": self.one}])
        del body[GROUP_EXTENSION]["sourceVersion"]
        self.path = f"/Groups/{world.post('/Groups', body)['id']}"

    @property
    def now(self) -> dict[str, Any]:
        """The group as it is."""
        found: dict[str, Any] = self.world.get(self.path).json()
        return found

    @property
    def members(self) -> set[str]:
        """Who is in it."""
        return {each["value"] for each in self.now.get("members", ())}

    def patch(self, *operations: dict[str, Any], **options: Any) -> Answer:
        """Send a PATCH."""
        return self.world.patch(self.path, *operations, **options)

    def send(self, body: Any) -> Answer:
        """Send a body as it is."""
        return self.world.request("PATCH", self.path, body)


@pytest.fixture
def group(world: ScimWorld) -> Held:
    """Give a group; the test runs on both dialects."""
    return Held(world)


def test_a_patch_names_its_schema_and_holds_operations(group: Held) -> None:
    """H1: one or more; op in any case; else 400 and nothing is done."""
    rename = op("replace", "displayName", "Renamed")
    before = group.now
    for body, scim_type in (
        ({"Operations": [rename]}, "invalidSyntax"),
        ({"schemas": [GROUP_SCHEMA], "Operations": [rename]}, "invalidSyntax"),
        ({"schemas": [PATCH_SCHEMA]}, "invalidSyntax"),
        ({"schemas": [PATCH_SCHEMA], "Operations": []}, "invalidSyntax"),
        ({"schemas": [PATCH_SCHEMA], "Operations": rename}, "invalidSyntax"),
        ({"schemas": [PATCH_SCHEMA], "Operations": ["replace"]}, "invalidSyntax"),
        ({"schemas": [PATCH_SCHEMA], "Operations": [op("move", "displayName", "x")]}, "invalidValue"),
        ({"schemas": [PATCH_SCHEMA], "Operations": [{"path": "displayName", "value": "x"}]}, "invalidValue"),
    ):
        assert refusal(group.send(body)) == (400, scim_type), body
    assert group.now == before
    for written in ("Replace", "REPLACE", "replace"):
        assert group.patch(op(written, "displayName", written)).status == 200
        assert group.now["displayName"] == written


def test_an_operation_that_fails_undoes_those_before_it(group: Held) -> None:
    """H2: attributes, extension and members alike, at whatever place the wrong one stands."""
    before = group.now
    good = [
        op("replace", "displayName", "Renamed"),
        op("replace", ROLE, "Reader"),
        op("add", "members", [{"value": group.two}]),
        op("remove", f'members[value eq "{group.one}"]'),
    ]
    for place in range(len(good) + 1):
        mixed = [*good[:place], op("remove", "displayName"), *good[place:]]
        assert refusal(group.patch(*mixed)) == (400, "mutability")
        assert group.now == before


def test_an_answer_shows_the_group_as_it_is_then(group: Held) -> None:
    """H3: 200 with the group; 204 with the tag to a client of the profile entra; attributes are obeyed."""
    answer = group.patch(op("replace", "displayName", "Renamed"))
    assert (answer.status, answer.json()) == (200, group.now)
    assert answer.headers["etag"] == group.now["meta"]["version"]
    shown = group.patch(op("replace", "displayName", "Again"), query={"attributes": "displayName"})
    assert (shown.status, shown["displayName"], "members" in shown.json()) == (200, "Again", False)


def test_an_add_sets_merges_or_appends(group: Held) -> None:
    """H4: without a path the value is merged; single is set, complex merged, multi-valued appended once."""
    group.patch(op("add", None, {"externalId": "x1", GROUP_EXTENSION: {"accessRoleName": "Reader"}}))
    assert group.now["externalId"] == "x1"
    assert group.now[GROUP_EXTENSION]["accessRoleName"] == "Reader"
    assert group.now[GROUP_EXTENSION]["applicationKey"] == "emi"
    group.patch(op("add", "displayName", "Added"))
    group.patch(op("add", KINDS, ["machine", "personal"]))
    group.patch(op("add", "members", [{"value": group.two}, {"value": group.one}, {"value": group.two}]))
    assert group.now["displayName"] == "Added"
    assert group.now[GROUP_EXTENSION]["accountKinds"] == ["personal", "machine"]
    assert group.members == {group.one, group.two}
    assert len(group.now["members"]) == 2


def test_a_replace_is_an_add_where_nothing_is_and_takes_the_place_of_what_is(group: Held) -> None:
    """H5: absent is added; without a path per key; a whole list is the list, an empty one empties it."""
    group.patch(op("remove", "externalId"))
    assert "externalId" not in group.now
    group.patch(op("replace", "externalId", "anew"), op("replace", None, {"displayName": "Key by key"}))
    assert (group.now["externalId"], group.now["displayName"]) == ("anew", "Key by key")
    group.patch(op("replace", KINDS, ["machine"]), op("replace", "members", [{"value": group.two}]))
    assert group.now[GROUP_EXTENSION]["accountKinds"] == ["machine"]
    assert group.members == {group.two}
    group.patch({"op": "replace", "path": "members", "value": []})
    assert "members" not in group.now


def test_a_remove_needs_a_path_and_spares_what_must_be(group: Held) -> None:
    """H6, N6: no path 400 noTarget; required and readOnly 400 mutability, by name; who is not there is no error."""
    before = group.now
    assert refusal(group.patch(op("remove"))) == (400, "noTarget")
    assert refusal(group.patch(op("remove", None, {"displayName": "x"}))) == (400, "noTarget")
    for path in ("displayName", "id", "meta", "meta.version", "schemas"):
        refused = group.patch(op("remove", path))
        assert refusal(refused) == (400, "mutability"), path
        assert f"'{path}'" in refused.detail
    assert group.patch(op("remove", f'members[value eq "{group.two}"]')).status == 200
    assert group.now == before
    assert group.patch(op("remove", f'members[value eq "{group.one}"]')).status == 200
    assert "members" not in group.now
    assert group.patch(op("remove", "members")).status == 200


PATHS = {
    "externalId": lambda found: found["externalId"],
    f"{GROUP_SCHEMA}:externalId": lambda found: found["externalId"],
    ROLE: lambda found: found[GROUP_EXTENSION]["accessRoleName"],
    ROLE.upper().replace("URN:IETF", "urn:ietf"): lambda found: found[GROUP_EXTENSION]["accessRoleName"],
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_leads_to_an_attribute_by_every_name_it_has(group: Held, path: str) -> None:
    """H7, H10: attr, URN:attr, in any case."""
    assert group.patch(op("replace", path, "here")).status == 200
    assert PATHS[path](group.now) == "here"


WRONG_PATHS = [
    "nothing",
    "displayName.part",
    "members.nothing.more",
    "members[",
    "members[value eq]",
    'members[display eq "x"]',
    'members[$ref eq "x"]',
    'members[nothing eq "x"]',
    "members[value eq 5]",
    'members[value eq "x"] or members[value eq "y"]',
    'members[value eq "x" and members[value eq "x"]]',
    f"members[{'(' * 40}value pr{')' * 40}]",
    "urn:ietf:params:scim:schemas:core:2.0:User:userName",
    f"{GROUP_EXTENSION}:nothing",
    "",
    "..",
]


@pytest.mark.parametrize("path", WRONG_PATHS)
def test_a_path_that_leads_nowhere_is_refused(group: Held, path: str) -> None:
    """H7: 400 invalidPath, whatever the operation wants there."""
    before = group.now
    assert refusal(group.patch(op("remove", path))) == (400, "invalidPath")
    assert group.now == before


def test_what_a_member_is_cannot_be_changed(group: Held) -> None:
    """H9: value, $ref, type and display of a member, by whatever path; a member comes and goes as a whole."""
    before = group.now
    for path in (
        "members.value",
        "members.$ref",
        "members.type",
        f'members[value eq "{group.one}"]',
        f'members[value eq "{group.one}"].value',
        f'members[value eq "{group.one}"].type',
        f'members[value eq "{group.one}"].display',
    ):
        assert refusal(group.patch(op("replace", path, {"value": group.two}))) == (400, "mutability"), path
        assert refusal(group.patch(op("add", path, group.two))) == (400, "mutability"), path
    assert group.now == before


def test_names_are_read_in_any_case(group: Held) -> None:
    """H10: of the message, of an operation, of attributes and their parts."""
    answer = group.send(
        {
            "SCHEMAS": [PATCH_SCHEMA.upper().replace("URN:IETF", "urn:ietf")],
            "operations": [
                {"OP": "ADD", "PATH": "MEMBERS", "VALUE": [{"VALUE": group.two}]},
                {"Op": "Replace", "Value": {"DISPLAYNAME": "Any case"}},
            ],
        }
    )
    assert answer.status == 200, answer.body
    assert (group.now["displayName"], group.members) == ("Any case", {group.one, group.two})


WRONG_VALUES = [
    op("replace", "displayName", 5),
    op("replace", "displayName", ["x"]),
    op("replace", "displayName", " "),
    op("add", KINDS, [{"value": "x"}]),
    op("replace", ROLE, {"x": 1}),
    op("replace", f"{GROUP_EXTENSION}:sourceVersion", "seven"),
    op("replace", f"{GROUP_EXTENSION}:sourceVersion", -1),
    op("add", "members", "text"),
    op("add", "members", [["x"]]),
    op("add", "members", [{"value": 7}]),
    op("add", "members", [{"value": ""}]),
    op("replace", "members", [{"value": "no-id"}]),
    op("add"),
    op("add", "displayName"),
]


@pytest.mark.parametrize("operation", WRONG_VALUES, ids=str)
def test_a_value_of_another_type_is_refused(group: Held, operation: dict[str, Any]) -> None:
    """H11: 400 invalidValue, and nothing is done."""
    before = group.now
    assert refusal(group.patch(operation)) == (400, "invalidValue")
    assert group.now == before


def test_a_patch_that_changes_nothing_keeps_version_and_time(group: Held) -> None:
    """H12: attributes, members, extension and whole lists that are so already."""
    before = group.now
    group.world.later(60)
    for operation in (
        op("replace", "displayName", before["displayName"]),
        op("add", None, {"displayName": before["displayName"]}),
        op("add", "members", [{"value": group.one}]),
        op("replace", "members", [{"value": group.one}]),
        op("remove", f'members[value eq "{group.two}"]'),
        op("add", KINDS, ["personal"]),
        op("replace", ROLE, before[GROUP_EXTENSION]["accessRoleName"]),
    ):
        answer = group.patch(operation)
        assert (answer.status, answer.json()) == (200, before), operation
    assert group.patch(op("add", "members", [{"value": group.two}])).status == 200
    assert group.now["meta"]["lastModified"] != before["meta"]["lastModified"]


def test_an_extension_comes_and_goes_as_a_whole(group: Held) -> None:
    """H13: by its URN as the path; schemas are kept in step."""
    assert group.patch(op("remove", GROUP_EXTENSION)).status == 200
    assert GROUP_EXTENSION not in group.now
    assert group.now["schemas"] == [GROUP_SCHEMA]
    assert group.patch(op("add", GROUP_EXTENSION, {"accessRoleKey": "reader"})).status == 200
    assert group.now[GROUP_EXTENSION] == {"accessRoleKey": "reader"}
    assert set(group.now["schemas"]) == {GROUP_SCHEMA, GROUP_EXTENSION}
    assert group.patch(op("remove", f"{GROUP_EXTENSION}:accessRoleKey")).status == 200
    assert group.now["schemas"] == [GROUP_SCHEMA]


def test_what_is_unique_stays_so_by_patch(group: Held) -> None:
    """H14, Q: displayName and externalId change, and are taken from nobody: 409 uniqueness."""
    group.world.post("/Groups", a_group("other", displayName="Other"))
    before = group.now
    for operation in (
        op("replace", "displayName", "OTHER"),
        op("replace", "externalId", "grp:10001:other"),
        op("replace", None, {"displayName": "other", "externalId": "mine"}),
    ):
        assert refusal(group.patch(operation)) == (409, "uniqueness")
    assert group.now == before
    assert group.patch(op("replace", None, {"displayName": "Mine", "externalId": "mine"})).status == 200
    assert group.world.found("Groups", 'externalId eq "mine" and displayName eq "mine"') == ["Mine"]


def test_a_patch_holds_only_so_much(group: Held) -> None:
    """H15: a hundred members and a thousand operations are done, more of them are 413."""
    many = [f"{number:026d}" for number in range(100)]
    known = op("remove", "members", [{"value": each} for each in many])
    assert group.patch(known).status == 200
    nothing = op("remove", f'members[value eq "{group.two}"]')
    assert group.patch(*[nothing] * MOST_OPERATIONS).status == 200
    assert group.patch(*[nothing] * (MOST_OPERATIONS + 1)).status == 413
