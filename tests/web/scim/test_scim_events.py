"""What a client hears of what it provisions (RFC 9967 §2, §4)."""

from __future__ import annotations

from typing import Any

import pytest

from idp.domain.security_events import Payload, provisioning_uris
from idp.usecases.store_event_stream import StreamOrder, store_event_stream
from kernel.audit import SYSTEM
from scim.usecases import announce
from tests.support.events import CLIENT, Event, Receiver, hears
from tests.support.scim import PATCH_SCHEMA, USER_EXTENSION, ScimWorld, a_group, a_user

PROV = "urn:ietf:params:scim:event:prov:"
SECRET = "never-told-Passw0rd"


def only(events: list[Event]) -> Event:
    (event,) = events
    return event


def told(events: list[Event]) -> dict[str, Event]:
    return {event.uri.removeprefix(PROV): event for event in events}


def test_what_is_refused_or_undone_is_never_told(world: ScimWorld) -> None:
    """P2: an event stands or falls with its deed: refused, not found, without effect, rolled back."""
    hears(world)
    receiver = Receiver(world)
    made = world.post("/Users", a_user())["id"]
    receiver.take()
    assert world.post("/Users", a_user()).status == 409
    assert world.post("/Users", {"userName": ""}).status == 400
    assert world.delete("/Users/01ARZ3NDEKTSV4RRFFQ69G5FAV").status == 404
    same = {"op": "replace", "path": "displayName", "value": "Nora Field"}
    assert world.patch(f"/Users/{made}", same).status == 200
    stale = world.patch(
        f"/Users/{made}",
        {"op": "replace", "path": "displayName", "value": "New"},
        headers={"If-Match": 'W/"99"'},
    )
    assert stale.status == 412
    group = world.post("/Groups", a_group() | {"members": [{"value": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}]})
    assert group.status == 400
    assert receiver.poll() == []


def test_what_follows_of_itself_is_told_once_by_the_resource_that_changed(world: ScimWorld) -> None:
    """P2, L1: a manager is renamed and deleted, a member is: versions of others move, the one event tells it."""
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    hears(world)
    boss = world.post("/Users", a_user("boss"))["id"]
    user = a_user("nora", **{enterprise: {"manager": {"value": boss}}})
    led = world.post("/Users", user | {"schemas": [*user["schemas"], enterprise]})
    group = world.post("/Groups", a_group(members=[{"value": boss}]))
    receiver = Receiver(world)
    receiver.take()
    world.patch(f"/Users/{boss}", {"op": "replace", "path": "displayName", "value": "Bo"})
    event = only(receiver.take())
    assert (event.uri, event.claims["sub_id"]["uri"]) == (f"{PROV}patch:notice", f"/Users/{boss}")
    assert world.delete(f"/Users/{boss}").status == 204
    event = only(receiver.take())
    assert (event.uri, event.claims["sub_id"]["uri"]) == (f"{PROV}delete", f"/Users/{boss}")
    after = world.get(f"/Users/{led['id']}")
    assert "manager" not in after.json().get(enterprise, {})
    assert after.headers["etag"] == 'W/"3"'
    assert world.get(f"/Groups/{group['id']}").headers["etag"] != group.headers["etag"]


def test_a_circle_of_bulk_operations_that_fails_is_not_told(world: ScimWorld) -> None:
    """P2, K2: operations of a circle stand or fall together, and so do their events."""
    hears(world)
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

    def member(name: str, other: str, **more: Any) -> dict[str, Any]:
        user = a_user(name, **more)
        user["schemas"] = [*user["schemas"], enterprise]
        user[enterprise] = {"manager": {"value": f"bulkId:{other}"}}
        return {"method": "POST", "path": "/Users", "bulkId": name, "data": user}

    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [member("ann", "bob"), member("bob", "ann", userName="")],
    }
    answer = world.post("/Bulk", body)
    assert [each["status"] for each in answer["Operations"]] == ["409", "400"]
    assert Receiver(world).poll() == []


@pytest.mark.parametrize("payload", [Payload.NOTICE, Payload.FULL])
def test_the_configuration_names_what_this_client_is_told_and_nothing_to_others(
    sqlite_world: ScimWorld, payload: Payload
) -> None:
    """A8, P2: RFC 9967 §4: absent where events are not switched on."""
    assert "securityEvents" not in sqlite_world.get("/ServiceProviderConfig").json()
    hears(sqlite_world, payload)
    section = sqlite_world.get("/ServiceProviderConfig")["securityEvents"]
    assert section["eventUris"] == list(provisioning_uris(payload))
    assert "securityEvents" not in sqlite_world.get("/ServiceProviderConfig", token="").json()
    assert "securityEvents" not in sqlite_world.get("/ServiceProviderConfig", client_id="other").json()


def test_a_notice_names_attributes_and_holds_no_value(world: ScimWorld) -> None:
    """P2, N6: RFC 9967 §2.4: every event of a user's life, by its names alone."""
    hears(world)
    receiver = Receiver(world)
    made = world.post("/Users", a_user() | {"password": SECRET})
    user = f"/Users/{made['id']}"
    created = only(receiver.take())
    assert created.uri == f"{PROV}create:notice"
    assert created.claims["sub_id"] == {"format": "scim", "uri": user, "externalId": "acct:fieldn"}
    assert created.payload["version"] == made.headers["etag"]
    names = created.payload["attributes"]
    assert names[0] == "id"
    assert {"userName", "name.givenName", "emails", f"{USER_EXTENSION}:personId"} <= set(names)
    assert "fieldn@acme" not in str(created.claims)

    changed = world.patch(
        user,
        {"op": "replace", "path": "name.familyName", "value": "Stone"},
        {"op": "add", "path": f"{USER_EXTENSION}:tenant", "value": "other"},
    )
    patched = only(receiver.take())
    assert patched.uri == f"{PROV}patch:notice"
    assert patched.payload == {
        "version": changed.headers["etag"],
        "attributes": ["name.familyName", f"{USER_EXTENSION}:tenant"],
    }

    world.put(user, a_user() | {"displayName": "N. Field"})
    replaced = only(receiver.take())
    assert replaced.uri == f"{PROV}put:notice"
    assert "displayName" in replaced.payload["attributes"]

    world.delete(user)
    gone = only(receiver.take())
    assert (gone.uri, gone.payload) == (f"{PROV}delete", {})
    assert gone.claims["sub_id"]["uri"] == user


def test_switching_an_account_off_and_on_is_an_event_beside_the_change_with_one_txn(world: ScimWorld) -> None:
    """P2, I4, I5: RFC 9967 §2.4.5, §2.4.6, §2.2: one transaction, one txn, two tokens."""
    hears(world)
    receiver = Receiver(world)
    user = f"/Users/{world.post('/Users', a_user())['id']}"
    seen = {only(receiver.take()).claims["txn"]}
    for active, event in ((False, "deactivate"), (True, "activate")):
        world.patch(user, {"op": "replace", "path": "active", "value": active})
        found = told(receiver.take())
        assert found.keys() == {"patch:notice", event}
        assert found[event].payload == {}
        assert found["patch:notice"].payload["attributes"] == ["active"]
        (txn,) = {each.claims["txn"] for each in found.values()}
        assert txn not in seen
        seen.add(txn)


def test_a_full_event_carries_what_is_stored_and_never_a_password(world: ScimWorld) -> None:
    """P2, C12, O10: RFC 9967 §2.4: exactly one of data and attributes."""
    hears(world, Payload.FULL)
    receiver = Receiver(world)
    user = f"/Users/{world.post('/Users', a_user() | {'password': SECRET})['id']}"
    created = only(receiver.take())
    assert created.uri == f"{PROV}create:full"
    shown = world.get(user).json()
    assert created.payload["data"] == shown
    assert "attributes" not in created.payload

    world.put(user, a_user() | {"displayName": "N. Field", "password": SECRET})
    replaced = only(receiver.take())
    assert replaced.uri == f"{PROV}put:full"
    assert replaced.payload["data"] == world.get(user).json()

    world.patch(
        user,
        {"op": "replace", "path": "displayName", "value": "Nora"},
        {"op": "remove", "path": "phoneNumbers"},
    )
    patched = only(receiver.take())
    assert patched.uri == f"{PROV}patch:full"
    assert patched.payload["data"] == {
        "schemas": [PATCH_SCHEMA],
        "Operations": [
            {"op": "replace", "path": "displayName", "value": "Nora"},
            {"op": "remove", "path": "phoneNumbers"},
        ],
    }
    assert SECRET not in str([created.claims, replaced.claims, patched.claims])


@pytest.mark.parametrize("payload", [Payload.NOTICE, Payload.FULL])
def test_members_are_told_as_the_change_of_their_group(world: ScimWorld, payload: Payload) -> None:
    """P2, J4, J8: what came and went, never a list that is cut."""
    hears(world, payload)
    receiver = Receiver(world)
    ann, bob = (world.post("/Users", a_user(name))["id"] for name in ("ann", "bob"))
    receiver.take()
    group = f"/Groups/{world.post('/Groups', a_group() | {'members': [{'value': ann}]})['id']}"
    created = only(receiver.take())
    assert created.claims["sub_id"]["uri"] == group
    world.patch(
        group,
        {"op": "add", "path": "members", "value": [{"value": bob}]},
        {"op": "remove", "path": f'members[value eq "{ann}"]'},
    )
    patched = only(receiver.take())
    world.put(group, a_group() | {"members": []})
    replaced = only(receiver.take())
    assert replaced.uri == f"{PROV}put:notice"
    assert "members" in replaced.payload["attributes"]
    if payload is Payload.NOTICE:
        assert created.payload["attributes"][-1] == patched.payload["attributes"][-1] == "members"
        return
    assert created.payload["data"]["members"] == [{"value": ann}]
    assert patched.payload["data"]["Operations"] == [
        {"op": "add", "path": "members", "value": [{"value": bob}]},
        {"op": "remove", "path": f'members[value eq "{ann}"]'},
    ]


def test_an_event_that_would_be_too_large_is_told_as_a_notice(
    sqlite_world: ScimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2: RFC 9967 §5."""
    monkeypatch.setattr(announce, "LARGEST_DATA", 100)
    hears(sqlite_world, Payload.FULL)
    sqlite_world.post("/Users", a_user())
    assert only(Receiver(sqlite_world).poll()).uri == f"{PROV}create:notice"


def test_each_operation_of_a_bulk_job_is_told_as_its_own(world: ScimWorld) -> None:
    """P2, K1: own transactions, own txn."""
    hears(world)
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": name, "data": a_user(name)} for name in ("ann", "bob")
    ]
    schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]
    assert world.post("/Bulk", {"schemas": schemas, "Operations": operations}).status == 200
    events = Receiver(world).poll()
    assert [event.uri for event in events] == [f"{PROV}create:notice"] * 2
    assert len({event.claims["txn"] for event in events}) == 2


def test_a_token_is_signed_as_the_stream_says(sqlite_world: ScimWorld) -> None:
    """P2: by a key of the published set, with the type of a security event (RFC 8417 §2.3)."""
    hears(sqlite_world)
    order = StreamOrder(CLIENT, algorithm="ES256", description="The directory")
    store_event_stream(sqlite_world.services, order, actor=SYSTEM)
    sqlite_world.post("/Users", a_user())
    assert only(Receiver(sqlite_world).poll()).header["alg"] == "ES256"
