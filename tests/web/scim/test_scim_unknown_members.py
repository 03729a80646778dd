"""Members that nobody knows: refused (J2), or left out for a client that is registered so."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from idp.domain.provisioning_log import Operation as Deed
from idp.storage.accounts import protect
from idp.storage.provisioning_log import Range, page_of_all
from idp.usecases.provisioning_log import ServedRequest, note_client, note_left_out, record_answer
from idp.usecases.store_event_stream import StreamOrder, StreamStored, store_event_stream
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from kernel.tables import audit_event
from scim.domain.models import GROUP_SCHEMA
from scim.web.routes import deferred_requests
from tests.support.events import Payload, Receiver
from tests.support.scim import Answer, ScimWorld, a_group, a_user
from tests.support.scim_profiles import ENTERPRISE, plain_user
from tests.support.statements import recorded

if TYPE_CHECKING:
    from collections.abc import Mapping

DIRECTORY = "directory"
NOBODY = "01KT1GW6G0R5GAV2QNXRSS0P82"
PROBED = "fake-member-id"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
EVERYTHING = Range(frozenset(), limit=1_000)
Operation = dict[str, Any]


def registered(world: ScimWorld, *, leaves_out: bool = True, **options: Any) -> None:
    """Register the client whose requests these are."""
    order = ScimClientOrder(DIRECTORY, "", leave_out_unknown_members=leaves_out, **options)
    assert store_scim_client(world.services, order, actor=SYSTEM) == ScimClientStored()


def named(*ids: str) -> list[dict[str, str]]:
    return [{"value": each} for each in ids]


def guides(*ids: str, name: str = "Guides") -> dict[str, Any]:
    return {"schemas": [GROUP_SCHEMA], "displayName": name, "members": named(*ids)}


class Directory:
    """The client, the accounts of Nora and Omar, and the group of guides with Nora in it."""

    def __init__(self, world: ScimWorld, **options: Any) -> None:
        registered(world, **options)
        self.world = world
        self.nora, self.omar = (
            self.send("POST", "/Users", plain_user(each))["id"] for each in ("nora", "omar")
        )
        self.made = self.send("POST", "/Groups", guides(self.nora))
        self.path = f"/Groups/{self.made['id']}"

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        return self.world.request(method, path, body, client_id=DIRECTORY, **options)

    def patch(self, *operations: Operation, **options: Any) -> Answer:
        return self.world.patch(self.path, *operations, client_id=DIRECTORY, **options)

    def group(self) -> Answer:
        return self.send("GET", self.path)

    def members(self, path: str = "") -> set[str]:
        found = self.send("GET", path or self.path).json()
        return {each["value"] for each in found.get("members", ())}

    def known(self, operations: list[Operation]) -> list[Operation]:
        """Return operations with ids in the places of the names."""
        text = json.dumps(operations).replace("{nora}", self.nora).replace("{omar}", self.omar)
        return list(json.loads(text))


ADD = {"op": "add", "path": "members", "value": named("{omar}", NOBODY)}
SHAPES: dict[str, list[Operation]] = {
    "add": [ADD],
    "add, the probe's": [{"op": "add", "path": "members", "value": named(PROBED, "{omar}")}],
    "add, one by one": [
        {"op": "add", "path": "members", "value": named(each)} for each in (NOBODY, "{omar}", PROBED)
    ],
    "add without a path": [{"op": "add", "value": {"members": named(NOBODY, "{omar}")}}],
    "add by the full name": [ADD | {"path": f"{GROUP_SCHEMA}:members"}],
    "add of a group": [
        {"op": "add", "path": "members", "value": [{"value": NOBODY, "type": "Group"}, {"value": "{omar}"}]}
    ],
    "replace": [{"op": "replace", "path": "members", "value": named("{nora}", "{omar}", NOBODY)}],
    "replace without a path": [{"op": "replace", "value": {"members": named("{nora}", NOBODY, "{omar}")}}],
    "add, and another attribute": [
        ADD,
        {"op": "replace", "path": "externalId", "value": "guides"},
    ],
    "remove by a filter, then add": [
        {"op": "remove", "path": f'members[value eq "{NOBODY}"]'},
        {"op": "remove", "path": 'members[value eq "{nora}"]'},
        {"op": "add", "path": "members", "value": named("{nora}", "{omar}", NOBODY)},
    ],
    "add, then remove by a filter of types": [
        ADD,
        {"op": "remove", "path": 'members[type eq "Group"]'},
    ],
    "Microsoft Entra, both ways": [
        {"op": "Add", "path": "members", "value": [{"$ref": None, "value": "{omar}"}]},
        {"op": "Add", "path": "members", "value": [{"$ref": None, "value": NOBODY}]},
        {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": PROBED}]},
    ],
    "Okta, which takes out and puts in": [
        {"op": "remove", "path": f'members[value eq "{PROBED}"]'},
        {"op": "add", "path": "members", "value": [{"value": "{omar}", "display": "omar"}]},
        {"op": "add", "path": "members", "value": [{"value": NOBODY, "display": "gone"}]},
    ],
}


# --- what stays refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["strict", "rfc", "entra", "okta"])
def test_an_unknown_member_refuses_the_request_by_default(sqlite_world: ScimWorld, profile: str) -> None:
    """J2, H2: in every profile, by POST, PUT and PATCH; nobody comes or goes."""
    house = Directory(sqlite_world, leaves_out=False, profile=profile)
    before = house.group().json()
    for answer in (
        house.send("POST", "/Groups", guides(house.nora, NOBODY, name="Others")),
        house.send("PUT", house.path, guides(house.omar, NOBODY)),
        house.patch(*house.known([ADD])),
        house.patch({"op": "replace", "path": "members", "value": named(house.omar, PROBED)}),
    ):
        assert (answer.status, answer.scim_type) == (400, "invalidValue"), answer.body
        assert answer.detail == "'members' names an account or a group that does not exist."
    assert house.group().json() == before


@pytest.mark.parametrize(
    "member", [{}, {"value": None}, {"value": ""}, {"value": 7}, {"display": "nobody"}, NOBODY, 7]
)
def test_what_is_no_member_at_all_is_refused_beside_those_that_are_left_out(
    sqlite_world: ScimWorld, member: Any
) -> None:
    """J2, H11: each entry has a value that is a text; what is malformed is no unknown member."""
    house = Directory(sqlite_world)
    before, listed = house.group().json(), [{"value": NOBODY}, {"value": house.omar}, member]
    for answer in (
        house.send("POST", "/Groups", guides(name="Others") | {"members": listed}),
        house.send("PUT", house.path, guides() | {"members": listed}),
        house.patch({"op": "add", "path": "members", "value": listed}),
        house.patch({"op": "replace", "value": {"members": listed}}),
    ):
        assert (answer.status, answer.scim_type) == (400, "invalidValue"), answer.body
    assert house.group().json() == before


def test_a_broken_reference_of_a_bulk_job_is_no_unknown_member(world: ScimWorld) -> None:
    """K2: 409 in the job; outside one, where such a name means nothing, the default."""
    house = Directory(world)
    operations: list[Operation] = [
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": guides("bulkId:nobody", name="Others")},
        {"method": "PUT", "path": house.path, "data": guides("bulkId:nobody")},
        {"method": "POST", "path": "/Groups", "bulkId": "h", "data": guides("bulkId:g", name="Further")},
    ]
    job = house.send("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
    assert [each["status"] for each in job["Operations"]] == ["409", "409", "409"]
    for answer in (
        house.send("POST", "/Groups", guides("bulkId:nobody", NOBODY, name="Others")),
        house.send("PUT", house.path, guides("bulkId:nobody")),
        house.patch({"op": "add", "path": "members", "value": named("bulkId:nobody", house.omar)}),
    ):
        assert (answer.status, answer.scim_type) == (400, "invalidValue"), answer.body
    assert house.members() == {house.nora}
    assert house.send("GET", "/Groups")["totalResults"] == 1


def test_whoever_is_known_and_may_not_come_refuses_the_request(world: ScimWorld) -> None:
    """J3, O8: the group itself, and an account that is protected, beside one that nobody knows."""
    house = Directory(world)
    before = house.group().json()
    circular = house.patch({"op": "add", "path": "members", "value": named(NOBODY, house.made["id"])})
    assert (circular.status, circular.scim_type) == (400, "invalidValue"), circular.body
    with world.services.store.write() as unit:
        protect(unit.connection, "omar", since=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    protected = house.patch(*house.known([ADD]))
    assert (protected.status, protected.detail.partition(":")[0]) == (403, "protectedAccount")
    assert house.group().json() == before


def test_versions_decide_before_members_do(sqlite_world: ScimWorld) -> None:
    """L2, G1: 412 for a tag that is over, 404 for a group that is not there."""
    house = Directory(sqlite_world)
    tag = {"If-Match": house.made["meta"]["version"]}
    assert house.patch(*house.known([ADD]), headers=tag).status == 200
    only = {"op": "add", "path": "members", "value": named(NOBODY)}
    for answer in (
        house.patch(only, headers=tag),
        house.send("PUT", house.path, guides(NOBODY), headers=tag),
    ):
        assert answer.status == 412, answer.body
    assert sqlite_world.patch(f"/Groups/{NOBODY}", only, client_id=DIRECTORY).status == 404
    assert house.members() == {house.nora, house.omar}


def test_a_manager_that_nobody_knows_is_another_matter(sqlite_world: ScimWorld) -> None:
    """C9: who leads an account is no member; the profile says what becomes of a manager."""
    house = Directory(sqlite_world)
    led = plain_user("pia") | {ENTERPRISE: {"manager": {"value": NOBODY}}}
    led["schemas"] = [*led["schemas"], ENTERPRISE]
    answer = house.send("POST", "/Users", led)
    assert (answer.status, answer.scim_type) == (400, "invalidValue")


# --- what is left out --------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_the_rest_of_a_patch_goes_in(world: ScimWorld, shape: str) -> None:
    """J2, H4, H5: the usual success, and a new version; the member that nobody knows is nowhere."""
    goes_in(world, shape, "rfc")


@pytest.mark.parametrize("profile", ["entra", "okta"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_rest_goes_in_whatever_the_profile(sqlite_world: ScimWorld, shape: str, profile: str) -> None:
    """J2, R, S: the tolerance is the client's own and no profile's."""
    goes_in(sqlite_world, shape, profile)


def goes_in(world: ScimWorld, shape: str, profile: str) -> None:
    house = Directory(world, profile=profile)
    answer = house.patch(*house.known(SHAPES[shape]))
    assert answer.status == (204 if profile == "entra" else 200), answer.body
    assert house.members() == {house.nora, house.omar}
    assert answer.headers["etag"] == house.group().headers["etag"] != house.made["meta"]["version"]
    if answer.body:
        assert {each["value"] for each in answer["members"]} == {house.nora, house.omar}


def test_the_strict_profile_leaves_them_out_too(sqlite_world: ScimWorld) -> None:
    """Q, H7: and who is left out is nobody that a selection could meet."""
    house = Directory(sqlite_world, profile="strict")
    assert house.patch({"op": "add", "path": "members", "value": named(NOBODY)}).status == 200
    leaves = {"op": "remove", "path": 'members[type eq "User"]'}
    answer = house.patch({"op": "add", "path": "members", "value": named(NOBODY, PROBED)}, leaves)
    assert answer.status == 200, answer.body
    assert house.members() == set()


def test_a_group_is_made_and_replaced_without_them(world: ScimWorld) -> None:
    """C1, G3, G5: 201 and 200 with the members that there are; a list of nobody known is an empty one."""
    house = Directory(world)
    made = house.send("POST", "/Groups", guides(NOBODY, house.nora, PROBED, name="Others"))
    assert (made.status, [each["value"] for each in made["members"]]) == (201, [house.nora]), made.body
    replaced = house.send("PUT", house.path, guides(house.omar, NOBODY))
    assert (replaced.status, [each["value"] for each in replaced["members"]]) == (200, [house.omar])
    assert house.send("GET", f"/Users/{house.nora}")["groups"][0]["value"] == made["id"]
    emptied = house.send("PUT", house.path, guides(NOBODY))
    assert (emptied.status, house.members()) == (200, set())
    alone = house.send("POST", "/Groups", guides(NOBODY, name="Nobody's"))
    assert (alone.status, "members" in alone.json()) == (201, False)


def test_a_patch_of_unknown_members_alone_changes_nothing(world: ScimWorld) -> None:
    """H12, L1: 200 with the group as it is; version, tag and time stay, with a tag that is stated or none."""
    house = Directory(world)
    before = house.group()
    world.later()
    for headers in ({}, {"If-Match": before.headers["etag"]}):
        for operation in (
            {"op": "add", "path": "members", "value": named(NOBODY, PROBED)},
            {"op": "add", "value": {"members": named(PROBED)}},
            {"op": "replace", "path": "members", "value": named(house.nora, NOBODY)},
            {"op": "remove", "path": "members", "value": named(NOBODY)},
        ):
            answer = house.patch(operation, headers=headers)
            assert (answer.status, answer.json()) == (200, before.json()), operation
            assert answer.headers["etag"] == before.headers["etag"]
    put = house.send("PUT", house.path, guides(house.nora, NOBODY))
    assert (put.status, put.json()) == (200, before.json())
    assert house.send("GET", f"/Users/{house.nora}")["meta"]["version"] == 'W/"2"'


def test_what_another_client_owns_is_as_unknown_as_nothing(world: ScimWorld) -> None:
    """O7, O9: an account and a group of theirs are left out in the words of what is not there, and stay as they are."""
    house = Directory(world)
    user = world.post("/Users", a_user("pia"))
    group = world.post("/Groups", a_group(members=named(user["id"])))
    theirs = {f"/Users/{user['id']}", f"/Groups/{group['id']}"}
    before = {each: world.get(each).json() for each in theirs}
    told = {
        house.patch({"op": "add", "path": "members", "value": named(stranger)}).body
        for stranger in (user["id"], group["id"], NOBODY)
    }
    assert len(told) == 1
    answer = house.patch(
        {"op": "add", "path": "members", "value": named(user["id"], group["id"], house.omar)}
    )
    assert {each["value"] for each in answer["members"]} == {house.nora, house.omar}
    assert {each: world.get(each).json() for each in theirs} == before


def test_groups_come_to_a_group_beside_who_is_left_out(world: ScimWorld) -> None:
    """J3, J5: a group that is known is nested, one that was deleted is not."""
    house = Directory(world)
    inner, dead = (house.send("POST", "/Groups", guides(name=each))["id"] for each in ("inner", "dead"))
    assert house.send("DELETE", f"/Groups/{dead}").status == 204
    gone = house.send("POST", "/Users", plain_user("pia"))["id"]
    assert house.send("DELETE", f"/Users/{gone}").status == 204
    assert house.patch({"op": "add", "path": "members", "value": named(dead, inner, gone)}).status == 200
    assert house.members() == {house.nora, inner}
    outer = house.send("POST", "/Groups", guides(dead, house.made["id"], name="outer"))
    assert [each["value"] for each in outer["members"]] == [house.made["id"]]
    replaced = house.send("PUT", house.path, guides(dead, house.omar))
    assert [each["value"] for each in replaced["members"]] == [house.omar]


def test_one_dead_member_does_not_stop_a_group_of_a_thousand(world: ScimWorld) -> None:
    """J4, H15: as large a change as one may ask for goes in but for the one."""
    house = Directory(world)
    users = [house.send("POST", "/Users", plain_user(f"u{number}"))["id"] for number in range(60)]
    unknown = [f"{NOBODY[:-3]}{number:03}" for number in range(940)]
    answer = house.patch({"op": "add", "path": "members", "value": named(*unknown, *users)})
    assert answer.status == 204, answer.body
    assert house.members() == {house.nora, *users}


def test_the_operations_of_a_job_go_in_without_them(world: ScimWorld) -> None:
    """K1, K2: and a reference within the job is met as ever."""
    house = Directory(world)
    operations: list[Operation] = [
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": plain_user("pia")},
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": guides("bulkId:u", NOBODY, name="g")},
        {"method": "PATCH", "path": house.path, "data": {"schemas": [], "Operations": house.known([ADD])}},
        {"method": "PUT", "path": house.path, "data": guides(house.omar, PROBED)},
    ]
    operations[2]["data"]["schemas"] = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
    job = house.send("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
    assert [each["status"] for each in job["Operations"]] == ["201", "201", "200", "200"], job.body
    user, group = (each["location"].rpartition("/")[2] for each in job["Operations"][:2])
    assert house.members(f"/Groups/{group}") == {user}
    assert house.members() == {house.omar}


def test_what_is_done_later_goes_by_what_the_client_may_then(world: ScimWorld) -> None:
    """P2: and its events tell of who came, of nobody else."""
    house = Directory(world)
    stream = StreamOrder(DIRECTORY, Payload.FULL)
    assert isinstance(store_event_stream(world.services, stream, actor=SYSTEM), StreamStored)
    for leaves_out in (False, True):
        answer = house.patch(*house.known([ADD]), headers={"Prefer": "respond-async"})
        assert answer.status == 202, answer.body
        registered(world, leaves_out=leaves_out)
        assert deferred_requests(world.services).run_once("worker")
        assert house.members() == ({house.nora, house.omar} if leaves_out else {house.nora})
    events = Receiver(world, client_id=DIRECTORY).take()
    (changed,) = [each for each in events if each.uri.endswith(":prov:patch:full")]
    assert house.omar in json.dumps(changed.claims)
    assert NOBODY not in json.dumps([each.claims for each in events])


# --- what is told of it ------------------------------------------------------------------------------


def told(world: ScimWorld) -> list[tuple[str, int, int, int, int]]:
    """Return what the record tells of each write of a group: deed, status, who came and went, who was left out."""
    world.services.requests.flush(world.services.store.database)
    with world.services.store.read() as connection:
        found = sorted(page_of_all(connection, EVERYTHING), key=lambda each: each.id)
    assert not any(name in str(found) for name in (NOBODY, PROBED))
    return [
        (each.operation.value, each.status, each.added, each.removed, each.left_out)
        for each in found
        if each.resource == "Group" and not each.operation.only_looks
    ]


def test_the_record_tells_how_many_were_left_out(world: ScimWorld) -> None:
    """O11: of every write, one that changed nothing too, and in a job; never who, in no line of the log either."""
    house = Directory(world)
    with capture_logs() as lines:
        requests: list[tuple[str, str, Mapping[str, Any]]] = [
            ("POST", "/Groups", guides(NOBODY, house.nora, PROBED, name="Others")),
            ("PUT", house.path, guides(house.omar, NOBODY)),
            ("PUT", house.path, guides(house.omar, NOBODY, PROBED)),
        ]
        for method, path, body in requests:
            world.later()
            house.send(method, path, body)
        for value in ([NOBODY, house.nora], [NOBODY, PROBED, house.nora]):
            world.later()
            house.patch({"op": "add", "path": "members", "value": named(*value)})
        world.later()
        operation = {"method": "PUT", "path": house.path, "data": guides(house.nora, NOBODY)}
        house.send("POST", "/Bulk", {"schemas": [BULK], "Operations": [operation]})
    assert told(world)[1:] == [
        ("create", 201, 1, 0, 2),
        ("replace", 200, 1, 1, 1),
        ("replace", 200, 0, 0, 2),
        ("change", 200, 1, 0, 1),
        ("change", 200, 0, 0, 2),
        ("replace", 200, 0, 1, 1),
    ]
    written = [each for each in lines if each["event"] == "scim.request" and each["resource"] == "Group"]
    assert [each["left_out"] for each in written] == [2, 1, 2, 1, 2, 1]
    assert not any(name in str(lines) for name in (NOBODY, PROBED))


def test_requests_that_leave_out_more_or_fewer_are_not_counted_as_one(sqlite_world: ScimWorld) -> None:
    """O11: what changes nothing waits to be recorded beside its equals of the same moment."""
    house = Directory(sqlite_world)
    for ids in ((NOBODY,), (PROBED,), (NOBODY, PROBED)):
        house.patch({"op": "add", "path": "members", "value": named(*ids)})
    changes = sorted(each for each in told(sqlite_world) if each[0] == "change")
    assert changes == [("change", 200, 0, 0, 1), ("change", 200, 0, 0, 2)]


def test_groups_that_go_are_told_beside_who_was_left_out(world: ScimWorld) -> None:
    """O11, J3: a whole list that takes a group out of a group, and names somebody unknown."""
    house = Directory(world)
    inner = house.send("POST", "/Groups", guides(name="inner"))["id"]
    house.patch({"op": "add", "path": "members", "value": named(inner)})
    world.later()
    house.send("PUT", house.path, guides(house.nora, NOBODY))
    assert told(world)[-1] == ("replace", 200, 0, 1, 1)


def test_the_audit_counts_who_came(world: ScimWorld) -> None:
    """Audit: a group is made with so many members, and those that were left out are none of them."""
    house = Directory(world)
    made = house.send("POST", "/Groups", guides(house.nora, NOBODY, PROBED, name="Others"))["id"]
    with world.services.store.read() as connection:
        details = connection.scalar(select(audit_event.c.details).where(audit_event.c.target == made))
    assert details["added"] == 1


def test_nothing_is_told_to_be_left_out_of_what_was_refused(world: ScimWorld) -> None:
    """O11: neither where an unknown member refuses, nor where something else does; nor who came after all."""
    house = Directory(world, leaves_out=False)
    house.patch(*house.known([ADD]))
    registered(world)
    house.patch({"op": "add", "path": "members", "value": named(NOBODY, house.made["id"])})
    house.send("PUT", house.path, guides(NOBODY, name="Guides") | {"displayName": ""})
    house.patch({"op": "add", "path": "members", "value": named(house.omar)})
    found = sorted((status, left_out) for _, status, _, _, left_out in told(world))
    assert found == [(200, 0), (201, 0), (400, 0), (400, 0), (400, 0)]


def test_what_came_to_nothing_after_all_leaves_nobody_out(sqlite_world: ScimWorld) -> None:
    """O11: a deed that was done without somebody, and whose unit could not be kept, is told as it was answered."""
    services = sqlite_world.services
    with ServedRequest(Deed.CHANGE, "Group", "") as served:
        note_client(DIRECTORY)
        note_left_out(2)
        record_answer(services, served, status=503)
    assert told(sqlite_world) == [("change", 503, 0, 0, 0)]


def test_who_is_registered_so_pays_nothing_where_everybody_is_known(world: ScimWorld) -> None:
    """J4: the statements of a change of members are the same for either client."""
    house = Directory(world)
    seen = []
    for leaves_out in (False, True):
        registered(world, leaves_out=leaves_out)
        house.patch({"op": "remove", "path": f'members[value eq "{house.omar}"]'})
        with recorded(world.services.store.database) as noted:
            assert house.patch({"op": "add", "path": "members", "value": named(house.omar)}).status == 200
        seen.append([sql for sql, _ in noted])
    assert seen[0] == seen[1]
