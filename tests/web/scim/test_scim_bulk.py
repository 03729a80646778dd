"""POST /Bulk: every operation answers as it would alone; references resolve in any order, circles too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scim2_models import BulkResponse, Context, Group, User

from kernel.clock import FrozenClock
from scim.domain.bulk import BULK_REQUEST, BULK_RESPONSE, Operation, read_bulk
from scim.settings import ScimSettings
from scim.usecases.run_bulk import Result, run_bulk
from tests.support.clock import NOON
from tests.support.scim import (
    BASE,
    ERROR_SCHEMA,
    PATCH_SCHEMA,
    USER_EXTENSION,
    USER_SCHEMA,
    Answer,
    ScimWorld,
    a_group,
    a_scim_world,
    a_user,
)

if TYPE_CHECKING:
    from idp.usecases.services import IdpServices
    from kernel.database import Database

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
UNKNOWN = "01KT1GW6G0R5GAV2QNXRSS0P82"


def _bulk(world: ScimWorld, *operations: Any, fail_on_errors: int | None = None, **options: Any) -> Answer:
    job: dict[str, Any] = {"schemas": [BULK_REQUEST], "Operations": [*operations]}
    if fail_on_errors is not None:
        job["failOnErrors"] = fail_on_errors
    return world.post("/Bulk", job, **options)


def _statuses(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [each["status"] for each in answer["Operations"]]


def _new_user(name: str, bulk_id: str | None = None, **attributes: Any) -> dict[str, Any]:
    data = a_user(name, **attributes)
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id or name, "data": data}


def _new_group(role: str, *members: str) -> dict[str, Any]:
    data = a_group(role, members=[{"value": each} for each in members])
    return {"method": "POST", "path": "/Groups", "bulkId": role, "data": data}


def _led_by(name: str, bulk_id: str) -> dict[str, Any]:
    manager = {"value": f"bulkId:{bulk_id}", "$ref": f"../Users/bulkId:{bulk_id}"}
    schemas = [USER_SCHEMA, USER_EXTENSION, ENTERPRISE]
    return _new_user(name, schemas=schemas, **{ENTERPRISE: {"manager": manager}})


def _half_right() -> dict[str, Any]:
    """Return a PATCH whose second operation cannot be done."""
    right, wrong = _replace("displayName", "Half"), _replace('emails[type eq "home"].value', "x@acme.example")
    return right | {"Operations": right["Operations"] + wrong["Operations"]}


def _replace(name: str, value: Any) -> dict[str, Any]:
    return {"schemas": [PATCH_SCHEMA], "Operations": [{"op": "replace", "path": name, "value": value}]}


# --- refusals of the whole ------------------------------------------------------------------------


def test_more_operations_than_the_limit_are_refused_whole(world: ScimWorld) -> None:
    """K4 (RFC 7644 §3.7.4): 413 names maxOperations as ServiceProviderConfig tells it; nothing is done."""
    most = world.get("/ServiceProviderConfig")["bulk"]["maxOperations"]
    answer = _bulk(world, _new_user("fieldn"), *[{"method": "DELETE", "path": "/Users/x"}] * most)
    assert (answer.status, answer["schemas"], answer["status"]) == (413, [ERROR_SCHEMA], "413")
    assert f"maxOperations ({most})" in answer.detail
    assert world.get("/Users")["totalResults"] == 0


def test_a_larger_body_than_the_limit_is_refused_whole(sqlite_world: ScimWorld) -> None:
    """K4, B8 (RFC 7644 §3.7.4): 413 names maxPayloadSize as ServiceProviderConfig tells it; nothing is done."""
    world = sqlite_world
    most = world.get("/ServiceProviderConfig")["bulk"]["maxPayloadSize"]
    answer = _bulk(world, _new_user("fieldn"), {"method": "DELETE", "path": "/Users/" + "x" * most})
    assert (answer.status, answer["status"]) == (413, "413")
    assert f"maxPayloadSize ({most})" in answer.detail
    assert world.get("/Users")["totalResults"] == 0


@pytest.mark.parametrize("wrong", [{"schemas": [PATCH_SCHEMA]}, {"Operations": {}}, {"failOnErrors": -1}])
def test_a_message_that_is_no_bulk_request_is_refused_whole(
    sqlite_world: ScimWorld, wrong: dict[str, Any]
) -> None:
    """K1, SB-02: 400 in SCIM's words, and nothing of it is done."""
    job = {"schemas": [BULK_REQUEST], "Operations": [_new_user("fieldn")]} | wrong
    answer = sqlite_world.post("/Bulk", job)
    assert (answer.status, answer["schemas"]) == (400, [ERROR_SCHEMA])
    assert sqlite_world.get("/Users")["totalResults"] == 0


def test_who_may_not_write_cannot_send_a_job(sqlite_world: ScimWorld) -> None:
    """K8, SA-02: 401 without a token, 403 for one that only reads; the job is not begun."""
    job = {"schemas": [BULK_REQUEST], "Operations": [_new_user("fieldn")]}
    unknown = sqlite_world.post("/Bulk", job, token="")
    assert (unknown.status, unknown["schemas"]) == (401, [ERROR_SCHEMA])
    for scope in ("scim.read", "scim.users.read scim.groups.read"):
        refused = sqlite_world.post("/Bulk", job, token=sqlite_world.token(scope=scope))
        assert (refused.status, refused["schemas"]) == (403, [ERROR_SCHEMA]), scope
    assert sqlite_world.get("/Users")["totalResults"] == 0


# --- refusals of one operation ----------------------------------------------------------------------


def test_the_operations_of_a_job_share_what_a_request_may_compare(
    sqlite_world: ScimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K1, RX-13: a job is one request, however many PATCHes it holds; the next request begins anew."""
    monkeypatch.setattr("scim.domain.patch_effort.MOST_COMPARISONS", 50)
    path = f"/Users/{sqlite_world.post('/Users', a_user())['id']}"
    named = {"op": "replace", "path": 'emails[type eq "work"].display', "value": "Office"}
    patch = {"method": "PATCH", "path": path, "data": {"schemas": [PATCH_SCHEMA], "Operations": [named]}}
    answer = _bulk(sqlite_world, *[patch] * 20)
    assert _statuses(answer)[0] == "200"
    assert answer["Operations"][-1]["response"]["scimType"] == "tooMany"
    assert sqlite_world.patch(path, named).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/Bulk", "400"),
        ("/Me", "400"),
        ("/Schemas/x", "400"),
        ("/ServiceProviderConfig", "400"),
        ("/.search", "400"),
        ("/Users/.search", "400"),
        ("http://127.0.0.1/", "400"),
        (f"{BASE}/Users", "400"),
        ("//Users", "400"),
        ("/Users/../Groups", "400"),
        ("/Users/..", "400"),
        ("/Users?attributes=id", "400"),
        ("/Users/%2e%2e", "400"),
        ("Users", "400"),
        ("/", "400"),
        ("/Clients", "404"),
        ("/Clients/x", "404"),
        ("/users", "404"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_job_reaches_resources_and_nothing_else(
    sqlite_world: ScimWorld, path: str, status: str, method: str
) -> None:
    """SB-04, SB-05: no job in a job, no other endpoint, no other host; the others are done all the same."""
    operation = {"method": method, "path": path, "bulkId": "x", "data": a_user("x")}
    answer = _bulk(sqlite_world, operation, _new_user("fieldn"))
    assert _statuses(answer) == [status, "201"]
    assert answer["Operations"][0]["response"]["schemas"] == [ERROR_SCHEMA]
    assert sqlite_world.found("Users", "userName pr") == ["fieldn"]


def test_what_cannot_be_tried_is_told_of_its_operation_alone(world: ScimWorld) -> None:
    """K2, K7: no method, no bulkId, one given twice, no data; each with the error of its own."""
    answer = _bulk(
        world,
        {"method": "GET", "path": "/Users"},
        {"method": "POST", "path": "/Users", "data": a_user("none")},
        _new_user("fieldn", "twice"),
        _new_user("other", "twice"),
        {"method": "PATCH", "path": f"/Users/{UNKNOWN}"},
        {"method": "put", "path": "/Users/bulkId:twice", "data": a_user("fieldn", displayName="Put")},
    )
    assert _statuses(answer) == ["400", "400", "201", "400", "400", "200"]
    kinds = [each.get("response", {}).get("scimType", "") for each in answer["Operations"]]
    assert kinds == ["invalidSyntax", "invalidSyntax", "", "invalidValue", "invalidSyntax", ""]
    assert world.found("Users", 'displayName eq "Put"') == ["fieldn"]
    assert world.get("/Users")["totalResults"] == 1


def test_a_name_that_nobody_bears_is_a_conflict(world: ScimWorld) -> None:
    """K2: a reference to nothing, or to what failed, is 409, and so is all that hangs on it."""
    world.post("/Users", a_user("taken"))
    answer = _bulk(
        world,
        _new_group("a", "bulkId:nobody"),
        _new_group("b", "bulkId:taken"),
        _new_user("taken"),
        {"method": "PATCH", "path": "/Groups/bulkId:b", "data": _replace("displayName", "x")},
    )
    assert _statuses(answer) == ["409", "409", "409", "409"]
    operations = answer["Operations"]
    assert operations[2]["response"]["scimType"] == "uniqueness"
    assert "bulkId:nobody" in operations[0]["response"]["detail"]
    assert "location" not in operations[0]
    assert operations[3]["location"] == f"{BASE}/Groups/bulkId:b"
    assert world.get("/Groups")["totalResults"] == 0


_REFUSALS = [
    ("POST", "/Users", a_user("fieldn", externalId="other"), ""),
    ("POST", "/Users", a_user("other", externalId="acct:fieldn"), ""),
    ("POST", "/Users", {"userName": "x"}, ""),
    ("POST", "/Users", a_user(""), ""),
    ("POST", "/Users", a_user("x", active="perhaps"), ""),
    ("POST", "/Users", a_user("x", emails=3), ""),
    ("POST", "/Users/{user}", a_user("x"), ""),
    ("POST", "/Groups", a_group("emi_user"), ""),
    ("POST", "/Groups", a_group("x", members=[{"value": UNKNOWN}]), ""),
    ("POST", "/Groups", a_group("x", members=[{}]), ""),
    ("PUT", "/Users", a_user("x"), ""),
    ("PUT", "/Users/{user}", a_user("taken"), ""),
    ("PUT", f"/Users/{UNKNOWN}", a_user("x"), ""),
    ("PUT", "/Users/{user}", a_user("fieldn", displayName="x"), 'W/"99"'),
    ("PUT", "/Groups/{group}", a_group("emi_user", displayName=""), ""),
    ("PUT", "/Groups/{user}", a_group("x"), ""),
    ("PATCH", "/Users/{user}", {"Operations": []}, ""),
    ("PATCH", "/Users/{user}", _replace("userName", "taken"), ""),
    ("PATCH", "/Users/{user}", _replace("nothing", "x"), ""),
    ("PATCH", "/Users/{user}", _replace('emails[type eq "home"].value', "x@acme.example"), ""),
    ("PATCH", "/Users/{user}", _replace("displayName", "x"), 'W/"99"'),
    ("PATCH", "/Users/{user}", _half_right(), ""),
    ("PATCH", "/Groups/{group}", _replace("members", [{"value": UNKNOWN}]), ""),
    ("PATCH", "/Groups/{group}", _replace("displayName", "x"), 'W/"99"'),
    ("PATCH", "/Groups/{foreign}", _replace("displayName", "x"), ""),
    ("DELETE", "/Users/{user}", None, 'W/"99"'),
    ("DELETE", "/Groups/{group}", None, 'W/"99"'),
    ("DELETE", "/Users/{foreign}", None, ""),
    ("DELETE", f"/Groups/{UNKNOWN}", None, ""),
    ("DELETE", "/Users/nobody", None, ""),
    ("DELETE", "/Users", None, ""),
    ("DELETE", "/Clients/x", None, ""),
]


def test_an_operation_is_refused_as_it_is_alone(world: ScimWorld) -> None:
    """K1, K5, K6: status and error are those of the single request, for every refusal; nothing changes."""
    ids = {
        "user": world.post("/Users", a_user("fieldn"))["id"],
        "group": world.post("/Groups", a_group("emi_user"))["id"],
        "foreign": world.post("/Users", a_user("foreign"), client_id="okta")["id"],
    }
    world.post("/Users", a_user("taken"))
    before = (world.get("/Users").json(), world.get("/Groups").json())
    alone, operations = [], []
    for method, path, data, version in _REFUSALS:
        where = path.format(**ids)
        headers = {"If-Match": version} if version else {}
        alone.append(world.request(method, where, data, headers=headers))
        operation = {"method": method, "path": where, "bulkId": f"b{len(operations)}", "version": version}
        operations.append(operation | ({} if data is None else {"data": data}))
    answers = _bulk(world, *operations)["Operations"]
    assert [each.status for each in alone] == [
        *(409, 409, 400, 400, 400, 400, 405, 409, 400, 400),
        *(405, 409, 404, 412, 400, 404),
        *(400, 409, 400, 400, 412, 400, 400, 412, 404),
        *(412, 412, 404, 404, 404, 405, 404),
    ]
    for refused, told, (method, path, _, _) in zip(alone, answers, _REFUSALS, strict=True):
        assert (told["status"], told["response"]) == (str(refused.status), refused.json()), (method, path)
        assert ("location" in told) == (method != "POST")
    assert (world.get("/Users").json(), world.get("/Groups").json()) == before


# --- what is done ------------------------------------------------------------------------------------


def test_an_operation_that_succeeds_tells_what_it_does_alone(world: ScimWorld) -> None:
    """K1, K6: status, location and version of each kind; the version is a tag that the next write can demand."""
    made = _bulk(world, _new_user("fieldn"), _new_group("emi_user", "bulkId:fieldn"))["Operations"]
    assert [each["bulkId"] for each in made] == ["fieldn", "emi_user"]
    user, group = (each["location"].removeprefix(BASE) for each in made)
    assert made[0]["location"] == world.get(user)["meta"]["location"]
    assert made[1]["version"] == world.get(group).headers["etag"]
    now = world.get(user).headers["etag"]
    answer = _bulk(
        world,
        {"method": "PUT", "path": user, "version": now, "data": a_user("fieldn", displayName="Put")},
        {"method": "PATCH", "path": user, "version": now, "data": _replace("displayName", "Late")},
    )
    assert _statuses(answer) == ["200", "412"]
    put, late = answer["Operations"]
    assert put["version"] == world.get(user).headers["etag"] != now
    assert (late["location"], "version" in late) == (f"{BASE}{user}", False)
    answer = _bulk(
        world,
        {"method": "patch", "path": f"{group}/", "version": "*", "data": _replace("displayName", "Patched")},
        {"method": "DELETE", "path": group, "bulkId": "gone"},
    )
    patched, gone = answer["Operations"]
    assert (patched["location"], patched["method"], patched["status"]) == (f"{BASE}{group}", "PATCH", "200")
    assert gone == {"method": "DELETE", "bulkId": "gone", "location": f"{BASE}{group}", "status": "204"}
    assert world.get(group).status == 404
    assert world.get(user)["displayName"] == "Put"


def test_the_answer_is_the_bulk_response_of_the_standard(sqlite_world: ScimWorld) -> None:
    """K1, K7, B1: a model made from RFC 7644 §3.7 reads it, whatever went wrong."""
    answer = _bulk(
        sqlite_world,
        _new_user("fieldn"),
        _new_group("a", "bulkId:b"),
        {"method": "DELETE", "path": "/Users/x"},
        {"method": "PATCH", "path": "http://x/", "data": {}},
        {"method": "DELETE", "path": "/Users/bulkId:fieldn"},
    )
    assert answer.headers["content-type"].startswith("application/scim+json")
    assert answer["schemas"] == [BULK_RESPONSE]
    read = BulkResponse[User | Group].model_validate(answer.json(), scim_ctx=Context.BULK_RESPONSE)
    assert [each.status for each in read.operations or []] == [201, 409, 404, 400, 204]


def test_references_forward_are_resolved_and_the_answer_keeps_the_order(world: ScimWorld) -> None:
    """K2: a group before its members, a PATCH before what it adds, selections and paths by name."""
    crew = world.post("/Groups", a_group("crew"))["id"]
    member = {"value": "bulkId:two"}
    add = {"schemas": [PATCH_SCHEMA], "Operations": [{"op": "add", "path": "members", "value": [member]}]}
    selected = {"op": "remove", "path": 'members[value eq "bulkId:one"]'}
    answer = _bulk(
        world,
        _new_group("team", "bulkId:one", "bulkId:two"),
        {"method": "PATCH", "path": f"/Groups/{crew}", "data": add},
        _new_user("one"),
        {
            "method": "PATCH",
            "path": "/Groups/bulkId:team",
            "data": {"schemas": [PATCH_SCHEMA], "Operations": [selected]},
        },
        _new_user("two"),
        {"method": "PATCH", "path": "/Users/bulkId:two", "data": _replace("displayName", "Two")},
    )
    assert _statuses(answer) == ["201", "200", "201", "200", "201", "200"]
    told = answer["Operations"]
    assert [each.get("bulkId") for each in told] == ["team", None, "one", None, "two", None]
    team, two = (told[place]["location"].removeprefix(BASE) for place in (0, 4))
    assert told[3]["location"] == f"{BASE}{team}"
    for group in (team, f"/Groups/{crew}"):
        assert [each["value"] for each in world.get(group)["members"]] == [two.rpartition("/")[2]]
    assert world.get(two)["displayName"] == "Two"


def test_a_circle_of_references_is_closed(world: ScimWorld) -> None:
    """K2 (RFC 7644 §3.7.1): two who lead each other, and a group of both, in one job; versions are the last."""
    answer = _bulk(
        world, _new_group("board", "bulkId:ann", "bulkId:bob"), _led_by("ann", "bob"), _led_by("bob", "ann")
    )
    assert _statuses(answer) == ["201", "201", "201"]
    board, ann, bob = (each["location"].removeprefix(BASE) for each in answer["Operations"])
    assert world.get(ann)[ENTERPRISE]["manager"]["value"] == bob.rpartition("/")[2]
    assert world.get(bob)[ENTERPRISE]["manager"]["value"] == ann.rpartition("/")[2]
    assert {each["value"] for each in world.get(board)["members"]} == {
        ann.rpartition("/")[2],
        bob.rpartition("/")[2],
    }
    again = _bulk(world, _led_by("cat", "dan"), _led_by("dan", "cat"))
    for each in again["Operations"]:
        assert world.get(each["location"].removeprefix(BASE)).headers["etag"] == each["version"]


def test_a_circle_that_cannot_be_closed_leaves_nothing(world: ScimWorld) -> None:
    """K2, K5, J3: one that fails takes its circle with it, unsent letters and all; the others are done."""
    world.post("/Users", a_user("bob"))
    answer = _bulk(
        world,
        _led_by("ann", "bob"),
        _led_by("bob", "ann"),
        _new_group("team", "bulkId:ann"),
        _new_user("cat"),
    )
    assert _statuses(answer) == ["409", "409", "409", "201"]
    assert answer["Operations"][1]["response"]["scimType"] == "uniqueness"
    assert sorted(world.found("Users", "userName pr")) == ["bob", "cat"]
    rings = _bulk(
        world, _new_group("a", "bulkId:b"), _new_group("b", "bulkId:a"), _new_group("c", "bulkId:c")
    )
    assert _statuses(rings) == ["409", "409", "409"]
    assert world.get("/Groups")["totalResults"] == 0


@pytest.mark.parametrize(
    ("most", "statuses"),
    [
        (None, ["201", "400", "201", "404", "201"]),
        (0, ["201", "400"]),
        (1, ["201", "400"]),
        (2, ["201", "400", "201", "404"]),
        (999, ["201", "400", "201", "404", "201"]),
    ],
)
def test_a_job_ends_after_so_many_errors(world: ScimWorld, most: int | None, statuses: list[str]) -> None:
    """K3, K5, SB-02: what was done stays done; what was not tried is neither done nor listed."""
    operations = [
        _new_user("one"),
        {"method": "POST", "path": "/Users", "bulkId": "bad", "data": {}},
        _new_user("two"),
        {"method": "DELETE", "path": f"/Users/{UNKNOWN}"},
        _new_user("three"),
    ]
    assert _statuses(_bulk(world, *operations, fail_on_errors=most)) == statuses
    assert world.get("/Users")["totalResults"] == statuses.count("201")


class _KilledError(BaseException):
    """The process died."""


def test_a_job_that_was_cut_off_can_be_sent_again(world: ScimWorld) -> None:
    """SB-06, K5: what was done before the crash stays; sent again, it is taken, and the rest is done."""
    operations = [_new_user(f"user{place}") for place in range(6)]

    def perform(_services: IdpServices, operation: Operation) -> Result:
        if operation.bulk_id == "user3":
            raise _KilledError
        answer = world.post(operation.path, dict(operation.data or {}))
        return Result(answer.status, answer.headers["location"])

    job = {"schemas": [BULK_REQUEST], "Operations": operations}
    with pytest.raises(_KilledError):
        run_bulk(world.services, bulk=read_bulk(job), perform=perform)
    assert sorted(world.found("Users", "userName pr")) == ["user0", "user1", "user2"]
    again = world.post("/Bulk", job)
    assert _statuses(again) == ["409"] * 3 + ["201"] * 3
    assert {each["response"]["scimType"] for each in again["Operations"][:3]} == {"uniqueness"}


def test_a_circle_that_breaks_is_told_and_leaves_the_others_alone(world: ScimWorld) -> None:
    """K5, K7: when the database gives out under a circle, what was done before stays done, and is told."""
    ring = [_led_by("ann", "bob"), _led_by("bob", "ann")]
    job = {"schemas": [BULK_REQUEST], "Operations": [_new_user("one"), *ring, _new_user("two")]}

    def perform(services: IdpServices, operation: Operation) -> Result:
        if services is not world.services and operation.bulk_id == "bob":
            raise RuntimeError("the disk is full")
        answer = (
            world.post(operation.path, dict(operation.data or {})) if operation.bulk_id != "ann" else None
        )
        return Result(201, answer.headers["location"] if answer else "/Users/ann")

    told = run_bulk(world.services, bulk=read_bulk(job), perform=perform)
    assert [told[place].status for place in range(4)] == [201, 500, 500, 201]
    assert {str(told[place].error) for place in (1, 2)} == {str(told[1].error)}
    assert "disk" not in str(told[1].error)
    assert sorted(world.found("Users", "userName pr")) == ["one", "two"]


def test_a_body_may_be_as_deep_in_a_job_as_alone(sqlite_world: ScimWorld) -> None:
    """K1, B7: what a job puts around a body is not counted against it."""
    deep: Any = "x"
    for _ in range(30):
        deep = [deep]
    assert sqlite_world.post("/Users", a_user("alone", unknown=deep)).status == 201
    assert _statuses(_bulk(sqlite_world, _new_user("fieldn", unknown=deep))) == ["201"]
    assert sqlite_world.post("/Users", a_user("deeper", unknown=[[deep]])).status == 400
    assert _bulk(sqlite_world, _new_user("deepest", unknown=[[deep]])).status == 400


def test_each_operation_is_authorised_by_itself(sqlite_world: ScimWorld) -> None:
    """K8, O4, SB-04: a token for users alone makes no group through a job."""
    token = sqlite_world.token(scope="scim.users.write")
    answer = _bulk(sqlite_world, _new_group("team"), _new_user("fieldn"), token=token)
    assert _statuses(answer) == ["403", "201"]
    assert sqlite_world.get("/Groups")["totalResults"] == 0


def test_a_job_counts_as_its_operations(gateway_database: Database) -> None:
    """O6: it is done whole, and then its client waits as after so many requests; nobody else does."""
    world = a_scim_world(gateway_database, settings=ScimSettings(requests_per_second=25))
    answer = _bulk(world, *[{"method": "DELETE", "path": "/Users/nobody"}] * 300)
    assert set(_statuses(answer)) == {"404"}
    refused = world.get("/Users")
    assert (refused.status, refused.headers["retry-after"]) == (429, "10")
    assert world.get("/Users", client_id="another").status == 200


def test_a_job_that_used_up_more_than_its_time_is_followed_by_none_until_that_is_over(
    gateway_database: Database,
) -> None:
    """O6: jobs one after the other come to no more than single requests, on every node."""
    settings = ScimSettings(requests_per_second=25)
    world = a_scim_world(gateway_database, clock=FrozenClock(NOON), settings=settings)
    other = a_scim_world(gateway_database, clock=world.services.store.clock, settings=settings)
    assert len(_statuses(_bulk(world, *[{"method": "DELETE", "path": "/Users/nobody"}] * 1_000))) == 1_000
    assert world.get("/Users").headers["retry-after"] == "40"
    world.later(39)
    assert world.get("/Users").headers["retry-after"] == "1"
    assert 429 in [other.get("/Users").status for _ in range(13)]
    world.later(1)
    assert world.get("/Users").status == 200
    assert {other.get("/Users").status for _ in range(13)} == {200}


def test_both_mounts_answer_a_job_alike(sqlite_world: ScimWorld) -> None:
    """B1: the lane and Flask answer the same bytes."""
    operations = [{"method": "DELETE", "path": f"/Users/{UNKNOWN}"}, {"method": "GET", "path": "/Users"}]
    assert _bulk(sqlite_world, *operations).body == _bulk(sqlite_world, *operations, through="flask").body
