"""Discovery (RFC 7644 §4): lines A1..A11 of the requirement list."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA, USER_EXTENSION, USER_SCHEMA
from scim.settings import ScimSettings
from tests.support.scim import BASE, ERROR_SCHEMA, a_group, a_scim_world, a_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.database import Database
    from tests.support.scim import ScimWorld

ADDRESSES = ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas")
ONES = ("/ResourceTypes/User", f"/Schemas/{USER_SCHEMA}", f"/Schemas/{GROUP_EXTENSION}")


@pytest.mark.parametrize("path", [*ADDRESSES, *ONES])
def test_discovery_refuses_a_filter(sqlite_world: ScimWorld, path: str) -> None:
    """A2: RFC 7644 §4: a filter on discovery answers 403."""
    answer = sqlite_world.get(path, query={"filter": 'name eq "x"'})
    assert answer.status == 403
    assert answer["schemas"] == [ERROR_SCHEMA]


@pytest.mark.parametrize("path", [*ADDRESSES, *ONES])
def test_discovery_passes_over_what_lists_may_be_asked(sqlite_world: ScimWorld, path: str) -> None:
    """A2: RFC 7644 §4: sorting, paging and attributes change nothing, however they are written."""
    query = (
        "sortBy=nothing&sortOrder=sideways&startIndex=3&count=x&cursor=&attributes=name&excludedAttributes=id"
    )
    asked = sqlite_world.get(f"{path}?{query}")
    assert (asked.status, asked.body) == (200, sqlite_world.get(path).body)


@pytest.mark.parametrize("path", [*ADDRESSES, *ONES])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_discovery_cannot_be_written(sqlite_world: ScimWorld, path: str, method: str) -> None:
    """A3: any other method answers 405 and says what is allowed."""
    answer = sqlite_world.request(method, path, {"schemas": []})
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer["status"] == "405"


@pytest.mark.parametrize("path", ["/ResourceTypes/Robot", "/Schemas/urn:example:nothing"])
def test_what_is_not_described_is_not_found(sqlite_world: ScimWorld, path: str) -> None:
    """A4: an unknown type or schema answers 404 in SCIM."""
    answer = sqlite_world.get(path)
    assert (answer.status, answer["status"]) == (404, "404")


def test_every_address_answers_with_its_type_and_place(sqlite_world: ScimWorld) -> None:
    """A1, A11: without a token and with one, with meta, lists as ListResponse."""
    config = sqlite_world.get("/ServiceProviderConfig", token="")
    assert config.status == 200
    assert config["meta"] == {
        "resourceType": "ServiceProviderConfig",
        "location": f"{BASE}/ServiceProviderConfig",
    }
    lists = (("/ResourceTypes", "ResourceType"), ("/Schemas", "Schema"))
    for (path, kind), token in itertools.product(lists, ("", None)):
        listed = sqlite_world.get(path, token=token).json()
        assert listed["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
        assert listed["totalResults"] == len(listed["Resources"]) == listed["itemsPerPage"]
        for each in listed["Resources"]:
            assert each["meta"]["resourceType"] == kind
            alone = sqlite_world.get(each["meta"]["location"].removeprefix(BASE), token=token)
            assert alone.json() == each


def test_every_schema_of_a_resource_type_is_published(sqlite_world: ScimWorld) -> None:
    """A5, A6: types name only schemas that /Schemas has, and id equals name."""
    published = {each["id"] for each in sqlite_world.get("/Schemas")["Resources"]}
    for each in sqlite_world.get("/ResourceTypes")["Resources"]:
        assert each["id"] == each["name"]
        named = {each["schema"], *(extension["schema"] for extension in each["schemaExtensions"])}
        assert named <= published
    assert {USER_SCHEMA, GROUP_SCHEMA, USER_EXTENSION, GROUP_EXTENSION} <= published


def _attributes(value: Any) -> Iterator[dict[str, Any]]:
    for each in value:
        yield each
        yield from _attributes(each.get("subAttributes", ()))


def test_schemas_are_complete_and_without_null(sqlite_world: ScimWorld) -> None:
    """A7, A10: each attribute states its characteristics, nothing is null, each e-mail type is listed."""
    body = sqlite_world.get("/Schemas")
    assert b"null" not in body.body
    for schema in body["Resources"]:
        for attribute in _attributes(schema["attributes"]):
            assert {"name", "type", "multiValued", "description", "required"} <= attribute.keys()
            assert {"mutability", "returned", "uniqueness"} <= attribute.keys(), attribute["name"]
            if attribute["type"] == "string":
                assert "caseExact" in attribute, attribute["name"]
            if attribute["type"] == "reference":
                assert attribute["referenceTypes"], attribute["name"]
            assert (attribute["type"] == "complex") == bool(attribute.get("subAttributes")), attribute["name"]
    kinds = {
        f"{each['name']}.type": part["canonicalValues"]
        for schema in body["Resources"]
        for each in schema["attributes"]
        for part in each.get("subAttributes", ())
        if part["name"] == "type"
    }
    assert kinds == {
        "emails.type": ["work", "home", "other"],
        "phoneNumbers.type": ["work", "home", "mobile", "fax", "pager", "other"],
        "ims.type": ["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        "photos.type": ["photo", "thumbnail"],
        "addresses.type": ["work", "home", "other"],
        "groups.type": ["direct", "indirect"],
        "entitlements.type": ["work", "home", "other"],
        "roles.type": ["work", "home", "other"],
        "x509Certificates.type": ["work", "home", "other"],
        "members.type": ["User", "Group"],
    }


def _described(world: ScimWorld, schema: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give what a published schema says of every attribute, under the name that requests use."""
    prefix = "" if schema in (USER_SCHEMA, GROUP_SCHEMA) else f"{schema}:"
    for each in world.get(f"/Schemas/{schema}")["attributes"]:
        yield prefix + each["name"], each
        for part in each.get("subAttributes", ()):
            yield f"{prefix}{each['name']}.{part['name']}", part


VALUES: dict[str, Any] = {
    "string": "x",
    "boolean": True,
    "integer": 1,
    "dateTime": "2026-01-01T00:00:00Z",
    "reference": "https://x.example/",
    "binary": "YQ==",
    "complex": {},
}


@pytest.mark.parametrize(
    ("kind", "schemas"),
    [("Users", (USER_SCHEMA, USER_EXTENSION)), ("Groups", (GROUP_SCHEMA, GROUP_EXTENSION))],
)
def test_the_service_does_what_its_schemas_say(
    sqlite_world: ScimWorld, kind: str, schemas: tuple[str, ...]
) -> None:
    """A5, C5, C6, D6, H6, E14: mutability, what is required, what is returned, and whose case counts."""
    world = sqlite_world
    member = world.post("/Users", a_user("member"))["id"]
    body = a_user() if kind == "Users" else a_group(members=[{"value": member}])
    path = f"/{kind}/{world.post(f'/{kind}', body)['id']}"
    for schema in schemas:
        for name, said in _described(world, schema):
            value = [VALUES[said["type"]]] if said["multiValued"] else VALUES[said["type"]]
            changed = world.patch(path, {"op": "replace", "path": name, "value": value})
            if said["mutability"] == "readOnly":
                assert (changed.status, changed.scim_type) == (400, "mutability"), name
            if said["required"] and "." not in name:
                removed = world.patch(path, {"op": "remove", "path": name})
                assert (removed.status, removed.scim_type) == (400, "mutability"), name
            if said["returned"] == "request":
                parent, _, part = name.rpartition(".")
                assert not any(part in each for each in world.get(path).json().get(parent, ()))
            assert world.search(kind, f"{name} pr").status == 200, name


def test_names_are_as_exact_as_the_schema_says(world: ScimWorld) -> None:
    """A5, C5, E14: for every text of a user that is no part of a list, a filter in another case tells."""
    extension = {"personId": "Px", "tenant": "Tx", "custodianPersonId": "Cx"}
    texts = {"displayName": "Dx", "title": "Qx", "nickName": "Nx", "userType": "Ux"}
    user = a_user("Xavier", **texts, **{USER_EXTENSION: extension})
    world.post("/Users", user)
    said = {
        name: each for schema in (USER_SCHEMA, USER_EXTENSION) for name, each in _described(world, schema)
    }
    stated = {"userName": "Xavier"} | texts | {f"{USER_EXTENSION}:{k}": v for k, v in extension.items()}
    for name, value in stated.items():
        found = world.found("Users", f'{name} eq "{value.swapcase()}"')
        assert found == ([] if said[name]["caseExact"] else ["Xavier"]), name


def test_a_password_is_no_attribute_here(sqlite_world: ScimWorld) -> None:
    """C12, A5: the schema says what the service does: passwords are not provisioned."""
    user = sqlite_world.get(f"/Schemas/{USER_SCHEMA}")
    assert "password" not in [each["name"] for each in user["attributes"]]
    assert sqlite_world.get("/ServiceProviderConfig")["changePassword"] == {"supported": False}


def test_the_configuration_tells_the_truth(sqlite_world: ScimWorld) -> None:
    """A8: schemes, limits and pagination are those the service works by."""
    config = sqlite_world.get("/ServiceProviderConfig").json()
    assert [each["type"] for each in config["authenticationSchemes"]] == ["oauthbearertoken"]
    assert config["authenticationSchemes"][0]["primary"] is True
    assert config["filter"] == {"supported": True, "maxResults": 1000}
    assert config["patch"] == config["etag"] == config["sort"] == {"supported": True}
    assert config["bulk"] == {"supported": True, "maxOperations": 1_000, "maxPayloadSize": 1_048_576}
    assert config["pagination"] == {
        "cursor": True,
        "index": True,
        "defaultPaginationMethod": "index",
        "defaultPageSize": 100,
        "maxPageSize": 1000,
        "cursorTimeout": 3600,
    }


@pytest.mark.parametrize("path", [*ADDRESSES, *ONES])
def test_an_installation_may_close_discovery(sqlite_gateway_database: Database, path: str) -> None:
    """A11: then it is as for everything else: 401 and the challenge, and open to who may read."""
    world = a_scim_world(sqlite_gateway_database, settings=ScimSettings(open_discovery=False))
    refused = world.get(path, token="")
    assert (refused.status, refused["schemas"]) == (401, [ERROR_SCHEMA])
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert world.get(path).status == 200


@pytest.mark.parametrize("path", [*ADDRESSES, *ONES])
def test_discovery_is_not_sent_twice(sqlite_world: ScimWorld, path: str) -> None:
    """A9, RFC 9110 §13.1.2: a tag that still holds, and a star, answer 304 without a body."""
    first = sqlite_world.get(path)
    for known in (first.headers["etag"], "*"):
        again = sqlite_world.get(path, headers={"If-None-Match": known})
        assert (again.status, again.body) == (304, b"")
    assert sqlite_world.get(path, headers={"If-None-Match": 'W/"other"'}).status == 200
