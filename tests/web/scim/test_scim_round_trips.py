"""What the service shows of a user may be sent back as it is, by whomever it is shown to (G4, M1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from idp.storage.tables import account, group
from idp.usecases.store_scim_client import ScimClientOrder, store_scim_client
from kernel.audit import SYSTEM
from scim.domain.documents import write
from scim.domain.models import USER_EXTENSION, USER_SCHEMA
from scim.domain.profile import Profile
from tests.support.scim import a_group, a_user
from tests.support.scim_people import activated, signed_in
from tests.support.scim_profiles import ENTERPRISE, plain_user

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

SOURCE = "directory"
ODD: dict[str, Any] = {
    "schemas": [USER_SCHEMA, ENTERPRISE, USER_EXTENSION],
    "externalId": "0a21f0f2",
    "profileUrl": "nora",
    "photos": [{"value": "photos/nora one.png", "type": "thumbnail"}, {"value": "/p.png", "type": "photo"}],
    "title": "",
    "nickName": " \u00c9toile ",
    "emails": [
        {"value": "kevin.o'brien+x@m\u00fcnchen.example", "type": "business", "primary": "True"},
        {"type": "work"},
    ],
    "phoneNumbers": [{"value": "", "type": "fax"}, {"value": "555 0100 ext. 3", "type": "WORK"}],
    "addresses": [{"formatted": "1\nA\u030a", "primary": True}, {"type": "untyped", "country": "Canada"}],
    "roles": ['{"id":"1"}'],
    "preferredLanguage": "en-CA,en;q=0.5",
    "timezone": "(UTC-05:00) Eastern",
    ENTERPRISE: {"manager": "not-here-yet", "employeeNumber": ""},
    USER_EXTENSION: {
        "deactivation": {"at": "2026-02-28T23:59:59.123456+05:30", "reason": "none"},
        "sourceVersion": 7,
    },
}
"""A user as the profile ``entra`` takes one, and no other."""


def speaks(world: ScimWorld, profile: Profile) -> None:
    """Give the source this profile from now on."""
    store_scim_client(
        world.services, ScimClientOrder(SOURCE, "", profile=profile.value, extension=True), actor=SYSTEM
    )


def an_odd_user(world: ScimWorld) -> str:
    """Return the path of a user who was stored by the profile ``entra``."""
    speaks(world, Profile.ENTRA)
    made = world.post("/Users", plain_user("nora") | ODD, client_id=SOURCE)
    assert made.status == 201, made.body
    return f"/Users/{made['id']}"


def test_what_is_shown_is_sent_back_in_every_profile(world: ScimWorld) -> None:
    """G4, C9: nothing changes, whatever the profile of who stored it, and in whatever order it is stated."""
    path = an_odd_user(world)
    for profile in Profile:
        speaks(world, profile)
        shown = world.get(path, client_id=SOURCE)
        assert (shown["profileUrl"], shown[ENTERPRISE]["manager"]) == ("nora", {"value": "not-here-yet"})
        for body in (shown.json(), dict(reversed(shown.json().items()))):
            again = world.put(path, body, client_id=SOURCE)
            assert (again.status, again.body) == (200, shown.body), (profile, again.body)
        for name in ("profileUrl", "photos"):
            change = {"op": "replace", "path": name, "value": shown[name]}
            same = world.patch(path, change, client_id=SOURCE)
            assert (same.status, same.body) == (200, shown.body), (profile, name, same.body)


@pytest.mark.parametrize("profile", [each for each in Profile if not each.tolerance.free_text_links])
def test_another_link_than_the_stored_has_to_be_one(world: ScimWorld, profile: Profile) -> None:
    """C9, H11, N6: refused by the attribute's name, also where the very text stands in another one."""
    path = an_odd_user(world)
    speaks(world, profile)
    shown = world.get(path, client_id=SOURCE)
    for stated, name in (
        ({"profileUrl": "nora 2"}, "profileUrl"),
        ({"photos": [{"value": "nora"}]}, "photos.value"),
        ({"photos": [*shown["photos"], {"value": "photos/other.png"}]}, "photos.value"),
    ):
        refused = world.put(path, shown.json() | stated, client_id=SOURCE)
        assert (refused.status, refused.scim_type) == (400, "invalidValue")
        assert refused.detail == f"The value of '{name}' must be a URI."
    assert world.get(path, client_id=SOURCE).body == shown.body


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_the_order_of_what_is_stored_means_nothing(world: ScimWorld, kind: str) -> None:
    """G4, H12, L1: whoever wrote the document first, what is shown of it is no change of it."""
    made = world.post(f"/{kind}", a_user() if kind == "Users" else a_group())
    path, table = f"/{kind}/{made['id']}", account if kind == "Users" else group
    with world.services.store.write() as unit:
        row = table.c.id == made["id"]
        document = json.loads(unit.connection.scalar(select(table.c.document).where(row)) or "")
        turned = write(dict(reversed(document.items())))
        unit.connection.execute(update(table).where(row).values(document=turned))
    shown = world.get(path)
    title = {"op": "replace", "path": "externalId", "value": shown["externalId"]}
    for again in (world.put(path, shown.json()), world.patch(path, title)):
        assert (again.status, again.headers["etag"]) == (200, made.headers["etag"]), again.body
    assert world.get(path).body == shown.body
    if kind == "Users":
        activated(world, path)
        me = world.put("/Me", shown.json(), token=signed_in(world, path))
        assert (me.status, me.headers["etag"]) == (200, made.headers["etag"]), me.body


def test_people_send_back_what_they_are_shown_of_themselves(world: ScimWorld) -> None:
    """M1, M2, G4: /Me with what the source may state and people may not; and a change of their own beside it."""
    path = an_odd_user(world)
    activated(world, path)
    token = signed_in(world, path)
    me = world.get("/Me", token=token)
    again = world.put("/Me", me.json(), token=token)
    assert (again.status, again.body) == (200, me.body), again.body
    changed = world.put("/Me", me.json() | {"nickName": "Nell"}, token=token)
    assert (changed.status, changed["nickName"]) == (200, "Nell"), changed.body
    assert changed["profileUrl"] == "nora"
    refused = world.put("/Me", changed.json() | {"profileUrl": "omar"}, token=token)
    assert (refused.status, refused.scim_type) == (400, "invalidValue")
