"""Discovery (RFC 7644 §4): lines A1..A11 of the requirement list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA, USER_EXTENSION, USER_SCHEMA
from tests.support.scim import BASE, ERROR_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.scim import ScimWorld

ADDRESSES = ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas")


@pytest.mark.parametrize("path", ADDRESSES)
def test_discovery_refuses_a_filter(sqlite_world: ScimWorld, path: str) -> None:
    """A2: RFC 7644 §4: a filter on discovery answers 403."""
    answer = sqlite_world.get(path, query={"filter": 'name eq "x"'})
    assert answer.status == 403
    assert answer["schemas"] == [ERROR_SCHEMA]


@pytest.mark.parametrize("path", ADDRESSES)
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
    """A1, A11: without a token, with meta, lists as ListResponse."""
    config = sqlite_world.get("/ServiceProviderConfig", token="")
    assert config.status == 200
    assert config["meta"] == {
        "resourceType": "ServiceProviderConfig",
        "location": f"{BASE}/ServiceProviderConfig",
    }
    for path, kind in (("/ResourceTypes", "ResourceType"), ("/Schemas", "Schema")):
        listed = sqlite_world.get(path, token="").json()
        assert listed["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
        assert listed["totalResults"] == len(listed["Resources"]) == listed["itemsPerPage"]
        for each in listed["Resources"]:
            assert each["meta"]["resourceType"] == kind
            assert sqlite_world.get(each["meta"]["location"].removeprefix(BASE)).json() == each


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
    user = sqlite_world.get(f"/Schemas/{USER_SCHEMA}")
    emails = next(each for each in user["attributes"] if each["name"] == "emails")
    kinds = next(each for each in emails["subAttributes"] if each["name"] == "type")
    assert kinds["canonicalValues"] == ["work", "home", "other"]


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


@pytest.mark.parametrize("path", ADDRESSES)
def test_discovery_is_not_sent_twice(sqlite_world: ScimWorld, path: str) -> None:
    """A9: a tag that still holds answers 304 without a body."""
    first = sqlite_world.get(path)
    again = sqlite_world.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert sqlite_world.get(path, headers={"If-None-Match": 'W/"other"'}).status == 200
