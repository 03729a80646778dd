"""Users: create, read, replace, delete (lines C1..C11, D1..D8, G1..G6, I1..I5, L1..L6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from idp.storage.accounts import find_account
from idp.storage.tables import account
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from scim.domain.models import USER_EXTENSION, USER_SCHEMA
from tests.support.scim import BASE, ERROR_SCHEMA, PATCH_SCHEMA, SEARCH_SCHEMA, a_group, a_user

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

# --- create --------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "blank user name": ({"userName": "   "}, "invalidValue"),
    "no user name": ({"userName": None}, "invalidValue"),
    "user name with a space around": ({"userName": " fieldn"}, "invalidValue"),
    "user name with an invisible character": ({"userName": "field\u200bn"}, "invalidValue"),
    "user name that is too long": ({"userName": "n" * 257}, "invalidValue"),
    "user name that is a number": ({"userName": 5}, "invalidValue"),
    "no schemas": ({"schemas": None}, "invalidSyntax"),
    "other schemas": ({"schemas": ["urn:example:other"]}, "invalidSyntax"),
    "active that is no boolean": ({"active": "perhaps"}, "invalidValue"),
    "e-mail that is none": ({"emails": [{"value": "nobody"}]}, "invalidValue"),
    "e-mail with a line break": (
        {"emails": [{"value": "a@acme.example\r\nBcc: b@evil.example"}]},
        "invalidValue",
    ),
    "two primary e-mails": (
        {
            "emails": [
                {"value": "a@acme.example", "type": "work", "primary": True},
                {"value": "b@acme.example", "type": "home", "primary": True},
            ]
        },
        "invalidValue",
    ),
    "kind that is none": ({USER_EXTENSION: {"accountKind": "robot"}}, "invalidValue"),
    "network that is none": ({USER_EXTENSION: {"allowedAddresses": ["everywhere"]}}, "invalidValue"),
    "network that is everybody's": ({USER_EXTENSION: {"allowedAddresses": ["0.0.0.0/0"]}}, "invalidValue"),
    "address that is read in two ways": (
        {USER_EXTENSION: {"allowedAddresses": ["010.0.0.1"]}},
        "invalidValue",
    ),
    "version that is no number": ({USER_EXTENSION: {"sourceVersion": "new"}}, "invalidValue"),
    "version below zero": ({USER_EXTENSION: {"sourceVersion": -1}}, "invalidValue"),
    "text longer than an index holds": ({"title": "x" * 3000}, "invalidValue"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_user_is_not_made(sqlite_world: ScimWorld, name: str) -> None:
    """C3, C5, C9, C10, H11, MA-02: 400 with the right keyword, and nothing stored."""
    world = sqlite_world
    changes, scim_type = REFUSED[name]
    body = {key: value for key, value in (a_user() | changes).items() if value is not None}
    answer = world.post("/Users", body)
    assert (answer.status, answer.scim_type) == (400, scim_type), answer.body
    assert world.get("/Users")["totalResults"] == 0


@pytest.mark.parametrize(
    "taken",
    ["fieldn", "FIELDN", "\uff46\uff49\uff45\uff4c\uff44\uff4e"],
    ids=["same", "case", "full width"],
)
def test_a_user_name_is_given_once(world: ScimWorld, taken: str) -> None:
    """C4, C5, SF-07, N4: 409 uniqueness whatever the case or Unicode form; nobody is merged."""
    first = world.post("/Users", a_user())
    answer = world.post("/Users", a_user(taken, externalId="other"))
    assert (answer.status, answer.scim_type) == (409, "uniqueness")
    assert "userName" in answer.detail
    assert world.get(f"/Users/{first['id']}").json() == first.json()


def test_an_external_id_is_given_once_and_minds_its_case(world: ScimWorld) -> None:
    """C6: scoped to the client, exact: 409 for the same, 201 for another case and for another client."""
    world.post("/Users", a_user("one", externalId="acct:A"))
    again = world.post("/Users", a_user("two", externalId="acct:A"))
    assert (again.status, again.scim_type) == (409, "uniqueness")
    assert "externalId" in again.detail
    assert world.post("/Users", a_user("two", externalId="acct:a")).status == 201
    assert world.post("/Users", a_user("three", externalId="acct:A"), client_id="okta").status == 201


def test_an_empty_external_id_is_none(world: ScimWorld) -> None:
    """C6: many may state it, of users and groups; it is neither shown nor found, and a PATCH takes one away."""
    for name in ("one", "two"):
        made = world.post("/Users", a_user(name, externalId=""))
        assert (made.status, "externalId" in made.json()) == (201, False)
        group = world.post("/Groups", a_group(name, externalId=""))
        assert (group.status, "externalId" in group.json()) == (201, False)
    user = world.post("/Users", a_user("three"))["id"]
    answer = world.patch(f"/Users/{user}", {"op": "replace", "path": "externalId", "value": ""})
    assert (answer.status, "externalId" in answer.json()) == (200, False)
    assert world.found("Users", "externalId pr") == world.found("Users", 'externalId eq ""') == []


def test_a_user_is_made_and_answered_whole(world: ScimWorld) -> None:
    """C1, B5, L1: 201 with Location, tag and everything that was stated."""
    body = a_user()
    answer = world.post("/Users", body)
    made = answer.json()
    assert answer.status == 201
    assert {name: made[name] for name in body} == body
    assert made["meta"] == {
        "resourceType": "User",
        "created": "2026-06-01T12:00:00.000000Z",
        "lastModified": "2026-06-01T12:00:00.000000Z",
        "location": f"{BASE}/Users/{made['id']}",
        "version": answer.headers["etag"],
    }
    assert answer.headers["location"] == made["meta"]["location"]
    assert re.fullmatch(r"[0-9A-Z]{26}", made["id"])
    assert made["id"] != made["userName"]


def test_what_the_server_says_is_not_taken_from_the_client(world: ScimWorld) -> None:
    """C2, C7, SA-06: id, meta and groups of a request are ignored; Entra's roles and resourceType are too."""
    body = a_user(
        id="01AAAAAAAAAAAAAAAAAAAAAAAA",
        meta={"resourceType": "User", "created": "1999-01-01T00:00:00Z", "version": 'W/"99"'},
        groups=[{"value": "01BBBBBBBBBBBBBBBBBBBBBBBB"}],
        roles=[],
        password="Summer2026!",
        somethingElse={"a": 1},
    )
    answer = world.post("/Users", body)
    made = answer.json()
    assert answer.status == 201
    assert made["id"] != body["id"]
    assert made["meta"]["created"].startswith("2026-06-01")
    assert {"groups", "roles", "password", "somethingElse"}.isdisjoint(made)
    assert b"Summer2026" not in world.get(f"/Users/{made['id']}").body


def test_names_are_read_in_any_case_and_nothing_is_nothing(sqlite_world: ScimWorld) -> None:
    """C8: attribute names ignore case; null and an empty list are unassigned."""
    world = sqlite_world
    body = {
        "SCHEMAS": [USER_SCHEMA],
        "USERNAME": "fieldn",
        "Emails": [{"VALUE": "n@acme.example"}],
        "title": None,
        "phoneNumbers": [],
    }
    made = world.post("/Users", body)
    assert made.status == 201
    assert made["emails"] == [{"value": "n@acme.example"}]
    assert {"title", "phoneNumbers"}.isdisjoint(made.json())


@pytest.mark.parametrize("profile", ["rfc", "strict"])
def test_schemas_are_named_in_any_case(sqlite_world: ScimWorld, profile: str) -> None:
    """C3, C8: a URN has none; what is stored and shown is written as published."""
    order = ScimClientOrder(profile, "", profile=profile, extension=True)
    assert store_scim_client(sqlite_world.services, order, actor=SYSTEM) == ScimClientStored()
    listed = [each.lower() for each in (USER_SCHEMA, USER_EXTENSION)]
    made = sqlite_world.post("/Users", a_user(schemas=listed), client_id=profile)
    assert made.status == 201, made.body
    assert made["schemas"] == [USER_SCHEMA, USER_EXTENSION]
    again = a_user(schemas=[each.upper().replace("URN:IETF", "urn:ietf") for each in listed])
    put = sqlite_world.put(f"/Users/{made['id']}", again, client_id=profile)
    assert (put.status, put.headers["etag"]) == (200, made.headers["etag"])


def test_the_standard_user_with_everything_is_kept(world: ScimWorld) -> None:
    """C1, A5: every attribute of RFC 7643 §4.1 and of the enterprise extension is stored as given."""
    body = a_user(
        schemas=[USER_SCHEMA, ENTERPRISE, USER_EXTENSION],
        nickName="Babs",
        profileUrl="https://login.example.com/bjensen",
        title="Tour Guide",
        locale="en-US",
        timezone="America/Los_Angeles",
        ims=[{"value": "someaimhandle", "type": "aim"}],
        photos=[{"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"}],
        addresses=[{"type": "work", "streetAddress": "100 Universal City Plaza", "country": "USA"}],
        entitlements=[{"value": "delivery"}],
        roles=[{"value": "guide", "primary": True}],
        x509Certificates=[{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVM="}],
    )
    body[ENTERPRISE] = {
        "employeeNumber": "701984",
        "costCenter": "4130",
        "organization": "Universal Studios",
        "division": "Theme Park",
        "department": "Tour Operations",
    }
    made = world.post("/Users", body)
    assert made.status == 201, made.body
    stored = world.get(f"/Users/{made['id']}").json()
    assert {name: stored[name] for name in body} == body


# --- read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("unknown", ["01KT1GW6G0R5GAV2QNXRSS0P82", "nobody", "%00", "x" * 300, "bulkId:1"])
def test_an_unknown_id_is_not_found(sqlite_world: ScimWorld, unknown: str) -> None:
    """D1: 404 on every method; an id of another type is unknown too."""
    world = sqlite_world
    group = world.post("/Groups", a_group())["id"]
    for each in (unknown, group):
        assert world.get(f"/Users/{each}").status == 404
        assert world.put(f"/Users/{each}", a_user()).status == 404
        assert world.patch(f"/Users/{each}", {"op": "replace", "path": "active", "value": True}).status == 404
        assert world.delete(f"/Users/{each}").status == 404


@pytest.mark.parametrize("path", ["/Users/{id}", "/Users"])
def test_both_lists_of_attributes_at_once_are_refused(sqlite_world: ScimWorld, path: str) -> None:
    """D6: attributes and excludedAttributes exclude one another."""
    world = sqlite_world
    made = world.post("/Users", a_user())["id"]
    query = {"attributes": "userName", "excludedAttributes": "emails"}
    assert world.get(path.replace("{id}", made), query=query).status == 400


SHOWN = {
    "userName": {"id", "schemas", "userName"},
    "USERNAME,emails.value": {"id", "schemas", "userName", "emails"},
    "meta.version": {"id", "schemas", "meta"},
    f"{USER_EXTENSION}:personId": {"id", "schemas", USER_EXTENSION},
    f"{USER_EXTENSION}": {"id", "schemas", USER_EXTENSION},
    f"{USER_SCHEMA}:name.givenName": {"id", "schemas", "name"},
    "password,nothing": {"id", "schemas"},
    "groups": {"id", "schemas", "groups"},
}


@pytest.mark.parametrize("names", SHOWN)
def test_an_answer_shows_what_was_asked_for(sqlite_world: ScimWorld, names: str) -> None:
    """D6, SF-05: sub-attributes, URN names, any case; id always; on every answer (RFC 7644 §3.9)."""
    world = sqlite_world
    made = world.post("/Users", a_user(), query={"attributes": names})
    assert SHOWN[names] - {"groups"} == made.json().keys()
    world.post("/Groups", a_group(members=[{"value": made["id"]}]))
    one = world.get(f"/Users/{made['id']}", query={"attributes": names}).json()
    assert one.keys() == SHOWN[names]
    assert world.get("/Users", query={"attributes": names})["Resources"] == [one]
    search = {"schemas": [SEARCH_SCHEMA], "attributes": names.split(",")}
    assert world.post("/Users/.search", search)["Resources"] == [one]
    operation = {"op": "replace", "path": "title", "value": "Guide"}
    patched = world.patch(f"/Users/{made['id']}", operation, query={"attributes": names}).json()
    assert patched.keys() == SHOWN[names]


def test_an_answer_leaves_out_what_was_excluded(sqlite_world: ScimWorld) -> None:
    """D6: id and schemas cannot be excluded."""
    world = sqlite_world
    made = world.post("/Users", a_user())["id"]
    whole = world.get(f"/Users/{made}").json()
    less = world.get(
        f"/Users/{made}", query={"excludedAttributes": f"id,emails,name.familyName,{USER_EXTENSION}:tenant"}
    ).json()
    assert less.keys() == whole.keys() - {"emails"}
    assert less["name"] == {"givenName": "Nora"}
    assert "tenant" not in less[USER_EXTENSION]


# --- replace -------------------------------------------------------------------------------------


def test_put_never_makes_a_user(world: ScimWorld) -> None:
    """G1: an unknown id answers 404."""
    assert world.put("/Users/01KT1GW6G0R5GAV2QNXRSS0P82", a_user()).status == 404
    assert world.get("/Users")["totalResults"] == 0


def test_put_cannot_take_anothers_name(world: ScimWorld) -> None:
    """G6: uniqueness holds on PUT too, and nothing changes."""
    world.post("/Users", a_user("one"))
    two = world.post("/Users", a_user("two"))
    answer = world.put(f"/Users/{two['id']}", a_user("ONE", externalId="acct:two"))
    assert (answer.status, answer.scim_type) == (409, "uniqueness")
    assert world.get(f"/Users/{two['id']}").json() == two.json()


def test_what_put_leaves_out_is_cleared(world: ScimWorld) -> None:
    """G2, G3: readWrite attributes go; what is immutable, the fence and what the server adds stay."""
    made = world.post("/Users", a_user(title="Guide"))
    group = world.post("/Groups", a_group(members=[{"value": made["id"]}]))["id"]
    body = {"schemas": [USER_SCHEMA], "userName": "fieldn", "id": "ignored"}
    answer = world.put(f"/Users/{made['id']}", body)
    assert answer.status == 200
    found = answer.json()
    assert found.keys() == {"id", "schemas", "userName", "groups", "meta", USER_EXTENSION}
    assert found[USER_EXTENSION] == {"sourceVersion": 1, "accountKind": "personal"}
    assert found["groups"][0]["value"] == group
    assert world.found("Users", "title pr or emails pr or externalId pr") == []


@pytest.mark.parametrize("kind", ["personal", "machine"])
def test_what_cannot_change_is_neither_taken_nor_lost_by_a_put(world: ScimWorld, kind: str) -> None:
    """G2, H6, N6: of the kind of account nothing, itself or another may be said: it stays, or 400 mutability."""
    extension = {"accountKind": kind, "custodianPersonId": "100002"}
    made = world.post("/Users", a_user(**{USER_EXTENSION: extension}))
    path = f"/Users/{made['id']}"
    bare = {"schemas": [USER_SCHEMA], "userName": "fieldn"}
    listed = {"schemas": [USER_SCHEMA, USER_EXTENSION], "userName": "fieldn"}
    for silent in (bare, listed | {USER_EXTENSION: {"personId": "1"}}, listed | {USER_EXTENSION: {}}):
        answer = world.put(path, silent)
        assert (answer.status, answer[USER_EXTENSION]["accountKind"]) == (200, kind), answer.body
        assert USER_EXTENSION in answer["schemas"]
        assert world.found("Users", f'{USER_EXTENSION}:accountKind eq "{kind}"') == ["fieldn"]
    assert world.put(path, listed | {USER_EXTENSION: {"accountKind": kind}}).status == 200
    before = world.get(path).body
    for refused in (
        world.put(path, listed | {USER_EXTENSION: {"accountKind": "workspace"}}),
        world.patch(path, {"op": "remove", "path": f"{USER_EXTENSION}:accountKind"}),
        world.patch(path, {"op": "remove", "path": USER_EXTENSION}),
    ):
        assert (refused.status, refused.scim_type) == (400, "mutability")
        assert "'accountKind'" in refused.detail
    assert world.get(path).body == before


def test_put_of_what_get_gave_changes_nothing(world: ScimWorld) -> None:
    """G4, H12: same version, same time."""
    made = world.post("/Users", a_user())
    shown = world.get(f"/Users/{made['id']}")
    answer = world.put(f"/Users/{made['id']}", shown.json())
    assert answer.status == 200
    assert answer.json() == shown.json()
    assert answer.headers["etag"] == made.headers["etag"]


def test_a_user_name_can_change(world: ScimWorld) -> None:
    """G6: the old one is free again, the id stays."""
    made = world.post("/Users", a_user("one"))
    answer = world.put(f"/Users/{made['id']}", a_user("uno", externalId="acct:one"))
    assert (answer.status, answer["id"], answer["userName"]) == (200, made["id"], "uno")
    assert world.found("Users", 'userName eq "one"') == []
    assert world.post("/Users", a_user("one", externalId="another")).status == 201


# --- tags ----------------------------------------------------------------------------------------


def test_what_a_list_shows_is_what_a_single_resource_shows(sqlite_world: ScimWorld) -> None:
    """D6: a parameter that comes more than once says the same to both."""
    path = f"/Users/{sqlite_world.post('/Users', a_user())['id']}"
    for query in (
        "attributes=userName&attributes=name.givenName",
        "excludedAttributes=name&excludedAttributes=emails",
    ):
        alone = sqlite_world.get(f"{path}?{query}").json()
        assert sqlite_world.get(f"/Users?{query}")["Resources"] == [alone]
        assert ("emails" in alone, "givenName" in alone.get("name", {})) in {(False, True), (False, False)}
    assert alone["userName"] == "fieldn"


def test_a_search_names_its_schema_in_any_case(sqlite_world: ScimWorld) -> None:
    """D4, H10: URNs have no case, in this message as in those of PATCH and Bulk."""
    body = {"schemas": [SEARCH_SCHEMA.lower()], "count": 0}
    assert sqlite_world.post("/Users/.search", body).status == 200


def test_a_write_on_a_version_that_is_gone_is_refused(world: ScimWorld) -> None:
    """L2, SP-05: 412 for PUT, PATCH and DELETE, and nothing changes."""
    made = world.post("/Users", a_user())
    path = f"/Users/{made['id']}"
    old = {"If-Match": made.headers["etag"]}
    operation = {"op": "replace", "path": "title", "value": "Guide"}
    now = world.patch(path, operation, headers=old)
    assert now.status == 200
    for answer in (
        world.put(path, a_user(), headers=old),
        world.patch(path, {"op": "replace", "path": "title", "value": "Boss"}, headers=old),
        world.delete(path, headers=old),
    ):
        assert answer.status == 412
    assert world.get(path).json() == now.json()


@pytest.mark.parametrize("form", ["{tag}", 'W/"99", {tag}', "*", '"{number}"'])
def test_a_write_on_the_stored_version_is_done(sqlite_world: ScimWorld, form: str) -> None:
    """L2: one tag, a list, a star; compared weakly."""
    world = sqlite_world
    made = world.post("/Users", a_user())
    tag = made.headers["etag"]
    demand = form.replace("{tag}", tag).replace("{number}", tag.split('"')[1])
    operation = {"op": "replace", "path": "title", "value": "Guide"}
    assert world.patch(f"/Users/{made['id']}", operation, headers={"If-Match": demand}).status == 200


def test_a_version_that_is_known_is_not_sent_again(world: ScimWorld) -> None:
    """L3: 304 on GET while nothing changed; membership changes the user, so its tag too (L1)."""
    made = world.post("/Users", a_user())
    path = f"/Users/{made['id']}"
    known = {"If-None-Match": made.headers["etag"]}
    same = world.get(path, headers=known)
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", made.headers["etag"])
    world.post("/Groups", a_group(members=[{"value": made["id"]}]))
    assert world.get(path, headers=known).status == 200


def test_the_kind_of_an_account_in_use_is_immutable(world: ScimWorld) -> None:
    """G2, N2: 400 mutability by PUT and PATCH, and nothing else of the request is done."""
    made = world.post("/Users", a_user()).json()
    plain = world.post("/Users", a_user("plain", **{USER_EXTENSION: {}})).json()
    with world.services.store.write() as unit:
        unit.connection.execute(update(account).values(activated_at=unit.now))
    other = {"accountKind": "machine"}
    put = world.put(f"/Users/{made['id']}", a_user(displayName="Other") | {USER_EXTENSION: other})
    patch = world.patch(f"/Users/{made['id']}", {"op": "add", "value": {USER_EXTENSION: other}})
    meant = world.patch(f"/Users/{plain['id']}", {"op": "replace", "path": "userType", "value": "Machine"})
    assert [(each.status, each.scim_type) for each in (put, patch, meant)] == [(400, "mutability")] * 3
    assert world.get(f"/Users/{made['id']}")["displayName"] == made["displayName"]


def test_what_is_not_sent_again_is_told_like_what_is(sqlite_world: ScimWorld) -> None:
    """L3, B5, RFC 9110 §15.4.5: 304 has every header of the 200 that is about the resource or its storing."""
    path = f"/Users/{sqlite_world.post('/Users', a_user())['id']}"
    sent = sqlite_world.get(path)
    same = sqlite_world.get(path, headers={"If-None-Match": sent.headers["etag"]})
    assert same.status == 304
    for name in ("etag", "content-location", "cache-control"):
        assert same.headers[name] == sent.headers[name]


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_conditions_hold_on_every_method(world: ScimWorld, kind: str) -> None:
    """L2, L3, RFC 9110 §13.2.2: 412 to a read at another version, and to a write at one that is ruled out."""
    body = a_user() if kind == "Users" else a_group()
    path = f"/{kind}/{world.post(f'/{kind}', body)['id']}"
    rename = {"op": "replace", "path": "displayName", "value": "New"}
    sent = world.get(path)
    now = sent.headers["etag"]
    for ruled_out in ("*", now, f'"zz", {now}'):
        demand = {"If-None-Match": ruled_out}
        for answer in (
            world.put(path, body | {"displayName": "New"}, headers=demand),
            world.patch(path, rename, headers=demand),
            world.patch(path, rename, headers=demand | {"If-Match": now}),
            world.delete(path, headers=demand),
        ):
            assert (answer.status, answer["status"]) == (412, "412"), ruled_out
    assert world.get(path, headers={"If-Match": '"zz"'}).status == 412
    assert world.get(path, headers={"If-Match": '"zz"', "If-None-Match": now}).status == 412
    assert world.get(path, headers={"If-Match": now, "If-None-Match": now}).status == 304
    assert world.get(path, headers={"If-Match": "*"}).json() == sent.json()
    other = {"If-None-Match": '"zz"'}
    assert world.patch(path, rename, headers=other)["displayName"] == "New"
    assert world.put(path, body, headers=other).status == 200
    assert world.delete(path, headers=other).status == 204


def test_no_write_needs_a_tag(world: ScimWorld) -> None:
    """L6: a client that sends none is served."""
    made = world.post("/Users", a_user())["id"]
    assert world.put(f"/Users/{made}", a_user(title="Guide")).status == 200


# --- delete --------------------------------------------------------------------------------------


def test_a_deleted_user_is_gone_everywhere(world: ScimWorld) -> None:
    """I1, I2: 204 without a body, then 404; out of lists, filters and groups; its names are free."""
    made = world.post("/Users", a_user())["id"]
    group = world.post("/Groups", a_group(members=[{"value": made}]))
    answer = world.delete(f"/Users/{made}")
    assert (answer.status, answer.body) == (204, b"")
    change = {
        "schemas": [PATCH_SCHEMA],
        "Operations": [{"op": "replace", "path": "active", "value": False}],
    }
    for method, body in (("GET", None), ("PUT", a_user()), ("PATCH", change), ("DELETE", None)):
        gone = world.request(method, f"/Users/{made}", body)
        assert (gone.status, gone["schemas"], gone.scim_type) == (404, [ERROR_SCHEMA], ""), method
    assert world.get("/Users")["totalResults"] == 0
    assert world.found("Users", 'emails.value co "acme"') == []
    emptied = world.get(f"/Groups/{group['id']}")
    assert "members" not in emptied.json()
    assert emptied.headers["etag"] != group.headers["etag"]
    assert world.post("/Users", a_user()).status == 201


def test_an_inactive_user_is_still_shown(world: ScimWorld) -> None:
    """I4, T: clients look for users they switched off: by id, list and filter."""
    made = world.post("/Users", a_user(active=False))["id"]
    assert world.get(f"/Users/{made}")["active"] is False
    assert world.found("Users", 'userName eq "fieldn"') == ["fieldn"]
    assert world.found("Users", "active eq false") == ["fieldn"]


def test_leaving_active_out_never_switches_a_user_on(world: ScimWorld) -> None:
    """I5: reactivation is stated, by PATCH or PUT, or it does not happen."""
    made = world.post("/Users", a_user(active=False))["id"]
    silent = {name: value for name, value in a_user(title="Guide").items() if name != "active"}
    assert world.put(f"/Users/{made}", silent)["active"] is False
    world.patch(f"/Users/{made}", {"op": "remove", "path": "active"})
    assert world.found("Users", "active eq false") == ["fieldn"]
    assert world.put(f"/Users/{made}", a_user(active=True))["active"] is True
    assert world.found("Users", "active eq true") == ["fieldn"]


def test_a_new_user_says_that_it_is_active(world: ScimWorld) -> None:
    """C1, E3: what is left out is true for a new user, and shown, so that the filter says what is seen."""
    stated = a_user()
    del stated["active"]
    assert world.post("/Users", stated)["active"] is True
    assert world.found("Users", "active eq true") == ["fieldn"]


def test_a_name_is_told_to_others_in_one_line(world: ScimWorld) -> None:
    """CVE-2021-42574: the source finds what it stated; pages, tokens and letters what stands in a sentence."""
    stated = "Ann \u202eeve\nAdministrator"
    name = {"givenName": stated, "familyName": stated, "middleName": stated}
    body = {**a_user("ann"), "displayName": stated, "name": name}
    body[USER_EXTENSION] = {"organizations": [{"id": "acme", "shortName": stated}]}
    made = world.post("/Users", body)
    assert made.status == 201, made.body
    assert (made["displayName"], made["name"]["familyName"]) == (stated, stated)
    assert world.get("/Users", query={"filter": 'displayName co "Administrator"'})["totalResults"] == 1
    with world.services.store.read() as connection:
        account = find_account(connection, made["id"])
    assert account is not None
    told = "Ann eve Administrator"
    assert account.names == (told, told, told)
    assert (account.display, account.organizations[0].short_name) == (told, told)
