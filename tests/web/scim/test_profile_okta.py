"""The profile ``okta``: what Okta sends, from apps of its network (PATCH) and of its wizard (PUT)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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

OKTA = Profile.OKTA
RANDOM = "1mz050nq-Random"


@pytest.mark.parametrize("flag", CONTESTED)
def test_what_okta_sends_is_taken_and_nothing_else(sqlite_world: ScimWorld, flag: str) -> None:
    """S: one request for every tolerance, and what it leaves behind."""
    play(sqlite_world, OKTA, CONTESTED[flag].of(OKTA, tolerated=getattr(OKTA.tolerance, flag)))


@pytest.mark.parametrize("conversation", ["okta-oin", "okta-aiw", "okta-spec"])
def test_a_whole_conversation_with_okta_goes_well(world: ScimWorld, conversation: str) -> None:
    """S, section 3 row 10: provisioning, group push, deactivation, assigned again after it; the spec test."""
    replay(a_speaker(world, OKTA), conversation)


TAKEN: dict[str, Row] = {
    "a random password at creation": Row(
        "S, C12",
        "POST",
        "/Users",
        plain_user("pia") | {"password": RANDOM, "groups": []},
        status=201,
        answer={"password": None},
        stored={"password": None, "userName": "pia"},
    ),
    "a password pushed with the switch": a_patch(
        "S, C12",
        NORA,
        {"op": "replace", "value": {"password": RANDOM, "active": False}},
        stored={"password": None, "active": False},
    ),
    "a password alone": a_patch(
        "S, C12, H12", NORA, {"op": "replace", "value": {"password": RANDOM}}, stored={"title": "Warden"}
    ),
    "the whole user with what the server added": Row(
        "S, C2, G2",
        "PUT",
        NORA,
        nora() | {"id": "{nora}", "groups": [], "meta": {"resourceType": "User"}, "title": "Guide"},
        stored={"id": "{nora}", "title": "Guide", "meta": {"resourceType": "User"}},
    ),
    "a manager by Okta's own key": Row(
        "S",
        "PUT",
        NORA,
        nora() | {ENTERPRISE: {"manager": {"value": "00u99", "displayName": "Somebody"}}},
        stored={ENTERPRISE: {"manager": {"value": "00u99"}}},
    ),
    "its own id alone": a_patch(
        "S, H12",
        GUIDES,
        {"op": "replace", "value": {"id": "{guides}"}},
        stored={"displayName": "Guides"},
    ),
    "members pushed whole": a_patch(
        "S, H5",
        GUIDES,
        {"op": "replace", "path": "members", "value": [{"value": "{omar}", "display": "omar"}]},
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_the_shapes_of_okta_mean_what_it_means_by_them(sqlite_world: ScimWorld, name: str) -> None:
    """S: passwords are dropped, what the server owns is ignored, a group's id repeats itself."""
    play(sqlite_world, OKTA, TAKEN[name])


REFUSED: dict[str, tuple[Row, str]] = {
    "another's id in the value": (
        a_patch("H5", GUIDES, {"op": "replace", "value": {"id": "{nora}", "displayName": "Leaders"}}),
        "mutability",
    ),
    "a text for a boolean": (
        a_patch("C9", NORA, {"op": "replace", "value": {"active": "false"}}),
        "invalidValue",
    ),
    "a question about passwords": (
        Row("E10, C12", "GET", "/Users", query={"filter": 'password eq "x"'}),
        "invalidFilter",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tolerance_ends_where_okta_sends_no_such_thing(sqlite_world: ScimWorld, name: str) -> None:
    """S: what is no shape of Okta's is refused as it is to everybody."""
    row, scim_type = REFUSED[name]
    play(sqlite_world, OKTA, row.refused(scim_type))


def test_an_import_meets_everybody_once_in_a_stable_order(sqlite_world: ScimWorld) -> None:
    """S, D8: pages by startIndex and count, whole numbers, the same order whatever the size of a page."""
    okta = a_speaker(sqlite_world, OKTA)
    made = [okta.make(f"u{number}", "/Users", plain_user(f"u{number}"))["id"] for number in range(7)]

    def imported(count: int) -> list[str]:
        met: list[str] = []
        total = 1
        while len(met) < total:
            query = {"startIndex": str(len(met) + 1), "count": str(count)}
            page: dict[str, Any] = okta.say("GET", "/Users", query=query).json()
            assert {type(page[name]) for name in ("totalResults", "startIndex", "itemsPerPage")} == {int}
            total = page["totalResults"]
            met += [each["id"] for each in page["Resources"]]
        return met

    assert imported(100) == imported(2) == imported(3)
    assert sorted(imported(2)) == sorted(made)


def test_a_pushed_password_is_neither_kept_nor_a_change(sqlite_world: ScimWorld) -> None:
    """S, C12, H12: the version stays, and nothing of it is in what is shown."""
    okta = two_users_and_a_group(sqlite_world, OKTA)
    before = okta.say("GET", NORA)
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "value": {"password": RANDOM}}],
    }
    after = okta.say("PATCH", NORA, body)
    assert after.json() == before.json()
    assert RANDOM.encode() not in after.body


def test_the_tables_hold_on_postgresql(postgresql_world: ScimWorld) -> None:
    """S: every row of this module, row after row in one world."""
    tables = [contested_rows(OKTA), TAKEN, {name: row.refused(why) for name, (row, why) in REFUSED.items()}]
    play_all(postgresql_world, OKTA, tables)
