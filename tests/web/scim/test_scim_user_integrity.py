"""What a user may not be, whoever states it: names nobody sees, entries twice, the server's own words."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from idp.storage.tables import one_time_secret
from scim.domain.models import USER_EXTENSION
from tests.support.scim import BASE, a_group, a_user

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

UNSEEN = (
    "\u3164",
    "\u200b",
    "\u00ad",
    "\u2800",
    "\u034f",
    "\u115f",
    "\u1160",
    "\uffa0",
    "\u17b4",
    "\u180b",
    "\u2060",
    "\u2028",
    "\ufe0f",
    "\ufeff",
    "\U000e0100",
    "\U000e0041",
)
WORK = {"type": "work", "value": "a@acme.example"}


def test_a_name_that_nobody_sees_is_no_name(sqlite_world: ScimWorld) -> None:
    """C5: an invisible character makes no user name, alone or among others, by POST, PUT or PATCH."""
    world = sqlite_world
    path = f"/Users/{world.post('/Users', a_user())['id']}"
    for character in UNSEEN:
        for name in (character, f"fie{character}ldn"):
            change = {"op": "replace", "path": "userName", "value": name}
            for answer in (
                world.post("/Users", a_user() | {"userName": name}),
                world.put(path, a_user() | {"userName": name}),
                world.patch(path, change),
            ):
                assert (answer.status, answer.scim_type) == (400, "invalidValue"), (ascii(name), answer.body)
        refused = world.post("/Groups", a_group(displayName=f" {character} "))
        assert (refused.status, refused.scim_type) == (400, "invalidValue"), ascii(character)
    assert world.get(path)["userName"] == "fieldn"
    assert world.get("/Users")["totalResults"] == 1


def test_a_name_that_is_seen_is_a_name(sqlite_world: ScimWorld) -> None:
    """C5: letters of any script, with marks of their own, are seen."""
    for name in ("José", "李明", "हिन्दी", "ทดสอบ", "ქართული", "Ω", "한글", "عربي"):
        answer = sqlite_world.post("/Users", a_user(name, emails=[]))
        assert (answer.status, answer["userName"]) == (201, name), answer.body


@pytest.mark.parametrize(
    ("attribute", "entries"),
    [
        ("emails", [WORK, WORK]),
        ("emails", [WORK, {"type": "WORK", "value": "A@acme.example"}]),
        ("emails", [{"value": "a@acme.example"}, {"value": "a@acme.example", "primary": True}]),
        (
            "phoneNumbers",
            [{"type": "work", "value": "tel:+1-416-555-0100", "display": each} for each in "ab"],
        ),
        ("roles", [{"value": "clerk"}, {"value": "clerk", "display": "Clerk"}]),
        ("roles", [{"value": "clerk", "primary": True}, {"value": "chief", "primary": True}]),
        ("addresses", [{"type": "work", "primary": True}, {"type": "home", "primary": True}]),
    ],
)
def test_an_entry_is_there_once_and_one_is_primary(
    sqlite_world: ScimWorld, attribute: str, entries: list[dict[str, Any]]
) -> None:
    """C10: a (type, value) pair that comes twice, or a second primary, is refused by POST and PUT."""
    world = sqlite_world
    made = world.post("/Users", a_user())
    for answer in (
        world.post("/Users", a_user("other", **{attribute: entries})),
        world.put(f"/Users/{made['id']}", a_user(**{attribute: entries})),
    ):
        assert (answer.status, answer.scim_type) == (400, "invalidValue"), answer.body
        assert attribute in answer.detail
    assert world.get(f"/Users/{made['id']}").headers["etag"] == made.headers["etag"]


@pytest.mark.parametrize(
    ("stated", "detail"),
    [
        ({"emails": [WORK | {"primary": "yes"}]}, "The value of 'emails.primary' must be true or false."),
        ({"x509Certificates": [{"value": "?"}]}, "The value of 'x509Certificates.value' must be base64."),
        (
            {USER_EXTENSION: {"activation": {"validDays": "5"}}},
            "The value of 'activation.validDays' must be a whole number.",
        ),
        ({"phoneNumbers": [{"value": "5" * 3_000}]}, "The value of 'phoneNumbers.value' is too long."),
        (
            {"emails": [WORK | {"primary": True}, {"value": "b@acme.example", "primary": True}]},
            "'emails' has more than one primary entry.",
        ),
    ],
)
def test_a_refusal_names_the_attribute_that_it_is_about(
    sqlite_world: ScimWorld, stated: dict[str, Any], detail: str
) -> None:
    """N6: by its full name, so that whoever maps the attributes finds the one."""
    refused = sqlite_world.post("/Users", a_user(**stated))
    assert (refused.status, refused.scim_type, refused.detail) == (400, "invalidValue", detail)


def test_entries_that_differ_are_two(sqlite_world: ScimWorld) -> None:
    """C10: the same value for another purpose, and addresses without a value, are entries of their own."""
    emails = [WORK, WORK | {"type": "home"}]
    addresses = [{"type": "work", "locality": "Toronto"}, {"type": "work", "locality": "Ottawa"}]
    answer = sqlite_world.post("/Users", a_user(emails=emails, addresses=addresses))
    assert answer.status == 201, answer.body
    assert (answer["emails"], answer["addresses"]) == (emails, addresses)


def test_adding_an_entry_that_is_there_changes_it_in_its_place(sqlite_world: ScimWorld) -> None:
    """C10, H4, H8, H12: an added entry of the same type and value is the one that is there."""
    world = sqlite_world
    home = {"type": "home", "value": "h@acme.example", "primary": True}
    made = world.post("/Users", a_user(emails=[WORK, home]))
    path = f"/Users/{made['id']}"
    again = world.patch(path, {"op": "add", "path": "emails", "value": [WORK]})
    assert (again.status, again.headers["etag"]) == (200, made.headers["etag"])
    led = world.patch(path, {"op": "add", "path": "emails", "value": [WORK | {"primary": True}]})
    assert led.status == 200, led.body
    assert [(each["type"], each.get("primary") is True) for each in led["emails"]] == [
        ("work", True),
        ("home", False),
    ]


@pytest.mark.parametrize("name", ["id", "meta", "groups", "ID", "Meta"])
@pytest.mark.parametrize("value", [5, "x", [7], {"created": "x", "value": 1}, True], ids=str)
def test_what_is_the_servers_is_ignored_whatever_its_type(
    sqlite_world: ScimWorld, name: str, value: Any
) -> None:
    """C2: a read-only attribute of a wrong type is no reason to refuse a POST or PUT."""
    world = sqlite_world
    made = world.post("/Users", a_user() | {name: value})
    assert made.status == 201, made.body
    put = world.put(f"/Users/{made['id']}", a_user() | {name: value})
    assert (put.status, put.headers["etag"]) == (200, made.headers["etag"]), put.body
    assert made["meta"]["location"] == f"{BASE}/Users/{made['id']}"
    assert "groups" not in made.json()


@pytest.mark.parametrize(("stated", "days"), [(7, 7), (90, 90), (4000, 90), (None, 90)])
def test_an_activation_link_works_as_long_as_the_source_says(
    sqlite_world: ScimWorld, stated: int | None, days: int
) -> None:
    """G-14, A5: activation.validDays is how long the link works, and never longer than the Gateway lets any."""
    world = sqlite_world
    extension = a_user()[USER_EXTENSION] | {"activation": {"validDays": stated}}
    made = world.post("/Users", a_user(**{USER_EXTENSION: extension}))
    assert made.status == 201, made.body
    with world.services.store.read() as connection:
        until = connection.execute(
            select(one_time_secret.c.expires_at).where(one_time_secret.c.account_id == made["id"])
        ).scalar_one()
    assert until - world.services.store.clock.now() == dt.timedelta(days=days)


@pytest.mark.parametrize("value", ["%%%", "MIIB", "MIIBIg==", "MIIBIg=", "MII B", "-_-_", "MIIB\n", 5])
def test_a_binary_value_is_base64_and_kept_as_it_is(sqlite_world: ScimWorld, value: Any) -> None:
    """C9, H11, RFC 7643 §2.3.6: what is no base64 is refused, and never stored as something else."""
    certificates = [{"value": value}]
    answer = sqlite_world.post("/Users", a_user(x509Certificates=certificates))
    if value in ("MIIB", "MIIBIg=="):
        assert (answer.status, answer["x509Certificates"]) == (201, certificates), answer.body
    else:
        assert (answer.status, answer.scim_type) == (400, "invalidValue"), answer.body


@pytest.mark.parametrize("days", [0, -1, 10**6])
def test_an_activation_link_that_never_works_is_refused(sqlite_world: ScimWorld, days: int) -> None:
    """C9: validDays is a number of days."""
    extension = a_user()[USER_EXTENSION] | {"activation": {"validDays": days}}
    answer = sqlite_world.post("/Users", a_user(**{USER_EXTENSION: extension}))
    assert (answer.status, answer.scim_type) == (400, "invalidValue")
