"""The profile ``rfc``, which every client has that is given no other: RFC 7643 and RFC 7644."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scim.domain.models import GROUP_SCHEMA
from scim.domain.profile import Profile
from scim.usecases.client import ScimClient
from tests.support.scim_contested import CONTESTED, GUIDES, NORA, contested_rows
from tests.support.scim_profiles import (
    ENTERPRISE,
    Row,
    a_patch,
    plain_user,
    play,
    play_all,
    two_users_and_a_group,
)

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

RFC = Profile.RFC
WORK = "nora@acme.example"


@pytest.mark.parametrize("flag", CONTESTED)
def test_what_clients_send_is_taken_or_refused_as_the_standard_reads(
    sqlite_world: ScimWorld, flag: str
) -> None:
    """Q, R, S: one request for every tolerance, and what it leaves behind."""
    play(sqlite_world, RFC, CONTESTED[flag].of(RFC, tolerated=getattr(RFC.tolerance, flag)))


def test_a_client_is_read_by_the_standard_unless_it_is_said_otherwise() -> None:
    """Q: the default profile is ``rfc``."""
    assert ScimClient("anybody").profile is RFC


REFUSED: dict[str, tuple[Row, str]] = {
    f"{value!r} for {name}": (
        Row("C9, H11", "POST", "/Users", plain_user("pia") | {name: value}),
        "invalidValue",
    )
    for name, value in (("active", "True"), ("active", 1), ("profileUrl", "words"), ("profileUrl", 7))
} | {
    "a text for the primary entry": (
        Row("C9", "POST", "/Users", plain_user("pia") | {"emails": [{"value": WORK, "primary": "True"}]}),
        "invalidValue",
    ),
    "a dateTime without a time": (
        Row(
            "C9",
            "POST",
            "/Users",
            plain_user("pia")
            | {
                "urn:ietf:params:scim:schemas:extension:switchyard:2.0:User": {"deactivation": {"at": "2026"}}
            },
        ),
        "invalidValue",
    ),
    "a manager stated as text": (
        Row("C9", "POST", "/Users", plain_user("pia") | {ENTERPRISE: {"manager": "{nora}"}}),
        "invalidValue",
    ),
    "an unquoted text in a filter": (
        Row("E8", "GET", "/Users", query={"filter": "userName eq nora"}),
        "invalidFilter",
    ),
    "an undefined attribute in a path": (
        a_patch("H7", NORA, {"op": "add", "path": "favouriteColour", "value": "blue"}),
        "invalidPath",
    ),
    "an undefined attribute in a filter": (
        Row("E8", "GET", "/Users", query={"filter": 'favouriteColour eq "blue"'}),
        "invalidFilter",
    ),
    "a remove whose value names a part of what its path does": (
        a_patch("H6", NORA, {"op": "remove", "path": "name", "value": {"givenName": "Nora"}}),
        "invalidValue",
    ),
    "a remove of a manager whose value names nobody": (
        a_patch("H6", NORA, {"op": "remove", "path": f"{ENTERPRISE}:manager", "value": []}),
        "invalidValue",
    ),
    "a remove of an extension whose value names a part of it": (
        a_patch("H6, H13", NORA, {"op": "remove", "path": ENTERPRISE, "value": {"department": "Tours"}}),
        "invalidValue",
    ),
    "another's id in a value": (
        a_patch("H5", GUIDES, {"op": "replace", "value": {"id": "{nora}", "displayName": "Leaders"}}),
        "mutability",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_standard_forbids_is_refused(sqlite_world: ScimWorld, name: str) -> None:
    """C9, E8, H5, H7, H11: 400 with the keyword that fits, and nothing is changed."""
    row, scim_type = REFUSED[name]
    play(sqlite_world, RFC, row.refused(scim_type))


TAKEN: dict[str, Row] = {
    "a value that names paths": a_patch(
        "section 3 row 5: dotted names, an extension's attribute, a selection",
        NORA,
        {
            "op": "replace",
            "value": {
                "name.familyName": "Meadow",
                f"{ENTERPRISE}:department": "Tours",
                'emails[type eq "home"].value': "n@home.example",
                "title": "Guide",
            },
        },
        stored={
            "name": {"familyName": "Meadow", "givenName": "Nora"},
            ENTERPRISE: {"department": "Tours"},
            "title": "Guide",
            "emails": [
                {"value": WORK, "type": "work", "primary": True},
                {"value": "n@home.example", "type": "home"},
            ],
        },
    ),
    "a value that names paths that there are not": a_patch(
        "C11",
        NORA,
        {"op": "replace", "value": {"name.nickname": "N", "urn:example:2.0:User:badge": "7", "title": "G"}},
        stored={"title": "G", "name": {"familyName": "Field", "givenName": "Nora"}},
    ),
    "a whole extension without a path": a_patch(
        "section 3 row 6",
        NORA,
        {"op": "add", "value": {ENTERPRISE: {"department": "Tours", "costCenter": "7"}}},
        stored={ENTERPRISE: {"department": "Tours", "costCenter": "7"}},
    ),
    "the extension as the path": a_patch(
        "section 3 row 6, H13",
        NORA,
        {"op": "replace", "path": ENTERPRISE, "value": {"department": "Tours"}},
        stored={ENTERPRISE: {"department": "Tours"}},
    ),
    "a member removed by a selection": a_patch(
        "section 3 row 4, J4",
        GUIDES,
        {"op": "remove", "path": 'members[value eq "{nora}"]'},
        stored={"members": None},
    ),
    "a member who is one already, and the removal of one who is none": a_patch(
        "T FastFed: idempotent add and remove",
        GUIDES,
        {"op": "add", "path": "members", "value": [{"value": "{nora}"}]},
        {"op": "remove", "path": 'members[value eq "{omar}"]'},
        stored={"displayName": "Guides"},
    ),
    "the whole group in a value, as authentik updates one": a_patch(
        "T authentik, H5, RFC 7644 section 3.5.2: what is read-only is not modified by its own value",
        GUIDES,
        {
            "op": "replace",
            "value": {
                "schemas": [GROUP_SCHEMA],
                "id": "{guides}",
                "externalId": "g-1",
                "displayName": "Leaders",
            },
        },
        stored={"id": "{guides}", "externalId": "g-1", "displayName": "Leaders"},
    ),
    "a remove that repeats the one value of its path": a_patch(
        "H6, RFC 7644 section 3.5.2.2: a single value goes with its attribute, an entry by its selection",
        NORA,
        {"op": "remove", "path": "title", "value": "Warden"},
        {"op": "remove", "path": "name.givenName", "value": ""},
        {"op": "remove", "path": 'emails[type eq "home"]', "value": {"value": "nora@home.example"}},
        {"op": "add", "path": f"{ENTERPRISE}:manager", "value": {"value": "{omar}"}},
        {"op": "remove", "path": f"{ENTERPRISE}:manager", "value": {"VALUE": "{omar}"}},
        stored={
            "title": None,
            "name": {"familyName": "Field", "givenName": None},
            "emails": [{"value": WORK, "type": "work", "primary": True}],
            ENTERPRISE: None,
        },
    ),
    "a group is renamed": a_patch(
        "T AWS, JFrog: an update of a group",
        GUIDES,
        {"op": "replace", "path": "displayName", "value": "Leaders"},
        stored={"displayName": "Leaders"},
    ),
} | {
    f"the question {text}": Row("T IPSIE", "GET", path, query={"filter": text}, answer={"totalResults": 1})
    for path, text in (
        ("/Users", 'userName eq "nora"'),
        ("/Users", 'externalId eq "ext-nora"'),
        ("/Users", f'emails[value eq "{WORK}"]'),
        ("/Users", f'emails[type eq "work" and value eq "{WORK}"]'),
        ("/Groups", 'displayName eq "Guides"'),
        ("/Groups", 'members[value eq "{nora}"]'),
    )
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_the_standard_allows_is_done(sqlite_world: ScimWorld, name: str) -> None:
    """H4, H5, H13, J4, T: what clients of every make send, and what it leaves behind."""
    play(sqlite_world, RFC, TAKEN[name])


def test_a_hundred_members_come_and_go_in_one_request(world: ScimWorld) -> None:
    """T AWS (100 changes a request), FastFed (100 to 1,000), IPSIE (50 operations), H15, J4."""
    client = two_users_and_a_group(world, RFC)
    made = [client.make(f"m{number}", "/Users", plain_user(f"m{number}"))["id"] for number in range(100)]

    def change(status: int, *operations: dict[str, Any]) -> list[str]:
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
        assert client.say("PATCH", GUIDES, body).status == status
        return [each["value"] for each in client.say("GET", GUIDES).json().get("members", ())]

    added = change(204, {"op": "add", "path": "members", "value": [{"value": each} for each in made]})
    assert sorted(added) == sorted([*made, client.ids["nora"]])
    left = change(200, *({"op": "remove", "path": f'members[value eq "{each}"]'} for each in made))
    assert left == [client.ids["nora"]]


def test_a_client_that_looks_first_learns_what_it_may_do(sqlite_world: ScimWorld) -> None:
    """T: Keycloak and authentik ask for the configuration first and obey ``patch.supported``."""
    assert sqlite_world.get("/ServiceProviderConfig", token="")["patch"] == {"supported": True}


def test_the_tables_hold_on_postgresql(postgresql_world: ScimWorld) -> None:
    """H2, H4, H5, H6: every row of this module, row after row in one world."""
    tables = [contested_rows(RFC), TAKEN, {name: row.refused(why) for name, (row, why) in REFUSED.items()}]
    play_all(postgresql_world, RFC, tables)
