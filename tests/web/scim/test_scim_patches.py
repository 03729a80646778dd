"""PATCH of users: lines H1..H15 and attacks SP-*."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from scim.domain.filters import LONGEST, MOST_TERMS
from scim.domain.models import USER_EXTENSION, USER_SCHEMA
from tests.support.scim import PATCH_SCHEMA, a_group, a_user

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture
def world(sqlite_world: ScimWorld) -> ScimWorld:
    """Give a service: what a PATCH means, no database can change."""
    return sqlite_world


TERMS = " and ".join(['type eq "work"'] * (MOST_TERMS + 1))
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown op": ({"op": "move", "path": "title", "value": "x"}, "invalidValue"),
    "no op": ({"path": "title", "value": "x"}, "invalidValue"),
    "remove without a path": ({"op": "remove"}, "noTarget"),
    "add without a value": ({"op": "add", "path": "title"}, "invalidValue"),
    "unknown path": ({"op": "replace", "path": "nothing", "value": "x"}, "invalidPath"),
    "path that cannot be read": ({"op": "replace", "path": "emails[type eq", "value": "x"}, "invalidPath"),
    "path that is no text": ({"op": "replace", "path": 5, "value": "x"}, "invalidValue"),
    "path with half a character": (
        {"op": "add", "path": 'emails[type eq "\\ud800"].value', "value": "x@acme.example"},
        "invalidPath",
    ),
    "path with a zero character": (
        {"op": "add", "path": 'emails[type eq "\\u0000"].value', "value": "x@acme.example"},
        "invalidPath",
    ),
    "no such entry": (
        {"op": "replace", "path": 'emails[type eq "home"].value', "value": "x@acme.example"},
        "noTarget",
    ),
    "read-only id": ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
    "read-only groups": ({"op": "add", "path": "groups", "value": [{"value": "x"}]}, "mutability"),
    "required name removed": ({"op": "remove", "path": "userName"}, "mutability"),
    "name emptied": ({"op": "replace", "path": "userName", "value": " "}, "invalidValue"),
    "wrong type": ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
    "text for a boolean": ({"op": "Replace", "path": "active", "value": "False"}, "invalidValue"),
    "number for a boolean": ({"op": "replace", "path": "active", "value": 0}, "invalidValue"),
    "wrong type inside": (
        {"op": "replace", "path": "emails", "value": [{"primary": "perhaps"}]},
        "invalidValue",
    ),
    "two primaries at once": (
        {
            "op": "add",
            "path": "emails",
            "value": [
                {"value": "a@acme.example", "primary": True},
                {"value": "b@acme.example", "primary": True},
            ],
        },
        "invalidValue",
    ),
    "kind changed": (
        {"op": "replace", "path": f"{USER_EXTENSION}:accountKind", "value": "machine"},
        "mutability",
    ),
    "password": ({"op": "replace", "path": "password", "value": "Summer2026!"}, "invalidPath"),
    "a part that there is not": (
        {"op": "replace", "path": 'emails[type eq "work"].nothing', "value": "x"},
        "invalidPath",
    ),
    "a part of a part": (
        {"op": "replace", "path": 'emails[value eq "a]b"].value.first', "value": "x"},
        "invalidPath",
    ),
    "a path without end": (
        {"op": "remove", "path": f'emails[value eq "{"x" * (LONGEST - 18)}"]'},
        "invalidPath",
    ),
    "a path without bottom": (
        {"op": "remove", "path": f'emails[{"not (" * 33}type eq "x"{")" * 33}]'},
        "invalidPath",
    ),
    "a path of nothing but parentheses": (
        {"op": "replace", "path": f'emails[{"(" * 32}type eq "work"{")" * 32}].display', "value": "x"},
        "invalidPath",
    ),
    "a path of too many terms": (
        {"op": "replace", "path": f"emails[{TERMS}].display", "value": "x"},
        "invalidPath",
    ),
    "the same in a value": (
        {"op": "replace", "value": {f"emails[{TERMS}].display": "x"}},
        "invalidPath",
    ),
    "a long path in a value": (
        {"op": "replace", "value": {f'emails[value ne "{"x" * LONGEST}"].display': "x"}},
        "invalidPath",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_operation_that_cannot_be_done_undoes_all(world: ScimWorld, name: str) -> None:
    """H2, H6, H7, H11, SF-01, SP-03, SP-04: 400 with the right keyword; version and values stay."""
    operation, scim_type = REFUSED[name]
    made = world.post("/Users", a_user())
    path = f"/Users/{made['id']}"
    good = {"op": "replace", "path": "title", "value": "Guide"}
    answer = world.patch(path, good, operation)
    assert (answer.status, answer.scim_type) == (400, scim_type), answer.body
    assert "Summer2026" not in answer.detail
    assert world.get(path).json() == made.json()


UNASSIGNING: list[dict[str, Any]] = [
    {"op": "remove", "path": "userName"},
    {"op": "remove", "path": "USERNAME"},
    {"op": "remove", "path": f"{USER_SCHEMA}:userName"},
    {"op": "remove", "path": "userName", "value": "fieldn"},
    {"op": "replace", "path": "userName", "value": None},
    {"op": "replace", "path": "userName", "value": []},
    {"op": "replace", "value": {"userName": None}},
    {"op": "add", "value": {"username": None}},
    {"op": "replace", "value": {f"{USER_SCHEMA}:userName": None}},
]


@pytest.mark.parametrize("operation", UNASSIGNING, ids=json.dumps)
def test_what_must_be_there_is_named_where_it_would_go(
    sqlite_world: ScimWorld, operation: dict[str, Any]
) -> None:
    """H6, N6: 400 mutability with the name of the attribute, however the operation words it."""
    made = sqlite_world.post("/Users", a_user())
    refused = sqlite_world.patch(f"/Users/{made['id']}", operation)
    assert (refused.status, refused.scim_type) == (400, "mutability")
    assert refused.detail == "'userName' is required and cannot be removed."
    assert sqlite_world.get(f"/Users/{made['id']}").body == made.body


def test_a_path_may_be_as_long_as_a_filter(world: ScimWorld) -> None:
    """H7, O12: up to its limit a path means what it says; for groups as for users beyond it is none."""
    user = f"/Users/{world.post('/Users', a_user())['id']}"
    group = f"/Groups/{world.post('/Groups', a_group())['id']}"
    long = f'emails[value eq "{"x" * (LONGEST - 19)}"]'
    assert len(long) == LONGEST
    assert world.patch(user, {"op": "remove", "path": long}).status == 200
    for path in (user, group):
        answer = world.patch(path, {"op": "remove", "path": f"{long} "})
        assert (answer.status, answer.scim_type) == (400, "invalidPath")
        assert str(LONGEST) in answer.detail


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        ({"op": "replace", "path": "title", "value": {"a": 1}}, "title"),
        ({"op": "add", "path": "emails", "value": "x@acme.example"}, "emails[1]"),
        ({"op": "replace", "value": {"name": "Nora"}}, "name"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "'active'"),
        ({"op": "replace", "path": "displayName", "value": 5}, "displayName"),
        ({"op": "replace", "value": {"name": {"familyName": ["Field"]}}}, "'name.familyName'"),
        ({"op": "add", "path": "phoneNumbers", "value": "x"}, "phoneNumbers[1]"),
        ({"op": "replace", "path": "userName", "value": ""}, "'userName'"),
        ({"op": "replace", "path": "userName", "value": 7}, "userName"),
        ({"op": "add", "path": "displayName", "value": [{"value": "Nora"}]}, "displayName"),
        ({"op": "add", "path": "name.familyName", "value": 7}, "'name.familyName'"),
        ({"op": "replace", "path": "emails.value", "value": ["x@acme.example"]}, "'emails.value'"),
        ({"op": "replace", "path": 'emails[type eq "work"].display', "value": {}}, "'emails.display'"),
        ({"op": "add", "path": f"{ENTERPRISE}:manager.value", "value": 7}, "'manager.value'"),
        (
            {"op": "add", "path": f"{USER_EXTENSION}:deactivation.at", "value": "2026-02-30T00:00:00Z"},
            "'deactivation.at'",
        ),
        (
            {"op": "add", "path": f"{USER_EXTENSION}:deactivation", "value": {"at": "2026-01-01T25:00:00Z"}},
            "'deactivation.at'",
        ),
        ({"op": "replace", "path": "phoneNumbers", "value": [{"value": 7}]}, "phoneNumbers[0].value"),
        ({"op": "add", "path": f"{ENTERPRISE}:employeeNumber", "value": 7}, "employeeNumber"),
        ({"op": "add", "path": f"{ENTERPRISE}:manager.$ref", "value": 7}, "$ref"),
        ({"op": "add", "path": f"{USER_EXTENSION}:personId", "value": 7}, "personId"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_its_attribute(
    sqlite_world: ScimWorld, operation: dict[str, Any], named: str
) -> None:
    """H11, N6: 400 invalidValue; whoever reads the record of requests sees what to mend."""
    made = sqlite_world.post("/Users", a_user())["id"]
    answer = sqlite_world.patch(f"/Users/{made}", operation)
    assert (answer.status, answer.scim_type) == (400, "invalidValue")
    assert named in answer.detail


@pytest.mark.parametrize(
    ("operation", "scim_type", "told"),
    [
        (
            {"op": "add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+1 416 555 0100"},
            "noTarget",
            "no value of 'phoneNumbers' matches the path filter",
        ),
        (
            {"op": "replace", "path": 'x509Certificates[type eq "work"].value', "value": "MIIB"},
            "noTarget",
            "no value of 'x509Certificates' matches the path filter",
        ),
        (
            {"op": "replace", "value": [{"title": "Guide"}, {"nickName": "N"}]},
            "invalidValue",
            "Without a 'path' the 'value' must be an object that names attributes.",
        ),
        (
            {"op": "add", "value": "Guide"},
            "invalidValue",
            "Without a 'path' the 'value' must be an object that names attributes.",
        ),
    ],
)
def test_what_an_operation_misses_is_told_in_the_words_of_the_request(
    sqlite_world: ScimWorld, operation: dict[str, Any], scim_type: str, told: str
) -> None:
    """N6: an attribute has the schema's name; no value is said to belong to a path that was not there."""
    made = sqlite_world.post("/Users", a_user())["id"]
    answer = sqlite_world.patch(f"/Users/{made}", operation)
    assert (answer.status, answer.scim_type, answer.detail) == (400, scim_type, told)


WRONG_MESSAGES: dict[str, dict[str, Any]] = {
    "no schemas": {"Operations": [{"op": "remove", "path": "title"}]},
    "other schemas": {"schemas": [USER_SCHEMA], "Operations": [{"op": "remove", "path": "title"}]},
    "no operations": {"schemas": [PATCH_SCHEMA]},
    "empty operations": {"schemas": [PATCH_SCHEMA], "Operations": []},
    "operations that are none": {"schemas": [PATCH_SCHEMA], "Operations": ["remove"]},
    "operations that are no list": {"schemas": [PATCH_SCHEMA], "Operations": {"op": "remove"}},
}


@pytest.mark.parametrize("name", WRONG_MESSAGES)
def test_what_is_no_patch_is_refused(world: ScimWorld, name: str) -> None:
    """H1: the message has its schema and one operation or more."""
    made = world.post("/Users", a_user())["id"]
    answer = world.request("PATCH", f"/Users/{made}", WRONG_MESSAGES[name])
    assert (answer.status, answer.scim_type) == (400, "invalidSyntax")


def test_too_many_operations_are_too_large(world: ScimWorld) -> None:
    """H15: 413 names the limit."""
    made = world.post("/Users", a_user())["id"]
    paths = {f'emails[value ne "{number}"].display': "Nora" for number in range(501)}
    for operations in (
        [{"op": "remove", "path": "title"}] * 1001,
        [{"op": "replace", "value": paths}] * 2,
    ):
        answer = world.patch(f"/Users/{made}", *operations)
        assert answer.status == 413
        assert "1000" in answer.detail


SHAPES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "replace a value": ([{"op": "replace", "path": "title", "value": "Guide"}], {"title": "Guide"}),
    "any case": ([{"op": "Replace", "path": "TITLE", "value": "Guide"}], {"title": "Guide"}),
    "add a value": ([{"op": "Add", "path": "nickName", "value": "Nono"}], {"nickName": "Nono"}),
    "a sub-attribute": (
        [{"op": "replace", "path": "name.familyName", "value": "Meadow"}],
        {"name": {"givenName": "Nora", "familyName": "Meadow"}},
    ),
    "add merges a complex one": (
        [{"op": "add", "path": "name", "value": {"middleName": "Q"}}],
        {"name": {"givenName": "Nora", "familyName": "Field", "middleName": "Q"}},
    ),
    "without a path": (
        [{"op": "replace", "value": {"title": "Guide", "name.familyName": "Meadow"}}],
        {"title": "Guide", "name": {"givenName": "Nora", "familyName": "Meadow"}},
    ),
    "without a path, by URN": (
        [{"op": "replace", "value": {f"{USER_EXTENSION}:tenant": "other"}}],
        {},
    ),
    "an entry by what it is": (
        [{"op": "replace", "path": 'emails[type eq "work"].value', "value": "n@acme.example"}],
        {"emails": [{"value": "n@acme.example", "type": "work", "primary": True}]},
    ),
    "append an entry": (
        [{"op": "add", "path": "emails", "value": [{"value": "h@home.example", "type": "home"}]}],
        {
            "emails": [
                {"value": "fieldn@acme.example", "type": "work", "primary": True},
                {"value": "h@home.example", "type": "home"},
            ]
        },
    ),
    "a new primary takes the place": (
        [{"op": "add", "path": "emails", "value": [{"value": "h@home.example", "primary": True}]}],
        {
            "emails": [
                {"value": "fieldn@acme.example", "type": "work", "primary": False},
                {"value": "h@home.example", "primary": True},
            ]
        },
    ),
    "the whole list": (
        [{"op": "replace", "path": "emails", "value": [{"value": "h@home.example"}]}],
        {"emails": [{"value": "h@home.example"}]},
    ),
    "another schema's attribute": (
        [{"op": "add", "path": f"{ENTERPRISE}:department", "value": "Tours"}],
        {ENTERPRISE: {"department": "Tours"}},
    ),
    "switched off without a path, as Okta sends it": (
        [{"op": "replace", "value": {"active": False}}],
        {"active": False},
    ),
    "the name": ([{"op": "replace", "path": "userName", "value": "meadown"}], {"userName": "meadown"}),
    "the external id": ([{"op": "replace", "path": "externalId", "value": "n-1"}], {"externalId": "n-1"}),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_does_what_it_says(world: ScimWorld, name: str) -> None:
    """H3, H4, H5, H7, H8, H10, H13, H14: 200 with the user as it is then; a new version."""
    operations, expected = SHAPES[name]
    made = world.post("/Users", a_user())
    world.later()
    answer = world.patch(f"/Users/{made['id']}", *operations)
    assert answer.status == 200, answer.body
    found = answer.json()
    assert {key: found[key] for key in expected} == expected
    assert answer.headers["etag"] != made.headers["etag"]
    assert found["meta"]["lastModified"] > made["meta"]["lastModified"]
    assert found["meta"]["created"] == made["meta"]["created"]
    assert world.get(f"/Users/{made['id']}").json() == found
    assert set(found["schemas"]) == {each for each in found if each.startswith("urn:")} | {USER_SCHEMA}


@pytest.mark.parametrize(
    ("stored", "asked"), [("Straße", "STRASSE"), ("strasse", "Straße"), ("ﬁle", "FILE"), ("ΟΔΟΣ", "οδοσ")]
)
def test_a_path_selects_what_a_search_finds(world: ScimWorld, stored: str, asked: str) -> None:
    """H7, E14: by the rule that user names are compared by, whatever the letters."""
    roles = [{"value": stored, "type": "work"}, {"value": "other"}]
    selection = f"roles[value eq {json.dumps(asked)}]"
    for number, (operation, left) in enumerate(
        [
            (
                {"op": "replace", "path": f"{selection}.display", "value": "x"},
                [roles[0] | {"display": "x"}, roles[1]],
            ),
            (
                {"op": "add", "path": selection, "value": {"display": "x"}},
                [roles[0] | {"display": "x"}, roles[1]],
            ),
            ({"op": "remove", "path": selection}, roles[1:]),
            ({"op": "remove", "path": "roles", "value": [{"value": asked}]}, roles[1:]),
            ({"op": "add", "path": "roles", "value": [roles[0] | {"value": asked}]}, roles),
        ]
    ):
        made = world.post("/Users", a_user(f"u{number}", roles=roles))
        assert world.found("Users", f'userName eq "u{number}" and {selection}') == [f"u{number}"]
        answer = world.patch(f"/Users/{made['id']}", operation)
        assert answer.status == 200, answer.body
        assert answer["roles"] == left, operation
        assert (answer.headers["etag"] == made.headers["etag"]) == (left == roles)


@pytest.mark.parametrize(
    "selection",
    [
        '(type eq "work" or type eq "home") or display pr',
        'type eq "other" or (type eq "home" or (type eq "work"))',
        '((type eq "work") and (value pr)) and (not (display pr))',
        '(type eq "other" or type eq "work") and not (display pr and (value sw "(" and type pr))',
    ],
)
def test_a_selection_may_have_brackets_that_it_does_not_need(world: ScimWorld, selection: str) -> None:
    """H5, H7, RFC 7644 §3.4.2.2: grouping changes no meaning; what is answered 200 is done."""
    made = world.post("/Users", a_user())
    change = {"value": "n@acme.example", "display": "Nora"}
    answer = world.patch(
        f"/Users/{made['id']}", {"op": "replace", "path": f"emails[{selection}]", "value": change}
    )
    assert answer.status == 200, answer.body
    assert answer["emails"] == [{**made["emails"][0], **change}]


REMOVALS = {
    "an attribute": ("phoneNumbers", "phoneNumbers"),
    "a sub-attribute": ("name.givenName", None),
    "entries by what they are": ('emails[type eq "work"]', "emails"),
    "an extension as a whole": (ENTERPRISE, ENTERPRISE),
}


@pytest.mark.parametrize("name", REMOVALS)
def test_what_is_removed_is_gone(world: ScimWorld, name: str) -> None:
    """H6, H13: removing the last value leaves the attribute unassigned; the fence alone stays."""
    path, gone = REMOVALS[name]
    body = a_user(schemas=[USER_SCHEMA, ENTERPRISE, USER_EXTENSION])
    made = world.post("/Users", body | {ENTERPRISE: {"department": "Tours"}})["id"]
    answer = world.patch(f"/Users/{made}", {"op": "remove", "path": path})
    assert answer.status == 200, answer.body
    if gone:
        assert gone not in answer.json()
        assert gone not in answer["schemas"]
    if path == "name.givenName":
        assert answer["name"] == {"familyName": "Field"}


ADDING_NOTHING: list[dict[str, Any]] = [
    {"op": "add", "value": {"emails": None, "displayName": None}},
    {"op": "add", "value": {"name": {"givenName": None}}},
    {"op": "add", "value": {"name.givenName": None}},
    {"op": "add", "value": {USER_EXTENSION: None}},
    {"op": "add", "value": {USER_EXTENSION: {"tenant": None}}},
    {"op": "add", "path": "name", "value": {"givenName": None}},
    {"op": "add", "path": USER_EXTENSION, "value": {"tenant": None}},
    {"op": "add", "path": 'emails[type eq "work"]', "value": {"primary": None}},
]


@pytest.mark.parametrize("operation", ADDING_NOTHING, ids=json.dumps)
def test_an_add_takes_nothing_away(sqlite_world: ScimWorld, operation: dict[str, Any]) -> None:
    """H4, RFC 7643 §2.5: null is no value, and to add none changes nothing."""
    made = sqlite_world.post("/Users", a_user())
    answer = sqlite_world.patch(f"/Users/{made['id']}", operation)
    assert (answer.status, answer.json()) == (200, made.json())


NETWORKS = f"{USER_EXTENSION}:allowedAddresses"
BY_VALUE: list[tuple[Any, list[str]]] = [
    (["192.0.2.0/24"], ["198.51.100.0/24"]),
    ("192.0.2.0/24", ["198.51.100.0/24"]),
    ([{"value": "192.0.2.0/24"}], ["198.51.100.0/24"]),
    (["203.0.113.0/24"], ["192.0.2.0/24", "198.51.100.0/24"]),
    ([], ["192.0.2.0/24", "198.51.100.0/24"]),
]


@pytest.mark.parametrize(("value", "left"), BY_VALUE, ids=repr)
def test_plain_values_are_removed_by_value_too(world: ScimWorld, value: Any, left: list[str]) -> None:
    """H6, R: as entries are; what is not there is no error, and who names nothing removes nothing."""
    body = a_user()
    body[USER_EXTENSION] |= {"allowedAddresses": ["192.0.2.0/24", "198.51.100.0/24"]}
    made = world.post("/Users", body)
    answer = world.patch(f"/Users/{made['id']}", {"op": "remove", "path": NETWORKS, "value": value})
    assert (answer.status, answer[USER_EXTENSION]["allowedAddresses"]) == (200, left)


@pytest.mark.parametrize("path", [None, ENTERPRISE, ENTERPRISE.upper().replace("URN:IETF", "urn:ietf")])
def test_an_extension_that_is_replaced_by_null_is_gone(world: ScimWorld, path: str | None) -> None:
    """H5, H13, RFC 7643 §2.5: null leaves it without a value, as it does an attribute; schemas are in step."""
    listed = [USER_SCHEMA, ENTERPRISE, USER_EXTENSION]
    made = world.post("/Users", a_user(schemas=listed) | {ENTERPRISE: {"department": "Tours"}})["id"]
    named = {"value": {ENTERPRISE: None}} if path is None else {"path": path, "value": None}
    answer = world.patch(f"/Users/{made}", {"op": "replace", **named})
    assert (answer.status, ENTERPRISE in answer.json()) == (200, False), answer.body
    assert set(answer["schemas"]) == {USER_SCHEMA, USER_EXTENSION}


def test_a_fence_is_never_taken_down(world: ScimWorld) -> None:
    """OB-11: neither removing it nor leaving it out of a PUT lets an old version in again."""
    made = world.post("/Users", a_user())["id"]
    answer = world.patch(f"/Users/{made}", {"op": "remove", "path": f"{USER_EXTENSION}:sourceVersion"})
    assert answer[USER_EXTENSION]["sourceVersion"] == 1
    put = world.put(f"/Users/{made}", {"schemas": [USER_SCHEMA], "userName": "fieldn"})
    assert put[USER_EXTENSION]["sourceVersion"] == 1


NOTHING_NEW = [
    {"op": "replace", "path": "displayName", "value": "Nora Field"},
    {
        "op": "add",
        "path": "emails",
        "value": [{"value": "fieldn@acme.example", "type": "work", "primary": True}],
    },
    {"op": "remove", "path": 'emails[type eq "home"]'},
    {"op": "remove", "path": "title"},
    {"op": "replace", "path": "active", "value": True},
    {"op": "replace", "path": f"{USER_EXTENSION}:sourceVersion", "value": 1},
]


@pytest.mark.parametrize("operation", NOTHING_NEW, ids=lambda each: f"{each['op']} {each['path'][:20]}")
def test_a_patch_that_changes_nothing_leaves_the_version(world: ScimWorld, operation: dict[str, Any]) -> None:
    """H12: same tag, same time."""
    made = world.post("/Users", a_user())
    world.later()
    answer = world.patch(f"/Users/{made['id']}", operation)
    assert answer.status == 200
    assert answer.json() == made.json()


def test_a_patch_cannot_take_anothers_name(world: ScimWorld) -> None:
    """C4, Q: uniqueness holds on PATCH too: 409."""
    world.post("/Users", a_user("one"))
    two = world.post("/Users", a_user("two"))
    answer = world.patch(f"/Users/{two['id']}", {"op": "replace", "path": "userName", "value": "ONE"})
    assert (answer.status, answer.scim_type) == (409, "uniqueness")
    assert world.get(f"/Users/{two['id']}").json() == two.json()


def test_a_late_packet_changes_nothing(world: ScimWorld) -> None:
    """OB-04, OB-11: a version below the stored one is refused with staleVersion; it cannot bring back access."""
    made = world.post("/Users", a_user())["id"]
    fence = f"{USER_EXTENSION}:sourceVersion"
    off = world.patch(
        f"/Users/{made}",
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": fence, "value": 7},
    )
    assert (off.status, off[USER_EXTENSION]["sourceVersion"]) == (200, 7)
    body = a_user(active=True)
    late = [
        world.patch(
            f"/Users/{made}",
            {"op": "replace", "path": "active", "value": True},
            {"op": "replace", "path": fence, "value": 6},
        ),
        world.patch(
            f"/Users/{made}",
            {"op": "replace", "path": "displayName", "value": "Old"},
            {"op": "replace", "path": fence, "value": 6},
        ),
        world.put(f"/Users/{made}", body),
    ]
    for answer in late:
        assert answer.status == 409
        assert answer.detail.startswith("staleVersion")
    assert world.get(f"/Users/{made}").json() == off.json()
    again = world.patch(
        f"/Users/{made}",
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": fence, "value": 7},
    )
    assert again.json() == off.json()


def test_one_patch_may_switch_on_what_was_never_stated(world: ScimWorld) -> None:
    """H4: a value that has no place yet gets one, also on the direct way of the deny lane."""
    made = world.post("/Users", {"schemas": [USER_SCHEMA], "userName": "bare"})["id"]
    answer = world.patch(
        f"/Users/{made}",
        {"op": "replace", "path": "active", "value": False},
        {"op": "add", "path": f"{USER_EXTENSION}:sourceVersion", "value": 4},
    )
    assert (answer["active"], answer[USER_EXTENSION]) == (False, {"sourceVersion": 4})
    assert USER_EXTENSION in answer["schemas"]
