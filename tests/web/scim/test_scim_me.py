"""/Me: people's own resource, and what of it is theirs to change (M1, M2; RFC 7644 §3.11)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from kernel.tables import audit_event
from scim.domain.models import USER_EXTENSION, USER_SCHEMA
from tests.support.events import Receiver, hears
from tests.support.scim import BASE, ERROR_SCHEMA, a_user
from tests.support.scim_people import activated, signed_in

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

FORBIDDEN: dict[str, Any] = {
    "active": False,
    "roles": [{"value": "chief"}],
    "entitlements": [{"value": "all"}],
    "userName": "root",
    "externalId": "acct:other",
    "displayName": "Somebody Else",
    "emails": [{"value": "evil@example.com", "type": "work", "primary": True}],
    "phoneNumbers": [],
    "name": {"givenName": "No", "familyName": "Body"},
    "userType": "Machine",
    f"{USER_EXTENSION}:personId": "1",
    f"{USER_EXTENSION}:sourceVersion": 99,
    f"{USER_EXTENSION}:allowedAddresses": ["203.0.113.0/24"],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Board",
}


def own(world: ScimWorld) -> str:
    """Return the path of a user who activated the account."""
    path = f"/Users/{world.post('/Users', a_user())['id']}"
    activated(world, path)
    return path


def test_me_is_nobody_without_a_person(world: ScimWorld) -> None:
    """M1, B10, N5, O3, O4: a client's own token has no /Me; no token, another audience, another scope."""
    path = own(world)
    elsewhere = signed_in(world, path, audience="http://127.0.0.1:8000/other")
    unscoped = signed_in(world, path, "openid profile")
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        body = None if method in ("GET", "DELETE") else {}
        for token, status in ((None, 404), ("", 401), ("nonsense", 401), (elsewhere, 401), (unscoped, 403)):
            answer = world.request(method, "/Me", body, token=token)
            assert (answer.status, answer["status"]) == (status, str(status)), (method, token)
            assert answer["schemas"] == [ERROR_SCHEMA]
            assert ("www-authenticate" in answer.headers) == (status in (401, 403))
    posted = world.post("/Me", a_user("other"), token=unscoped)
    assert (posted.status, posted.headers["allow"]) == (405, "GET, PUT, PATCH, DELETE, HEAD, OPTIONS")


def test_a_persons_token_opens_me_and_nothing_else(world: ScimWorld) -> None:
    """M1, O9: the own resource with the Location of the user; nobody else's, whatever the scope."""
    path = own(world)
    token = signed_in(world, path, "scim.write")
    world.post("/Groups", {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "g",
                           "members": [{"value": path.rpartition("/")[2]}]})  # fmt: skip
    me = world.get("/Me", token=token)
    assert (me.status, me.headers["location"]) == (200, f"{BASE}{path}")
    assert me.json() == world.get(path).json()
    assert me["groups"][0]["display"] == "g"
    assert world.get("/Me/", token=token, query={"attributes": "userName"}).json().keys() == {
        "schemas",
        "id",
        "userName",
    }
    unchanged = world.get("/Me", token=token, headers={"If-None-Match": me.headers["etag"]})
    assert (unchanged.status, unchanged.headers["location"]) == (304, f"{BASE}{path}")
    head = world.request("HEAD", "/Me", token=token)
    assert (head.status, head.headers["etag"]) == (200, me.headers["etag"])
    for other in (path, "/Users", "/Groups"):
        assert world.get(other, token=token).status == 401
    assert world.post("/Bulk", {}, token=token).status == 401


def test_a_persons_token_has_no_place_in_an_address_either(world: ScimWorld) -> None:
    """N2, O1, M1, RFC 7644 §7.5.2: beside the token in the header it is 403 sensitive, and nothing is done."""
    token = signed_in(world, own(world))
    for method, place in (("GET", "/Me"), ("PATCH", "/Me"), ("DELETE", "/Me"), ("GET", "/Schemas")):
        answer = world.request(method, place, token=token, query={"access_token": token})
        assert (answer.status, answer.scim_type) == (403, "sensitive"), (method, place)
    assert world.get("/Me", token="", query={"access_token": token}).status == 401


def test_a_person_learns_what_there_is_with_the_same_token(world: ScimWorld) -> None:
    """A11, M1: who brings the token of /Me to discovery is told what its resource may state, our extension too.

    A token for elsewhere is refused.
    """
    path = own(world)
    token = signed_in(world, path)
    for place in ("/ServiceProviderConfig", "/ResourceTypes", f"/Schemas/{USER_SCHEMA}"):
        told = world.get(place, token=token)
        assert (told.status, told.body) == (200, world.get(place).body)
        assert world.get(place, token=signed_in(world, path, audience=f"{BASE}x")).status == 401
        assert world.get(place, token="nonsense").status == 401
    world.patch(path, {"op": "replace", "path": "active", "value": False})
    assert world.get("/Schemas", token=token).status == 401


def stating(document: bytes, name: str, value: Any) -> dict[str, Any]:
    """Return a resource that states one attribute more, of the schema that its name says."""
    body: dict[str, Any] = json.loads(document)
    schema, _, attribute = name.rpartition(":")
    if not schema:
        return body | {name: value}
    named = [*body["schemas"], *({schema} - {*body["schemas"]})]
    return body | {"schemas": named, schema: body.get(schema, {}) | {attribute: value}}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_people_cannot_give_themselves_what_is_not_theirs(sqlite_world: ScimWorld, name: str) -> None:
    """M2, SA-05: access, identity, contact and the fence are their client's, in whatever words they are asked for."""
    world = sqlite_world
    path = own(world)
    token = signed_in(world, path)
    before = world.get(path).body
    value = FORBIDDEN[name]
    change = {"op": "replace", "path": name, "value": value}
    harmless = {"op": "replace", "path": "nickName", "value": "Nell"}
    urn = name if ":" in name else f"{USER_SCHEMA}:{name}"
    for refused in (
        world.patch("/Me", change, token=token),
        world.patch("/Me", harmless, change, token=token),
        world.patch(
            "/Me",
            change | {"op": "Replace", "path": urn.upper().replace("URN:IETF", "urn:ietf")},
            token=token,
        ),
        world.patch("/Me", {"op": "replace", "value": {"nickName": "Nell", name: value}}, token=token),
        world.put("/Me", stating(before, name, value), token=token),
    ):
        assert (refused.status, refused["schemas"]) == (403, [ERROR_SCHEMA]), refused.body
    assert world.get(path).body == before


def test_people_cannot_delete_themselves(world: ScimWorld) -> None:
    """M1, M2: the client that made the account ends it; then the token opens nothing."""
    path = own(world)
    token = signed_in(world, path)
    refused = world.delete("/Me", token=token)
    assert (refused.status, refused["schemas"]) == (403, [ERROR_SCHEMA])
    assert world.get("/Me", token=token).status == 200
    assert world.delete(path).status == 204
    assert world.get("/Me", token=token).status == 401


def test_people_change_what_is_theirs(world: ScimWorld) -> None:
    """M1, M2, L2, O11: by PATCH and PUT, at a version if one is demanded; the audit names the person."""
    path = own(world)
    token = signed_in(world, path)
    before = world.get("/Me", token=token)
    nick = {"op": "add", "path": "nickName", "value": "Nell"}
    stale = world.patch("/Me", nick, token=token, headers={"If-Match": 'W/"77"'})
    assert (stale.status, stale.headers["location"]) == (412, f"{BASE}{path}")
    changed = world.patch("/Me", nick, token=token, headers={"If-Match": before.headers["etag"]})
    assert (changed.status, changed["nickName"], changed.headers["location"]) == (
        200,
        "Nell",
        f"{BASE}{path}",
    )
    put = world.put(
        "/Me", changed.json() | {"preferredLanguage": "fr", "timezone": "America/Toronto"}, token=token
    )
    assert (put.status, put["preferredLanguage"]) == (200, "fr"), put.body
    again = world.put("/Me", put.json(), token=token)
    assert (again.status, again.headers["etag"]) == (200, put.headers["etag"])
    assert world.get(path).json() == put.json()
    with world.services.store.read() as connection:
        deeds = select(audit_event.c.actor_kind, audit_event.c.actor_id).where(
            audit_event.c.tag == "gateway:account:changed"
        )
        assert {tuple(row) for row in connection.execute(deeds)} == {("account", path.rpartition("/")[2])}
    world.patch(path, {"op": "replace", "path": "active", "value": False})
    assert world.get("/Me", token=token).status == 401


def test_who_provisions_a_person_hears_of_what_she_changes(world: ScimWorld) -> None:
    """P2, M2, RFC 9967 §2.4: the stream of the account's source is told, and her application's is not."""
    hears(world)
    hears(world, client_id="emi")
    path = own(world)
    Receiver(world).take()
    token = signed_in(world, path)
    assert world.patch("/Me", {"op": "add", "path": "nickName", "value": "No"}, token=token).status == 200
    (event,) = Receiver(world).take()
    assert event.uri == "urn:ietf:params:scim:event:prov:patch:notice"
    assert event.claims["sub_id"]["uri"] == path
    assert event.payload["attributes"] == ["nickName"]
    assert Receiver(world, client_id="emi").poll() == []
