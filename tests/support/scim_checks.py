"""A compact conformance suite: what a SCIM service must do, asked of one world over its own requests.

Each check makes what it needs under names of its own, so that all of them run in one world. It says nothing when
the service is right and raises when it is not. The mutants prove that each promise here is kept by a check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from tests.support.scim import (
    BASE,
    ERROR_SCHEMA,
    GROUP_SCHEMA,
    SEARCH_SCHEMA,
    USER_SCHEMA,
    Answer,
    ScimWorld,
    a_group,
    a_user,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKS: dict[str, Callable[[ScimWorld], None]] = {}
BULK_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def check(function: Callable[[ScimWorld], None]) -> Callable[[ScimWorld], None]:
    """Put a check into the suite."""
    CHECKS[function.__name__] = function
    return function


def is_error(answer: Answer, status: int, scim_type: str = "") -> None:
    """Refuse anything but a SCIM error of this kind (N1)."""
    assert answer.status == status, (answer.status, status, answer.body)
    assert answer.headers["content-type"].startswith("application/scim+json"), answer.headers
    assert answer["schemas"] == [ERROR_SCHEMA]
    assert answer["status"] == str(status)
    assert answer.scim_type == scim_type, answer.body


def is_resource(answer: Answer, status: int) -> None:
    """Refuse anything but one resource with its tag and address (B1, B5, L1)."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"].startswith("application/scim+json"), answer.headers
    assert answer.headers["etag"] == answer["meta"]["version"]
    assert answer.headers["etag"].startswith('W/"')
    assert answer["meta"]["location"] == f"{BASE}/{answer['meta']['resourceType']}s/{answer['id']}"


def _user(world: ScimWorld, name: str, **attributes: Any) -> str:
    return str(world.post("/Users", a_user(name, **attributes))["id"])


def _group(world: ScimWorld, name: str, *members: str) -> str:
    return str(world.post("/Groups", a_group(name, members=[{"value": each} for each in members]))["id"])


def _members(world: ScimWorld, group: str) -> set[str]:
    return {each["value"] for each in world.get(f"/Groups/{group}").json().get("members", [])}


def _names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [each["userName"] for each in answer["Resources"]]


@check
def creates(world: ScimWorld) -> None:
    """B1, B5, C1, C2, C7, C12: 201 with the resource, its address and its tag; read-only values are the service's."""
    sent = a_user("c1", id="mine", password="Tr0ub4dor&3", meta={"created": "2001-01-01T00:00:00Z"})
    made = world.post("/Users", sent)
    is_resource(made, 201)
    assert made.headers["location"] == made["meta"]["location"]
    assert made["id"] not in {"mine", "c1"}
    assert "password" not in made.json()
    assert made["userName"] == "c1"
    assert USER_SCHEMA in made["schemas"]
    found = world.get(f"/Users/{made['id']}")
    is_resource(found, 200)
    assert found.json() == made.json()


@check
def refuses_duplicates(world: ScimWorld) -> None:
    """C4, C5, C6, G6, H14, N4: 409 uniqueness on POST, PUT and PATCH, whatever the case; nothing is adopted."""
    first, second = _user(world, "d1"), _user(world, "d2")
    is_error(world.post("/Users", a_user("D1", externalId="other")), 409, "uniqueness")
    is_error(world.post("/Users", a_user("d3", externalId="acct:d1")), 409, "uniqueness")
    is_error(world.put(f"/Users/{second}", a_user("d1")), 409, "uniqueness")
    rename = {"op": "replace", "path": "userName", "value": "d1"}
    is_error(world.patch(f"/Users/{second}", rename), 409, "uniqueness")
    assert world.get(f"/Users/{first}")["userName"] == "d1"


@check
def refuses_what_is_wrong(world: ScimWorld) -> None:
    """B2, B7, C3, C5, H5, H7, N1, N5: the right status and keyword, always in SCIM's words."""
    user = _user(world, "w1")
    is_error(world.request("POST", "/Users", raw=b"{"), 400, "invalidSyntax")
    is_error(world.post("/Users", {"userName": "w2"}), 400, "invalidSyntax")
    is_error(world.post("/Users", a_user("")), 400, "invalidValue")
    is_error(world.post("/Users", a_user("w3"), headers={"content-type": "text/plain"}), 415)
    is_error(world.get("/Nowhere"), 404)
    is_error(world.get("/Users/nobody"), 404)
    is_error(world.put("/Users/nobody", a_user("w4")), 404)
    is_error(world.get("/Users", query={"filter": "userName near 1"}), 400, "invalidFilter")
    is_error(world.get("/Users", query={"filter": 'password sw "a"'}), 400, "invalidFilter")
    no_target = {"op": "replace", "path": 'emails[type eq "home"].value', "value": "x@acme.example"}
    is_error(world.patch(f"/Users/{user}", no_target), 400, "noTarget")
    is_error(
        world.patch(f"/Users/{user}", {"op": "replace", "path": "nothing", "value": 1}), 400, "invalidPath"
    )


@check
def lists_and_pages(world: ScimWorld) -> None:
    """D2, D3, D8, F2: how many there are, how many are shown, in pages that share nothing; none is no error."""
    ids = {_user(world, f"p{number}") for number in range(5)}
    mine = {"filter": 'userName sw "p"'}
    whole = world.get("/Users", query=mine)
    assert (whole["totalResults"], {each["id"] for each in whole["Resources"]}) == (5, ids)
    seen: list[str] = []
    for start, length in ((1, 2), (3, 2), (5, 1)):
        page = world.get("/Users", query=mine | {"startIndex": str(start), "count": "2"})
        assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, start, length)
        seen += [each["id"] for each in page["Resources"]]
    assert (len(seen), set(seen)) == (5, ids)
    counted = world.get("/Users", query=mine | {"count": "0"})
    assert (counted["totalResults"], counted.json().get("Resources", [])) == (5, [])
    nobody = world.get("/Users", query={"filter": 'userName eq "nobody"'})
    assert (nobody.status, nobody["totalResults"], nobody.json().get("Resources", [])) == (200, 0, [])


@check
def pages_by_cursor(world: ScimWorld) -> None:
    """F4, F5, A8: from an empty cursor to the end, nobody twice and nobody left out; a forged one is refused."""
    if not world.get("/ServiceProviderConfig")["pagination"]["cursor"]:
        return
    ids = {_user(world, f"k{number}") for number in range(5)}
    mine = {"filter": 'userName sw "k"', "count": "2"}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = world.get("/Users", query=mine | {"cursor": cursor})
        seen += [each["id"] for each in page["Resources"]]
        cursor = page.json().get("nextCursor")
        assert len(seen) <= 5
    assert (len(seen), set(seen)) == (5, ids)
    is_error(world.get("/Users", query=mine | {"cursor": "forged"}), 400, "invalidCursor")
    first = world.get("/Users", query=mine | {"cursor": ""})["nextCursor"]
    other = {"filter": 'userName sw "K"', "count": "2", "cursor": first}
    is_error(world.get("/Users", query=other), 400, "invalidCursor")


@check
def filters(world: ScimWorld) -> None:
    """E1, E3, E5, E14: by the rules of each type; the same case rule that makes names unique."""
    _user(world, "f1", displayName="Ann", active=False)
    _user(world, "f2", displayName="Bob")
    for text, expected in (
        ('userName eq "F1"', ["f1"]),
        ('userName sw "f" and active eq false', ["f1"]),
        ('userName sw "f" and not (displayName eq "Ann")', ["f2"]),
        ('emails[type eq "work" and value eq "f2@acme.example"]', ["f2"]),
        ('externalId eq "acct:f1"', ["f1"]),
        ('externalId eq "ACCT:F1"', []),
    ):
        assert sorted(_names(world.search("Users", text))) == expected, text


@check
def sorts(world: ScimWorld) -> None:
    """F1: by the attribute asked for, in both orders."""
    for name, shown in (("s1", "B"), ("s2", "C"), ("s3", "A")):
        _user(world, name, displayName=shown)
    mine = {"filter": 'userName sw "s"', "sortBy": "displayName"}
    assert _names(world.get("/Users", query=mine)) == ["s3", "s1", "s2"]
    assert _names(world.get("/Users", query=mine | {"sortOrder": "descending"})) == ["s2", "s1", "s3"]
    sideways = world.get("/Users", query={"sortBy": "userName", "sortOrder": "sideways"})
    is_error(sideways, 400, "invalidValue")


@check
def shows_what_is_asked_for(world: ScimWorld) -> None:
    """D6, D7: attributes and excludedAttributes on one, on many and on what was written; id and schemas stay."""
    user = _user(world, "a1")
    for answer in (
        world.get(f"/Users/{user}", query={"attributes": "userName"}),
        world.put(f"/Users/{user}", a_user("a1"), query={"attributes": "userName"}),
    ):
        assert answer.json().keys() == {"id", "schemas", "userName"}
    listed = world.get("/Users", query={"filter": 'userName eq "a1"', "excludedAttributes": "emails,name"})
    assert "displayName" in listed["Resources"][0]
    assert not {"emails", "name"} & listed["Resources"][0].keys()
    group = _group(world, "a1", user)
    hidden = world.get(f"/Groups/{group}", query={"excludedAttributes": "members"})
    assert "members" not in hidden.json()
    both = {"attributes": "userName", "excludedAttributes": "emails"}
    assert world.get(f"/Users/{user}", query=both).status == 400


@check
def searches_by_post(world: ScimWorld) -> None:
    """D4: the same question in a body has the same answer."""
    _user(world, "q1")
    body = {"schemas": [SEARCH_SCHEMA], "filter": 'userName eq "q1"', "attributes": ["userName"], "count": 5}
    posted = world.post("/Users/.search", body)
    asked = world.get("/Users", query={"filter": 'userName eq "q1"', "attributes": "userName", "count": "5"})
    assert posted.json() == asked.json()
    assert _names(posted) == ["q1"]


@check
def replaces(world: ScimWorld) -> None:
    """G1..G4, L1: what a PUT leaves out is gone; one that says what is there changes nothing, not even the tag."""
    user = _user(world, "r1", nickName="Ronny")
    before = world.get(f"/Users/{user}")
    world.later()
    same = world.put(f"/Users/{user}", before.json())
    is_resource(same, 200)
    assert same.json() == before.json()
    world.later()
    put = world.put(f"/Users/{user}", a_user("r1", displayName="Put"))
    is_resource(put, 200)
    assert (put["displayName"], "nickName" in put.json()) == ("Put", False)
    assert put["meta"]["lastModified"] > before["meta"]["lastModified"]
    assert put["meta"]["created"] == before["meta"]["created"]
    assert put.headers["etag"] != before.headers["etag"]
    assert world.get(f"/Users/{user}").json() == put.json()


@check
def patches(world: ScimWorld) -> None:
    """H2..H6, H12: add, replace and remove, all or none; what changes nothing keeps the tag."""
    user = _user(world, "h1")
    path = f"/Users/{user}"
    changed = world.patch(
        path,
        {"op": "replace", "path": "displayName", "value": "Patched"},
        {"op": "add", "path": "emails", "value": [{"value": "h1@home.example", "type": "home"}]},
        {"op": "remove", "path": "phoneNumbers"},
        {"op": "add", "value": {"nickName": "Nick"}},
    )
    is_resource(changed, 200)
    found = world.get(path).json()
    assert found == changed.json()
    assert (found["displayName"], found["nickName"]) == ("Patched", "Nick")
    assert {each["type"] for each in found["emails"]} == {"work", "home"}
    assert "phoneNumbers" not in found
    again = world.patch(path, {"op": "replace", "path": "displayName", "value": "Patched"})
    assert again.headers["etag"] == changed.headers["etag"]
    failed = world.patch(
        path,
        {"op": "replace", "path": "displayName", "value": "Half"},
        {"op": "replace", "path": 'emails[type eq "other"].value', "value": "x@acme.example"},
    )
    is_error(failed, 400, "noTarget")
    assert world.get(path).json() == found


@check
def deactivates(world: ScimWorld) -> None:
    """I4, I5: an inactive user is still shown and found, and can be made active again."""
    user = _user(world, "i1")
    for active in (False, True):
        world.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": active})
        assert world.get(f"/Users/{user}")["active"] is active
        text = f'userName eq "i1" and active eq {str(active).lower()}'
        assert _names(world.search("Users", text)) == ["i1"]


@check
def obeys_conditions(world: ScimWorld) -> None:
    """L2, L3: 412 to a write at another version, 304 to a read at the same; the right tag goes through."""
    user = _user(world, "e1")
    path, stale = f"/Users/{user}", {"If-Match": 'W/"stale"'}
    now = world.get(path).headers["etag"]
    rename = {"op": "replace", "path": "displayName", "value": "New"}
    is_error(world.put(path, a_user("e1", displayName="New"), headers=stale), 412)
    is_error(world.patch(path, rename, headers=stale), 412)
    is_error(world.delete(path, headers=stale), 412)
    assert world.get(path, headers={"If-None-Match": now}).status == 304
    assert world.get(path, headers={"If-None-Match": 'W/"stale"'}).status == 200
    is_error(world.patch(path, rename, headers={"If-None-Match": now}), 412)
    assert world.patch(path, rename, headers={"If-Match": now}).status == 200
    assert world.delete(path, headers={"If-Match": "*"}).status == 204


@check
def deletes(world: ScimWorld) -> None:
    """I1, I2, I3: gone for every method, every list and every group; the names are free."""
    user = _user(world, "x1")
    group = _group(world, "x1", user)
    gone = world.delete(f"/Users/{user}")
    assert (gone.status, gone.body) == (204, b"")
    is_error(world.get(f"/Users/{user}"), 404)
    is_error(world.delete(f"/Users/{user}"), 404)
    assert world.search("Users", 'userName eq "x1"')["totalResults"] == 0
    assert _members(world, group) == set()
    assert _user(world, "x1") != user


@check
def keeps_members(world: ScimWorld) -> None:
    """J2, J5, J8, H5: members come and go by name, and none is lost; both sides tell of each other."""
    one, two, three = (_user(world, f"m{number}") for number in range(3))
    group = _group(world, "m1", one)
    path = f"/Groups/{group}"
    world.patch(path, {"op": "add", "path": "members", "value": [{"value": two}]})
    assert _members(world, group) == {one, two}
    world.patch(path, {"op": "add", "path": "members", "value": [{"value": three}]})
    world.patch(path, {"op": "remove", "path": f'members[value eq "{one}"]'})
    assert _members(world, group) == {two, three}
    unknown = {"op": "add", "path": "members", "value": [{"value": "01KT1GW6G0R5GAV2QNXRSS0P82"}]}
    is_error(world.patch(path, unknown), 400, "invalidValue")
    assert [each["value"] for each in world.get(f"/Users/{two}")["groups"]] == [group]
    text = f'members[value eq "{two}"]'
    assert [each["id"] for each in world.search("Groups", text)["Resources"]] == [group]
    is_error(world.patch(path, {"op": "replace", "path": "members"}), 400, "invalidValue")
    assert _members(world, group) == {two, three}
    world.patch(path, {"op": "replace", "path": "members", "value": []})
    assert _members(world, group) == set()


@check
def leaves_out_unknown_members(world: ScimWorld) -> None:
    """J2, H12: for a client that is registered so the rest goes in; alone they change nothing."""
    client = {"client_id": "leaves-out"}
    order = ScimClientOrder("leaves-out", "", leave_out_unknown_members=True)
    assert store_scim_client(world.services, order, actor=SYSTEM) == ScimClientStored()
    user = {"schemas": [USER_SCHEMA], "userName": "left-in"}
    one = str(world.post("/Users", user, **client)["id"])
    nobody = {"value": "01KT1GW6G0R5GAV2QNXRSS0P82"}
    body = {"schemas": [GROUP_SCHEMA], "displayName": "left-out", "members": [nobody]}
    made = world.post("/Groups", body, **client)
    is_resource(made, 201)
    path = f"/Groups/{made['id']}"

    def members(answer: Answer) -> list[str]:
        return [str(each["value"]) for each in answer.json().get("members", ())]

    alone = world.patch(path, {"op": "add", "path": "members", "value": [nobody]}, **client)
    assert (alone.status, alone["meta"]["version"]) == (200, made["meta"]["version"]), alone.body
    added = world.patch(path, {"op": "add", "path": "members", "value": [nobody, {"value": one}]}, **client)
    assert (added.status, members(added)) == (200, [one]), added.body
    assert added["meta"]["version"] != made["meta"]["version"]
    put = world.put(path, body | {"members": [{"value": one}, nobody]}, **client)
    assert (put.status, members(put)) == (200, [one])
    nameless = {"op": "add", "path": "members", "value": [nobody, {"display": "nobody"}]}
    is_error(world.patch(path, nameless, **client), 400, "invalidValue")
    assert members(world.get(path, **client)) == [one]


@check
def works_through_jobs(world: ScimWorld) -> None:
    """K1, K2, K3, K6, K7: references forward, order kept, errors with their operation, an end where it is asked."""
    job = {
        "schemas": [BULK_SCHEMA],
        "failOnErrors": 1,
        "Operations": [
            {
                "method": "POST",
                "path": "/Groups",
                "bulkId": "g",
                "data": a_group("b1", members=[{"value": "bulkId:u"}]),
            },
            {"method": "POST", "path": "/Users", "bulkId": "u", "data": a_user("b1")},
            {"method": "DELETE", "path": "/Users/nobody"},
            {"method": "POST", "path": "/Users", "bulkId": "late", "data": a_user("b2")},
        ],
    }
    answer = world.post("/Bulk", job)
    assert answer.status == 200, answer.body
    told = answer["Operations"]
    assert [each["status"] for each in told] == ["201", "201", "404"]
    assert [each.get("bulkId") for each in told] == ["g", "u", None]
    assert told[2]["response"]["schemas"] == [ERROR_SCHEMA]
    group, user = (each["location"].rpartition("/")[2] for each in told[:2])
    assert _members(world, group) == {user}
    assert told[0]["version"] == world.get(f"/Groups/{group}").headers["etag"]
    assert world.search("Users", 'userName eq "b2"')["totalResults"] == 0


@check
def describes_itself(world: ScimWorld) -> None:
    """A1..A9: what it serves, whole and true; read only."""
    config = world.get("/ServiceProviderConfig", token="")
    assert config.status == 200
    for feature in ("patch", "bulk", "filter", "sort", "etag"):
        assert config[feature]["supported"] is True
    types = {each["id"]: each for each in world.get("/ResourceTypes", token="")["Resources"]}
    assert {each["endpoint"] for each in types.values()} >= {"/Users", "/Groups"}
    schemas = {each["id"] for each in world.get("/Schemas", token="")["Resources"]}
    for each in types.values():
        named = {each["schema"], *(extension["schema"] for extension in each.get("schemaExtensions", []))}
        assert named <= schemas, each["id"]
        is_error(world.get(f"/ResourceTypes/{each['id']}x", token=""), 404)
    posted = world.post("/Schemas", {})
    is_error(posted, 405)
    assert "GET" in posted.headers["allow"]
    is_error(world.get("/Schemas", query={"filter": "id pr"}), 403)


@check
def knows_who_asks(world: ScimWorld) -> None:
    """B10, D1, O4, O7, SA-02: no token 401 with a challenge, too small a one 403, another's resource 404."""
    user = _user(world, "o1")
    unknown = world.get("/Users", token="")
    is_error(unknown, 401)
    assert unknown.headers["www-authenticate"].startswith("Bearer")
    is_error(world.get("/Users", token="wrong"), 401)
    reading = world.token(scope="scim.read")
    assert world.get(f"/Users/{user}", token=reading).status == 200
    is_error(world.delete(f"/Users/{user}", token=reading), 403)
    is_error(world.get(f"/Users/{user}", client_id="another"), 404)
    is_error(world.delete(f"/Users/{user}", client_id="another"), 404)
    assert world.get("/Users", client_id="another")["totalResults"] == 0


@check
def nests_groups(world: ScimWorld) -> None:
    """J3, J5: groups in groups; a member is in all that are around it, and no circle is closed."""
    user = _user(world, "n1")
    inner = _group(world, "n1", user)
    outer = _group(world, "n2", inner)
    shown = {each["value"]: each["type"] for each in world.get(f"/Users/{user}")["groups"]}
    assert shown == {inner: "direct", outer: "indirect"}
    assert [each["type"] for each in world.get(f"/Groups/{outer}")["members"]] == ["Group"]
    circle = {"op": "add", "path": "members", "value": [{"value": outer}]}
    is_error(world.patch(f"/Groups/{inner}", circle), 400, "invalidValue")


@check
def holds_clients_to_their_rate(world: ScimWorld) -> None:
    """O6, N5: 429 with whole seconds to wait, to the client that is too fast alone; comes last, for it takes long."""
    order = ScimClientOrder("hasty", "hasty", requests_per_second=25)
    assert store_scim_client(world.services, order, actor=SYSTEM) == ScimClientStored()
    answers = [world.get("/Users/nobody", client_id="hasty") for _ in range(265)]
    assert {each.status for each in answers[:250]} == {404}
    is_error(answers[-1], 429)
    assert answers[-1].headers["retry-after"].isdecimal()
    is_error(world.get("/Users/nobody"), 404)
