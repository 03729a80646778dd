"""Who may state our own extension of users and groups: for every other client it is as unknown as any."""

from __future__ import annotations

import pytest

from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from scim.domain.models import GROUP_EXTENSION, GROUP_SCHEMA, USER_EXTENSION, USER_SCHEMA
from tests.support.scim import ScimWorld, a_group, a_user

FOREIGN = "directory"
OWN = frozenset({USER_EXTENSION, GROUP_EXTENSION})
KIND = {"personId": "100001", "accountKind": "machine", "allowedAddresses": ["192.0.2.0/24"]}
ACCESS = {"organizationId": "100", "accessRoleKey": "viewer", "applicationKey": "emi"}
STATED = {
    "Users": (USER_EXTENSION, {"schemas": [USER_SCHEMA], "userName": "maria", "active": True}, KIND),
    "Groups": (GROUP_EXTENSION, {"schemas": [GROUP_SCHEMA], "displayName": "Guides"}, ACCESS),
}
both_types = pytest.mark.parametrize("kind", list(STATED))


def registered(world: ScimWorld, *, extension: bool, profile: str = "rfc") -> None:
    order = ScimClientOrder(FOREIGN, "", profile=profile, extension=extension)
    assert store_scim_client(world.services, order, actor=SYSTEM) == ScimClientStored()


def told(world: ScimWorld, **options: str) -> set[str]:
    """Return the schemas that a client is told of, by all three addresses that tell of them."""
    schemas = {each["id"] for each in world.get("/Schemas", **options)["Resources"]}
    types = world.get("/ResourceTypes", **options)["Resources"]
    extensions = {each["schema"] for one in types for each in one.get("schemaExtensions", ())}
    assert extensions == {each for each in schemas if ":extension:" in each}
    for urn in OWN:
        assert (world.get(f"/Schemas/{urn}", **options).status == 200) == (urn in schemas)
    return schemas


def test_the_extension_is_told_to_who_may_state_it_alone(sqlite_world: ScimWorld) -> None:
    """A2, A3: not to strangers, nor to a client that is registered without it; nothing else is different."""
    registered(sqlite_world, extension=False)
    without = told(sqlite_world, client_id=FOREIGN)
    assert not without & OWN
    assert told(sqlite_world, token="") == without
    registered(sqlite_world, extension=True)
    assert told(sqlite_world, client_id=FOREIGN) == without | OWN
    assert told(sqlite_world, client_id="nobody-registered-it") == without | OWN


@both_types
def test_what_a_client_may_not_state_is_ignored_as_any_unknown_schema(
    sqlite_world: ScimWorld, kind: str
) -> None:
    """C3, C11: in a POST, a PUT and the value of a PATCH; nothing of it has an effect."""
    registered(sqlite_world, extension=False)
    urn, body, stated = STATED[kind]
    full = body | {"schemas": [*body["schemas"], urn], urn: stated}
    made = sqlite_world.post(f"/{kind}", full, client_id=FOREIGN)
    assert (made.status, made["schemas"]) == (201, body["schemas"]), made.body
    path = f"/{kind}/{made['id']}"
    answers = (
        sqlite_world.put(path, full, client_id=FOREIGN),
        sqlite_world.patch(path, {"op": "add", "value": {urn: stated}}, client_id=FOREIGN),
        sqlite_world.patch(
            path, {"op": "add", "value": {f"{urn}:{next(iter(stated))}": "1"}}, client_id=FOREIGN
        ),
        sqlite_world.patch(path, {"op": "replace", "value": {f"{urn}:sourceVersion": 7}}, client_id=FOREIGN),
        sqlite_world.get(path, client_id=FOREIGN),
    )
    for answer in answers:
        assert (answer.status, urn in answer.json()) == (200, False), answer.body
        assert (answer["schemas"], answer["meta"]["version"]) == (body["schemas"], made["meta"]["version"])


@both_types
def test_the_strict_profile_refuses_it_as_any_unknown_schema(sqlite_world: ScimWorld, kind: str) -> None:
    """Q: 400 invalidSyntax, named in ``schemas`` or not, and nothing is made."""
    registered(sqlite_world, extension=False, profile="strict")
    urn, body, stated = STATED[kind]
    for wrong in (body | {urn: stated}, body | {"schemas": [*body["schemas"], urn]}):
        answer = sqlite_world.post(f"/{kind}", wrong, client_id=FOREIGN)
        assert (answer.status, answer.scim_type) == (400, "invalidSyntax"), answer.body
    assert sqlite_world.get(f"/{kind}", client_id=FOREIGN)["totalResults"] == 0


@both_types
def test_no_path_filter_or_order_leads_into_it(sqlite_world: ScimWorld, kind: str) -> None:
    """E10, F1, H7: the fence by itself, which is read apart from all else, is no exception."""
    registered(sqlite_world, extension=False)
    urn, body, stated = STATED[kind]
    path = f"/{kind}/{sqlite_world.post(f'/{kind}', body, client_id=FOREIGN)['id']}"
    name = next(iter(stated))
    for operation in (
        {"op": "replace", "path": f"{urn}:sourceVersion", "value": 7},
        {"op": "add", "path": f"{urn}:{name}", "value": "1"},
        {"op": "add", "path": urn, "value": {"sourceVersion": 7}},
        {"op": "remove", "path": urn},
    ):
        answer = sqlite_world.patch(path, operation, client_id=FOREIGN)
        assert (answer.status, answer.scim_type) == (400, "invalidPath"), (operation, answer.body)
    for asked in (f"/{kind}", "/"):
        found = sqlite_world.get(asked, query={"filter": f'{urn}:{name} eq "1"'}, client_id=FOREIGN)
        assert (found.status, found.scim_type) == (400, "invalidFilter"), found.body
    ordered = sqlite_world.get(f"/{kind}", query={"sortBy": f"{urn}:{name}"}, client_id=FOREIGN)
    assert (ordered.status, ordered.scim_type) == (400, "invalidPath")


@both_types
def test_what_was_stated_before_outlives_that_it_may_be(sqlite_world: ScimWorld, kind: str) -> None:
    """G2, H2: a write by who may state it no more loosens no network and takes no fence or access away."""
    registered(sqlite_world, extension=True)
    urn, body, stated = STATED[kind]
    full = body | {"schemas": [*body["schemas"], urn], urn: stated | {"sourceVersion": 3}}
    made = sqlite_world.post(f"/{kind}", full, client_id=FOREIGN)
    registered(sqlite_world, extension=False)
    path = f"/{kind}/{made['id']}"
    other = body | {"externalId": "other"}
    answers = (
        sqlite_world.put(path, other, client_id=FOREIGN),
        sqlite_world.patch(path, {"op": "replace", "path": "externalId", "value": "next"}, client_id=FOREIGN),
        sqlite_world.get(path, client_id=FOREIGN),
    )
    for answer in answers:
        assert (answer.status, answer[urn]) == (200, made[urn]), answer.body
        assert answer["schemas"] == made["schemas"]
    assert answers[-1]["externalId"] == "next"


@both_types
def test_who_may_not_state_it_takes_nothing_of_it_away_by_schemas(sqlite_world: ScimWorld, kind: str) -> None:
    """G2, H2, SA-07: a list without our schema drops no network of a machine, and no access of a group."""
    registered(sqlite_world, extension=True)
    urn, body, stated = STATED[kind]
    stated = {name: value for name, value in stated.items() if name != "accountKind"}
    full = body | {"schemas": [*body["schemas"], urn], urn: stated}
    made = sqlite_world.post(f"/{kind}", full, client_id=FOREIGN)
    registered(sqlite_world, extension=False)
    path = f"/{kind}/{made['id']}"
    listed = {"op": "replace", "path": "schemas", "value": body["schemas"]}
    other = {"op": "replace", "path": "externalId", "value": "other"}
    for operations in ([listed], [listed, other]):
        answer = sqlite_world.patch(path, *operations, client_id=FOREIGN)
        assert (answer.status, answer[urn], answer["schemas"]) == (200, stated, made["schemas"]), answer.body


def test_accounts_are_switched_off_by_who_may_not_state_it(sqlite_world: ScimWorld) -> None:
    """I4: the deny lane is open to every client, and a fence beside it to none of these."""
    registered(sqlite_world, extension=False)
    plain = {name: value for name, value in a_user().items() if name != USER_EXTENSION}
    path = f"/Users/{sqlite_world.post('/Users', plain, client_id=FOREIGN)['id']}"
    off = {"op": "replace", "path": "active", "value": False}
    fence = {"op": "replace", "path": f"{USER_EXTENSION}:sourceVersion", "value": 7}
    assert sqlite_world.patch(path, off, fence, client_id=FOREIGN).scim_type == "invalidPath"
    assert sqlite_world.patch(path, off, client_id=FOREIGN)["active"] is False


def test_members_come_by_who_may_not_state_it(sqlite_world: ScimWorld) -> None:
    """J4: members as rows for every client, and a fence beside them for none of these."""
    registered(sqlite_world, extension=False)
    user = sqlite_world.post("/Users", a_user(), client_id=FOREIGN)["id"]
    path = f"/Groups/{sqlite_world.post('/Groups', a_group(), client_id=FOREIGN)['id']}"
    member = {"op": "add", "path": "members", "value": [{"value": user}]}
    fence = {"op": "replace", "path": f"{GROUP_EXTENSION}:sourceVersion", "value": 7}
    assert sqlite_world.patch(path, member, fence, client_id=FOREIGN).scim_type == "invalidPath"
    answer = sqlite_world.patch(path, member, client_id=FOREIGN)
    assert [each["value"] for each in answer["members"]] == [user]
