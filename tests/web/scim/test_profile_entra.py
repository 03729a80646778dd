"""The profile ``entra``: what Microsoft Entra's provisioning service sends, without and with aadOptscim062020."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scim.domain.models import USER_SCHEMA
from scim.domain.profile import Profile
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
    replay,
    two_users_and_a_group,
)

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

ENTRA = Profile.ENTRA
WORK = {"value": "nora@acme.example", "type": "work", "primary": True}
HOME = {"value": "nora@home.example", "type": "home"}
_LISTED = {"schemas": [USER_SCHEMA, ENTERPRISE]}


@pytest.mark.parametrize("flag", CONTESTED)
def test_what_entra_sends_is_taken_and_nothing_else(sqlite_world: ScimWorld, flag: str) -> None:
    """R: one request for every tolerance, and what it leaves behind."""
    play(sqlite_world, ENTRA, CONTESTED[flag].of(ENTRA, tolerated=getattr(ENTRA.tolerance, flag)))


@pytest.mark.parametrize("conversation", ["entra-legacy", "entra-aadoptscim062020", "entra-validator"])
def test_a_whole_conversation_with_entra_goes_well(world: ScimWorld, conversation: str) -> None:
    """R, section 3 rows 3 to 6: connection test, cycles, groups, deactivation, deletion; the validator's list."""
    replay(a_speaker(world, ENTRA), conversation)


TAKEN: dict[str, Row] = {
    "a user with text for booleans everywhere": Row(
        "R, C9",
        "POST",
        "/Users",
        plain_user("pia")
        | {
            "active": "FALSE",
            "emails": [{"value": "pia@acme.example", "primary": "true"}],
            "roles": [{"value": "guide", "primary": "True"}],
        },
        status=201,
        stored={
            "active": False,
            "emails": [{"value": "pia@acme.example", "primary": True}],
            "roles": [{"value": "guide", "primary": True}],
        },
    ),
    "a user whose manager is a text": Row(
        "R",
        "POST",
        "/Users",
        plain_user("pia") | _LISTED | {ENTERPRISE: {"manager": "{nora}"}},
        status=201,
        stored={ENTERPRISE: {"manager": {"value": "{nora}"}}},
    ),
    "a user whose manager is an empty text": Row(
        "R",
        "PUT",
        NORA,
        nora() | _LISTED | {ENTERPRISE: {"manager": "", "department": "Tours"}},
        stored={ENTERPRISE: {"manager": None, "department": "Tours"}},
    ),
    "a null that replaces, by a path and in a value": a_patch(
        "R",
        NORA,
        {"op": "Replace", "path": "title", "value": None},
        {"op": "Replace", "value": {"displayName": None, f"{ENTERPRISE}:manager": None}},
        stored={"title": None, "displayName": None},
    ),
    "a manager as a text in a value": a_patch(
        "R",
        NORA,
        {"op": "replace", "value": {f"{ENTERPRISE}:manager": "{omar}", "title": "Guide"}},
        stored={ENTERPRISE: {"manager": {"value": "{omar}"}}, "title": "Guide"},
    ),
    "an empty manager in a value": a_patch(
        "R",
        NORA,
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "{omar}"},
        {"op": "replace", "value": {f"{ENTERPRISE}:manager": "", f"{ENTERPRISE}:department": "Tours"}},
        stored={ENTERPRISE: {"manager": None, "department": "Tours"}},
    ),
    "a manager whose value is empty": a_patch(
        "R",
        NORA,
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "{omar}"},
        {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": {"value": ""}},
        stored={ENTERPRISE: None},
    ),
    "a manager by its plain name in a value": a_patch(
        "E6, R",
        NORA,
        {"op": "Add", "value": {"Manager": [{"value": "{omar}"}], "title": "Guide"}},
        stored={ENTERPRISE: {"manager": {"value": "{omar}"}}, "title": "Guide"},
    ),
    "a manager removed by its plain name": a_patch(
        "E6, R",
        NORA,
        {"op": "Add", "path": "manager", "value": "{omar}"},
        {"op": "Remove", "path": "manager"},
        stored={ENTERPRISE: None},
    ),
    "a manager removed by a list of one, as the provisioning service does": a_patch(
        "H6, R, RFC 7644 section 3.5.2.2: a single value goes with its attribute",
        NORA,
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "{omar}"},
        {"op": "Remove", "path": f"{ENTERPRISE}:manager", "value": [{"$ref": None, "value": "{omar}"}]},
        stored={ENTERPRISE: None},
    ),
    "a manager removed by its plain name, with the id": a_patch(
        "H6, R",
        NORA,
        {"op": "Add", "path": "manager", "value": "{omar}"},
        {"op": "Remove", "path": "manager", "value": "{omar}"},
        stored={ENTERPRISE: None},
    ),
    "an address cleared by an empty text": a_patch(
        "R",
        NORA,
        {"op": "Replace", "path": 'emails[type eq "home"].value', "value": ""},
        stored={"emails": [WORK, {"type": "home"}]},
    ),
    "clearing what is not there": a_patch(
        "R",
        NORA,
        {"op": "Replace", "path": 'emails[type eq "other"].value', "value": ""},
        stored={"title": "Warden"},
    ),
    "an entry that is there is changed, not made": a_patch(
        "R, H5",
        NORA,
        {"op": "Add", "path": 'emails[type eq "home"].value', "value": "n@home.example"},
        stored={"emails": [WORK, HOME | {"value": "n@home.example"}]},
    ),
    "one entry made by two operations": a_patch(
        "R, H5",
        NORA,
        {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Toronto"},
        {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "Canada"},
        stored={"addresses": [{"locality": "Toronto", "country": "Canada", "type": "work"}]},
    ),
    "members by a value without a list": a_patch(
        "R",
        GUIDES,
        {"op": "Remove", "path": "members", "value": {"value": "{nora}"}},
        status=204,
        stored={"members": None},
    ),
    "the removal of one who is none": a_patch(
        "R",
        GUIDES,
        {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "{omar}"}]},
        status=204,
    ),
    "unquoted values with and": Row(
        "R",
        "GET",
        "/Groups",
        query={"filter": "id eq {guides} and members eq {nora}", "excludedAttributes": "members"},
        answer={"totalResults": 1},
    ),
    "an entry compared by an unquoted value": Row(
        "E8, R",
        "GET",
        "/Users",
        query={"filter": "Emails[type eq work] eq nora@acme.example"},
        answer={"totalResults": 1},
    ),
    "an entry of another type than the one that has the value": Row(
        "E5, E8, R",
        "GET",
        "/Users",
        query={"filter": 'emails[type eq "work"] eq "nora@home.example"'},
        answer={"totalResults": 0},
    ),
    "text for a boolean in a filter": Row(
        "R",
        "GET",
        "/Users",
        query={"filter": 'userName eq "nora" and active eq "True"'},
        answer={"totalResults": 1},
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_the_shapes_of_entra_mean_what_it_means_by_them(sqlite_world: ScimWorld, name: str) -> None:
    """R: booleans, managers, empty texts, entries that are not there, removal by value, filters."""
    play(sqlite_world, ENTRA, TAKEN[name])


def test_a_manager_is_asked_for_and_stated_as_the_examples_of_entra_do(world: ScimWorld) -> None:
    """E6, R: whether the user has this manager already, and the PATCH where the user has not."""
    speaker = two_users_and_a_group(world, ENTRA)

    def led(manager: str, name: str = "manager") -> int:
        query = {"filter": f"id eq {{nora}} and {name} eq {manager}", "attributes": "id"}
        found: int = speaker.say("GET", "/Users", query=query)["totalResults"]
        return found

    assert led("{omar}") == 0
    stated = {"op": "Add", "path": "manager", "value": [{"value": "{omar}"}]}
    row = a_patch("R", NORA, stated)
    assert speaker.say(row.method, row.path, row.body).status == 200
    assert led("{omar}") == led('"{omar}"', "Manager") == led('"{omar}"', f"{ENTERPRISE}:manager") == 1
    assert led("{nora}") == 0


REFUSED: dict[str, tuple[Row, str]] = {
    "a text that is no boolean": (
        a_patch("C9", NORA, {"op": "Replace", "path": "active", "value": "perhaps"}),
        "invalidValue",
    ),
    "a blank user name": (
        a_patch("H6", NORA, {"op": "Replace", "path": "userName", "value": ""}),
        "mutability",
    ),
    "a selection that describes no entry": (
        a_patch("H5", NORA, {"op": "Add", "path": 'addresses[type sw "w"].locality', "value": "Toronto"}),
        "noTarget",
    ),
    "another's id": (
        a_patch("H5", GUIDES, {"op": "replace", "value": {"id": "{nora}"}}),
        "mutability",
    ),
    "an undefined attribute in a filter": (
        Row("E8", "GET", "/Users", query={"filter": "favouriteColour eq blue"}),
        "invalidFilter",
    ),
    "a quote that does not end": (
        Row("E8", "GET", "/Users", query={"filter": 'externalId eq "jyoung'}),
        "invalidFilter",
    ),
    "an empty text added to a list": (
        a_patch("J8", GUIDES, {"op": "Add", "path": "members", "value": ""}),
        "invalidValue",
    ),
    "an empty text for a list, in a value": (
        a_patch("J8", GUIDES, {"op": "replace", "value": {"members": ""}}),
        "invalidValue",
    ),
    "a member whose value is empty": (
        a_patch("J8", GUIDES, {"op": "Add", "path": "members", "value": {"value": ""}}),
        "invalidValue",
    ),
    "a member who is nobody": (
        a_patch("J2", GUIDES, {"op": "Add", "path": "members", "value": [{"value": "nobody"}]}),
        "invalidValue",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tolerance_ends_where_a_meaning_would_be_guessed(sqlite_world: ScimWorld, name: str) -> None:
    """R: what is no shape of Entra's is refused as it is to everybody."""
    row, scim_type = REFUSED[name]
    play(sqlite_world, ENTRA, row.refused(scim_type))


def test_values_come_back_as_they_were_sent(sqlite_world: ScimWorld) -> None:
    """R: Entra compares what it reads with what it sent; case, spaces and accents stay."""
    entra = a_speaker(sqlite_world, ENTRA)
    sent = plain_user("  Ünï.Cødé@Acme.Example".strip()) | {
        "displayName": "  Zoë  O'Néill ",
        "emails": [{"value": "Zoe.ONEILL@Acme.Example", "type": "work", "primary": True}],
        "phoneNumbers": [{"value": "+1 (416) 555-0100 ext. 7", "type": "work"}],
        "preferredLanguage": "en-ca",
        "userType": "Contractor",
    }
    made = entra.make("zoe", "/Users", sent)
    assert {name: made[name] for name in sent} == sent


def test_the_tables_hold_on_postgresql(postgresql_world: ScimWorld) -> None:
    """R: every row of this module, row after row in one world."""
    tables = [contested_rows(ENTRA), TAKEN, {name: row.refused(why) for name, (row, why) in REFUSED.items()}]
    play_all(postgresql_world, ENTRA, tables)
