"""What a source sees of an account that the operator's staff keep locked, and what it cannot do (I4).

Either side may close, and both must open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import Receiver, hears
from tests.support.scim import USER_EXTENSION, ScimWorld, a_user
from tests.support.staff_deeds import lock, unlock

if TYPE_CHECKING:
    from collections.abc import Callable

ON = {"op": "replace", "path": "active", "value": True}
OFF = {"op": "replace", "path": "active", "value": False}
NAMED = {"op": "replace", "path": "displayName", "value": "Nora F."}


def a_locked_user(world: ScimWorld, **attributes: Any) -> str:
    """Make a user and lock it; return its path."""
    made = world.post("/Users", a_user(**attributes))
    assert made.status == 201, made.body
    lock(world.services, made["userName"])
    return f"/Users/{made['id']}"


def put(world: ScimWorld, path: str, **attributes: Any) -> None:
    answer = world.put(path, a_user(**attributes))
    assert (answer.status, answer["active"]) == (200, False), answer.body


def patch(world: ScimWorld, path: str, *operations: dict[str, Any]) -> None:
    answer = world.patch(path, *operations)
    assert (answer.status, answer["active"]) == (200, False), answer.body


def test_a_locked_user_is_inactive_whoever_looks_and_however(world: ScimWorld) -> None:
    """RFC 7643 §4.1.1: active says whether the person can log in; another version says that it changed."""
    before = world.post("/Users", a_user())
    path = f"/Users/{before['id']}"
    world.later()
    lock(world.services)
    shown = world.get(path)
    assert shown["active"] is False
    assert shown["meta"]["version"] != before["meta"]["version"]
    assert shown["meta"]["lastModified"] > before["meta"]["lastModified"]
    assert shown.json() == before.json() | {"active": False, "meta": shown["meta"]}
    assert world.found("Users", "active eq false") == ["fieldn"]
    assert world.found("Users", 'active eq true and userName eq "fieldn"') == []
    assert world.search("Users", 'userName eq "fieldn"')["Resources"] == [shown.json()]
    unlock(world.services)
    shown = world.get(path)
    assert shown.json() == before.json() | {"meta": shown["meta"]}
    assert world.found("Users", "active eq true") == ["fieldn"]


@pytest.mark.parametrize(
    "state",
    [
        lambda world, path: patch(world, path, ON),
        lambda world, path: patch(world, path, {"op": "replace", "value": {"active": True}}),
        lambda world, path: patch(world, path, OFF, ON),
        lambda world, path: patch(world, path, ON, NAMED),
        lambda world, path: put(world, path, active=True),
        lambda world, path: put(world, path, active=True, displayName="Nora F."),
    ],
    ids=["switched on", "as Okta does", "off and on", "with a name", "put", "put with a name"],
)
def test_no_source_lifts_the_lock(world: ScimWorld, state: Callable[[ScimWorld, str], None]) -> None:
    """I4: switched on, the account stays locked, and is told so."""
    path = a_locked_user(world)
    for _again in range(2):
        state(world, path)
        assert world.get(path)["active"] is False
    unlock(world.services)
    assert world.get(path)["active"] is True


@pytest.mark.parametrize(
    ("statement", "active"),
    [
        (lambda world, path: patch(world, path, OFF), False),
        (lambda world, path: put(world, path, active=False), False),
        (lambda world, path: patch(world, path, NAMED), True),
        (lambda world, path: patch(world, path, {"op": "remove", "path": "active"}), True),
        (lambda world, path: put(world, path, displayName="Nora F."), True),
        (
            lambda world, path: patch(
                world, path, {"op": "replace", "path": f"{USER_EXTENSION}:sourceVersion", "value": 9}
            ),
            True,
        ),
    ],
    ids=["patched off", "put off", "another attribute", "removed", "put without", "the fence alone"],
)
def test_what_a_source_states_under_the_lock_counts_without_it(
    world: ScimWorld,
    statement: Callable[[ScimWorld, str], None],
    active: bool,  # noqa: FBT001
) -> None:
    """I4: it may close, too; what says nothing of active closes nothing."""
    path = a_locked_user(world)
    statement(world, path)
    unlock(world.services)
    assert world.get(path)["active"] is active
    if not active:
        assert world.patch(path, ON)["active"] is True


def test_a_user_that_never_said_whether_it_is_active_says_it_under_the_lock(world: ScimWorld) -> None:
    """RFC 7643 §4.1.1: what is not stated is active, and a locked user is not."""
    made = world.post("/Users", a_user())
    path = f"/Users/{made['id']}"
    without = world.put(path, {name: value for name, value in a_user().items() if name != "active"})
    assert "active" not in without.json()
    lock(world.services)
    assert world.get(path)["active"] is False
    unlock(world.services)
    assert world.get(path).json().get("active", True) is True


def test_what_leaves_active_out_under_the_lock_is_written_once(world: ScimWorld) -> None:
    """G5, L1: a source that never states it and puts the same every night raises no version and tells nobody."""
    path = a_locked_user(world)
    hears(world)
    receiver = Receiver(world)
    receiver.take()
    without = {name: value for name, value in a_user(displayName="Nora F.").items() if name != "active"}
    versions = {world.put(path, without)["meta"]["version"] for _night in range(3)}
    assert versions == {world.get(path)["meta"]["version"]}
    (event,) = receiver.take()
    assert event.payload["attributes"] == ["displayName"]


def test_a_version_from_before_the_lock_changes_nothing(world: ScimWorld) -> None:
    """L2: who read the user before it was locked is told that it changed."""
    made = world.post("/Users", a_user())
    path = f"/Users/{made['id']}"
    lock(world.services)
    stale = world.patch(path, ON, headers={"If-Match": made["meta"]["version"]})
    assert stale.status == 412
    assert world.get(path)["active"] is False


def test_a_locked_user_can_be_deleted(world: ScimWorld) -> None:
    """I1: that closes for good, and the person's data go; who makes her anew makes another account."""
    path = a_locked_user(world)
    assert world.delete(path).status == 204
    again = world.post("/Users", a_user())
    assert (again.status, again["active"]) == (201, True)
    assert f"/Users/{again['id']}" != path


def test_its_source_hears_of_a_lock_and_of_its_end(world: ScimWorld) -> None:
    """RFC 9967 §2.4.4: of its own users alone, and not of what does not change them."""
    hears(world)
    made = world.post("/Users", a_user())
    world.post("/Users", a_user("other"), client_id="other")
    receiver = Receiver(world)
    receiver.take()
    path = f"/Users/{made['id']}"
    for deed, name in ((lock, "deactivate"), (unlock, "activate")):
        for _again in range(2):
            deed(world.services, made["userName"])
        (event,) = receiver.take()
        assert event.uri == f"urn:ietf:params:scim:event:prov:{name}"
        assert event.claims["sub_id"] == {"format": "scim", "uri": path, "externalId": made["externalId"]}
        deed(world.services, "other")
        assert receiver.take() == []
    assert world.patch(path, OFF).status == 200
    receiver.take()
    lock(world.services)
    unlock(world.services)
    assert receiver.take() == [], "it was inactive before, and after"


def test_a_full_event_tells_what_is_to_be_seen(world: ScimWorld) -> None:
    """RFC 9967 §2.4.3: under the lock nothing goes out that says the user is active."""
    from idp.domain.security_events import Payload

    hears(world, Payload.FULL)
    path = a_locked_user(world)
    receiver = Receiver(world)
    receiver.take()
    assert world.put(path, a_user(active=True, displayName="Nora F.")).status == 200
    (event,) = receiver.take()
    assert event.payload["data"]["active"] is False
    patch(world, path, OFF)
    (event,) = receiver.take()
    assert "true" not in str(event.payload)
