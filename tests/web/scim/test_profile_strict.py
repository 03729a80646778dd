"""The profile ``strict``: every rule of the SCIM 2.0 Interoperability Profile, in the order of the draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scim.domain.models import GROUP_SCHEMA, USER_SCHEMA
from scim.domain.profile import Profile, Tolerance
from tests.support.scim_contested import CONTESTED, GUIDES, NORA, contested_rows
from tests.support.scim_profiles import (
    ENTERPRISE,
    Row,
    a_patch,
    a_speaker,
    nora,
    plain_user,
    play,
    play_all,
    two_users_and_a_group,
)

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

STRICT = Profile.STRICT
UNKNOWN_SCHEMA = "urn:example:params:scim:schemas:extension:tours:2.0:User"
WORK = 'emails[type eq "work"]'


@pytest.mark.parametrize("flag", CONTESTED)
def test_nothing_beyond_the_profile_is_taken(sqlite_world: ScimWorld, flag: str) -> None:
    """Q: one request for every tolerance; the strict profile has none of them."""
    assert STRICT.tolerance == Tolerance()
    play(sqlite_world, STRICT, CONTESTED[flag].of(STRICT, tolerated=False))


REFUSED: dict[str, Row] = {
    "an undefined attribute in a POST": Row(
        "Q attributes", "POST", "/Users", plain_user("pia") | {"favouriteColour": "blue"}
    ),
    "an undefined part of an attribute": Row(
        "Q attributes", "POST", "/Users", plain_user("pia") | {"name": {"nickname": "P"}}
    ),
    "an undefined part of an entry": Row(
        "Q attributes", "PUT", NORA, nora() | {"emails": [{"value": "n@acme.example", "verified": True}]}
    ),
    "an undefined attribute of an extension": Row(
        "Q attributes",
        "POST",
        "/Users",
        plain_user("pia") | {"schemas": [USER_SCHEMA, ENTERPRISE], ENTERPRISE: {"floor": "4"}},
    ),
    "a password, which no schema here defines": Row(
        "Q attributes, C12", "POST", "/Users", plain_user("pia") | {"password": "t3MPorary-Word!"}
    ),
    "an undefined schema in a POST": Row(
        "Q attributes", "POST", "/Users", plain_user("pia") | {"schemas": [USER_SCHEMA, UNKNOWN_SCHEMA]}
    ),
    "an undefined schema in a PUT": Row(
        "Q attributes", "PUT", GUIDES, {"schemas": [GROUP_SCHEMA, UNKNOWN_SCHEMA], "displayName": "Guides"}
    ),
    "what an undefined schema holds": Row(
        "Q attributes", "POST", "/Users", plain_user("pia") | {UNKNOWN_SCHEMA: {"badge": "7"}}
    ),
    "a path to an undefined attribute": a_patch(
        "Q attributes", NORA, {"op": "replace", "path": "favouriteColour", "value": "blue"}
    ),
    "a path to an undefined part": a_patch(
        "Q attributes", NORA, {"op": "add", "path": "name.nickname", "value": "N"}
    ),
    "a path to an attribute of an undefined schema": a_patch(
        "Q attributes", NORA, {"op": "add", "path": f"{UNKNOWN_SCHEMA}:badge", "value": "7"}
    ),
    "an undefined part in a value": a_patch(
        "Q attributes", NORA, {"op": "add", "path": "name", "value": {"nickname": "N"}}
    ),
    "an undefined part of a member": a_patch(
        "Q attributes", GUIDES, {"op": "add", "path": "members", "value": [{"value": "{omar}", "rank": 1}]}
    ),
    "an undefined member of an operation": a_patch(
        "Q attributes", NORA, {"op": "add", "path": "title", "value": "Guide", "name": "setTitle"}
    ),
    "an add without a path": a_patch("Q path", NORA, {"op": "add", "value": {"title": "Guide"}}),
    "a remove without a path": a_patch("Q path", NORA, {"op": "remove"}),
    "members without a path": a_patch(
        "Q path", GUIDES, {"op": "add", "value": {"members": [{"value": "{omar}"}]}}
    ),
    "a path to the schema itself": a_patch(
        "Q path", NORA, {"op": "replace", "path": USER_SCHEMA, "value": {"title": "Guide"}}
    ),
    "another operation": a_patch("Q operators", NORA, {"op": "move", "path": "title", "value": "nickName"}),
    "one that comes after a good one": a_patch(
        "Q path, H2",
        NORA,
        {"op": "replace", "path": "title", "value": "Guide"},
        {"op": "replace", "value": {"nickName": "N"}},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_defined_or_has_no_path_is_bad_syntax(sqlite_world: ScimWorld, name: str) -> None:
    """Q: 400 invalidSyntax for undefined attributes and schemas, operations without a path, other operators."""
    play(sqlite_world, STRICT, REFUSED[name].refused("invalidSyntax"))


NO_PATHS = (
    "",
    " ",
    "title.",
    ".title",
    "..",
    "a b",
    "name[",
    "emails[type eq",
    f"{WORK} .value",
    "displayName[a]]",
    "Zoë",
)


@pytest.mark.parametrize("target", [NORA, GUIDES])
@pytest.mark.parametrize("path", NO_PATHS)
def test_what_is_no_path_is_a_bad_path(sqlite_world: ScimWorld, path: str, target: str) -> None:
    """Q, H7: 400 invalidPath for what RFC 7644 §3.10 does not write; only what it does can be undefined."""
    operation = {"op": "replace", "path": path, "value": "n@acme.example"}
    play(sqlite_world, STRICT, a_patch("H7", target, operation).refused("invalidPath"))


ENTRIES: dict[str, Row] = {
    f"{op} of an entry as a whole": a_patch(
        "Q entries",
        NORA,
        {"op": op, "path": WORK} | ({} if op == "remove" else {"value": {"value": "n@acme.example"}}),
    )
    for op in ("add", "replace", "remove")
}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_path_names_a_part_of_the_entry_it_selects(sqlite_world: ScimWorld, name: str) -> None:
    """Q: 400 invalidPath for ``emails[type eq "work"]``, whatever is to be done with it."""
    play(sqlite_world, STRICT, ENTRIES[name].refused("invalidPath"))


@pytest.mark.parametrize("selection", ['value eq "{nora}" or value eq "{omar}"', 'type eq "User"'])
def test_a_selection_takes_one_member_out_at_most(sqlite_world: ScimWorld, selection: str) -> None:
    """Q entries, H5: 400 invalidFilter where it meets two, in whatever words."""
    come = {"op": "add", "path": "members", "value": [{"value": "{omar}"}]}
    gone = {"op": "remove", "path": f"members[{selection}]"}
    play(sqlite_world, STRICT, a_patch("Q entries", GUIDES, come, gone).refused("invalidFilter"))


TAKEN: dict[str, Row] = {
    "a part of one entry": a_patch(
        "Q entries",
        NORA,
        {"op": "replace", "path": f"{WORK}.value", "value": "n.field@acme.example"},
        stored={
            "emails": [
                {"value": "n.field@acme.example", "type": "work", "primary": True},
                {"value": "nora@home.example", "type": "home"},
            ]
        },
    ),
    "one entry after the other": a_patch(
        "Q entries, H2",
        NORA,
        {"op": "replace", "path": "phoneNumbers", "value": [{"value": "1", "type": "work"}]},
        {"op": "replace", "path": 'phoneNumbers[type eq "work"].value', "value": "2"},
        stored={"phoneNumbers": [{"value": "2", "type": "work"}]},
    ),
    "add of a singular attribute": a_patch(
        "Q singular", NORA, {"op": "add", "path": "title", "value": "Guide"}, stored={"title": "Guide"}
    ),
    "replace of a singular attribute": a_patch(
        "Q singular", NORA, {"op": "replace", "path": "title", "value": "Guide"}, stored={"title": "Guide"}
    ),
    "replace of one that is not there": a_patch(
        "Q singular", NORA, {"op": "replace", "path": "nickName", "value": "N"}, stored={"nickName": "N"}
    ),
    "add merges a complex attribute": a_patch(
        "Q complex",
        NORA,
        {"op": "add", "path": "name", "value": {"familyName": "Meadow"}},
        stored={"name": {"familyName": "Meadow", "givenName": "Nora"}},
    ),
    "replace takes the whole complex attribute": a_patch(
        "Q complex",
        NORA,
        {"op": "replace", "path": "name", "value": {"formatted": "N. Meadow"}},
        stored={"name": {"formatted": "N. Meadow", "familyName": None, "givenName": None}},
    ),
    "replace takes the whole collection": a_patch(
        "Q collection",
        NORA,
        {"op": "replace", "path": "emails", "value": [{"value": "n@acme.example", "type": "work"}]},
        stored={"emails": [{"value": "n@acme.example", "type": "work"}]},
    ),
    "add appends to a collection": a_patch(
        "Q collection",
        NORA,
        {"op": "add", "path": "emails", "value": [{"value": "n@other.example", "type": "other"}]},
        stored={
            "emails": [
                {"value": "nora@acme.example", "type": "work", "primary": True},
                {"value": "nora@home.example", "type": "home"},
                {"value": "n@other.example", "type": "other"},
            ]
        },
    ),
    "an attribute of an extension": a_patch(
        "Q attributes, H7",
        NORA,
        {"op": "add", "path": f"{ENTERPRISE}:department", "value": "Tours"},
        stored={ENTERPRISE: {"department": "Tours"}},
    ),
    "one member goes by its value": a_patch(
        "Q entries, J4: nothing else takes one member out",
        GUIDES,
        {"op": "remove", "path": 'members[value eq "{nora}"]'},
        stored={"members": None},
    ),
    "one of those whom a selection may mean is a member": a_patch(
        "Q entries, H7",
        GUIDES,
        {"op": "remove", "path": 'members[value eq "{nora}" or value eq "{omar}"]'},
        stored={"members": None},
    ),
    "what is read-only is ignored": Row(
        "C2", "PUT", NORA, nora() | {"id": "x", "meta": {"made": 1}}, stored={"id": "{nora}"}
    ),
    "a filter of eq and and": Row(
        "Q filter",
        "GET",
        "/Users",
        query={"filter": 'userName eq "nora" and active eq true'},
        answer={"totalResults": 1},
    ),
    "switched off and still there": a_patch(
        "Q lifecycle",
        NORA,
        {"op": "replace", "path": "active", "value": False},
        stored={"active": False, "userName": "nora"},
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_the_profile_demands_is_done(sqlite_world: ScimWorld, name: str) -> None:
    """Q: singular and multi-valued attributes, complex ones whole or merged, filters, the lifecycle."""
    play(sqlite_world, STRICT, TAKEN[name])


def test_the_flag_is_shown_to_strict_clients_and_to_nobody_else(sqlite_world: ScimWorld) -> None:
    """Q flag, A8, A9: per client, with a tag of its own, and never kept for others by a cache."""
    path = "/ServiceProviderConfig"
    flagged = a_speaker(sqlite_world, STRICT).say("GET", path)
    assert flagged["interopProfileConformant"] is True
    assert flagged.headers["cache-control"].startswith("private")
    plain = sqlite_world.get(path, token="")
    assert plain.headers["cache-control"].startswith("public")
    for profile in (Profile.RFC, Profile.ENTRA, Profile.OKTA):
        answer = a_speaker(sqlite_world, profile).say("GET", path)
        assert answer.json() == plain.json()
        assert "interopProfileConformant" not in answer.json()
    assert flagged.json() == plain.json() | {"interopProfileConformant": True}
    assert flagged.headers["etag"] != plain.headers["etag"]
    assert {flagged.headers["vary"], plain.headers["vary"]} == {"Authorization"}


def test_discovery_says_all_that_the_profile_demands(sqlite_world: ScimWorld) -> None:
    """Q discovery, canonical values, paging, A5, A6, A10: the published schemas are complete."""
    strict = a_speaker(sqlite_world, STRICT)
    schemas = {each["id"]: each for each in strict.say("GET", "/Schemas")["Resources"]}
    for kind in strict.say("GET", "/ResourceTypes")["Resources"]:
        assert kind["id"] == kind["name"]
        assert {kind["schema"], *(each["schema"] for each in kind["schemaExtensions"])} <= schemas.keys()
    attributes = [each for schema in schemas.values() for each in schema["attributes"]]
    types = [part for each in attributes for part in each.get("subAttributes", ()) if part["name"] == "type"]
    assert types
    assert all(each["canonicalValues"] for each in types)
    config = strict.say("GET", "/ServiceProviderConfig")
    assert config["patch"]["supported"]
    assert config["filter"]["supported"]
    assert config["pagination"]["index"]
    assert min(config["pagination"]["defaultPageSize"], config["pagination"]["maxPageSize"]) >= 100
    assert "httpbasic" not in {each["type"] for each in config["authenticationSchemes"]}


def test_names_and_ids_are_compared_as_they_are_unique(sqlite_world: ScimWorld) -> None:
    """Q case, Q uniqueness, E14: userName in any case, id and externalId in their own; 409 on POST and PATCH."""
    strict = two_users_and_a_group(sqlite_world, STRICT)

    def found(text: str) -> int:
        return int(strict.say("GET", "/Users", query={"filter": text})["totalResults"])

    assert found('userName eq "NORA"') == 1
    assert found('externalId eq "EXT-NORA"') == 0
    assert strict.say("GET", f"/Users/{strict.ids['nora'].lower()}").status == 404
    assert strict.say("POST", "/Users", plain_user("pia") | {"externalId": "EXT-NORA"}).status == 201
    taken = strict.say("POST", "/Users", plain_user("NORA"))
    assert (taken.status, taken.scim_type) == (409, "uniqueness")
    for path, value in (("userName", "Nora"), ("externalId", "ext-nora")):
        operations = [{"op": "replace", "path": path, "value": value}]
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
        taken = strict.say("PATCH", "/Users/{omar}", body)
        assert (taken.status, taken.scim_type) == (409, "uniqueness")


def test_a_deleted_resource_is_gone_and_its_names_are_free(sqlite_world: ScimWorld) -> None:
    """Q lifecycle, I1, I2, I3: 404 to everything after it, in no list, and the name may be given again."""
    strict = two_users_and_a_group(sqlite_world, STRICT)
    assert strict.say("DELETE", NORA).status == 204
    for method, body in (("GET", None), ("DELETE", None), ("PUT", nora())):
        assert strict.say(method, NORA, body).status == 404
    assert strict.say("GET", "/Users")["totalResults"] == 1
    assert strict.say("POST", "/Users", nora()).status == 201


def test_filters_name_what_there_is(sqlite_world: ScimWorld) -> None:
    """Q filter, E8: 400 invalidFilter for an attribute that no schema of the type defines."""
    row = Row("Q filter", "GET", "/Groups", query={"filter": 'userName eq "nora"'})
    play(sqlite_world, STRICT, row.refused("invalidFilter"))


def test_every_answer_is_scim_and_basic_is_not_offered(sqlite_world: ScimWorld) -> None:
    """Q headers, Q authentication, B1, O5."""
    strict = two_users_and_a_group(sqlite_world, STRICT)
    answers = [
        strict.say("GET", "/Users"),
        strict.say("GET", NORA),
        strict.say("GET", "/Users/nobody"),
        strict.say("POST", "/Users", {}),
        sqlite_world.get("/Users", token="", headers={"Authorization": "Basic bm9yYTpub3Jh"}),
    ]
    assert [each.status for each in answers] == [200, 200, 404, 400, 401]
    assert all(each.headers["content-type"].startswith("application/scim+json") for each in answers)
    assert "Basic" not in answers[-1].headers["www-authenticate"]


def test_the_tables_hold_on_postgresql(postgresql_world: ScimWorld) -> None:
    """Q: every row of this module, row after row in one world."""
    syntax = {name: row.refused("invalidSyntax") for name, row in REFUSED.items()}
    paths = {name: row.refused("invalidPath") for name, row in ENTRIES.items()}
    play_all(postgresql_world, STRICT, [contested_rows(STRICT), syntax, paths, TAKEN])
