"""What a SCIM client may: its scopes, its rate, its versions, and whose accounts it can touch."""

from __future__ import annotations

import datetime as dt
import json
from itertools import product

import pytest

from idp.domain.provisioning import Missing
from idp.domain.scim_scopes import SCOPES
from idp.usecases.protect_account import AccountProtected, protect_account, protected_accounts
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from kernel.clock import FrozenClock
from kernel.database import Database
from scim.domain.models import GROUP_EXTENSION
from scim.settings import ScimSettings
from tests.support.clock import NOON
from tests.support.scim import ERROR_SCHEMA, ScimWorld, a_group, a_scim_world, a_scim_world_of, a_user

NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
WORKER = "registration-worker"


@pytest.fixture
def world(gateway_database: Database) -> ScimWorld:
    return a_scim_world(gateway_database, clock=FrozenClock(NOON))


def stored(world: ScimWorld, **order: object) -> None:
    outcome = store_scim_client(
        world.services,
        ScimClientOrder(WORKER, "Registration", **order),  # type: ignore[arg-type]
        actor=SYSTEM,
    )
    assert outcome == ScimClientStored()


def allowed(scope: str, method: str, path: str) -> bool:
    """Return what the page of scopes in docs/scim-clients.md says."""
    granted = scope.split()
    reads = method == "GET" or path.endswith(".search")
    verbs = ("read", "write") if reads else ("write",)
    kinds = {"Users": ("users",), "Groups": ("groups",)}.get(path.split("/")[1], ("users", "groups"))
    each = [any(f"scim.{kind}.{verb}" in granted for verb in verbs) for kind in kinds]
    one_is_enough = path == "/Bulk"
    return any(f"scim.{verb}" in granted for verb in verbs) or (any(each) if one_is_enough else all(each))


@pytest.mark.parametrize("scope", [*SCOPES, "scim.users.read scim.groups.write", "openid"])
def test_a_scope_opens_its_operations_on_its_resources_and_nothing_else(world: ScimWorld, scope: str) -> None:
    """O4, SA-02: reading and writing, for all types or for one; 403 names the scope that is missing."""
    token = world.token(WORKER, scope=scope)
    tried = [
        ("GET", "/"),
        ("POST", "/.search"),
        ("POST", "/Bulk"),
        *product(("GET", "POST"), ("/Users", "/Groups")),
        *product(("POST",), ("/Users/.search", "/Groups/.search")),
        *product(("GET", "PUT", "PATCH", "DELETE"), (f"/Users/{NOBODY}", f"/Groups/{NOBODY}")),
    ]
    for method, path in tried:
        body = None if method in ("GET", "DELETE") else {}
        answer = world.request(method, path, body, token=token)
        assert (answer.status != 403) == allowed(scope, method, path), (method, path, answer.body)
        if answer.status == 403:
            assert 'error="insufficient_scope", scope="scim.' in answer.headers["www-authenticate"]
            assert answer["schemas"] == [ERROR_SCHEMA]
            assert answer["status"] == "403"


def test_each_operation_of_a_bulk_job_needs_its_own_scope(world: ScimWorld) -> None:
    """O4, SA-02, K: a job is no way around the scopes of its operations."""
    job = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": a_user("erin")},
            {"method": "POST", "path": "/Groups", "bulkId": "b", "data": a_group()},
        ],
    }
    answer = world.post("/Bulk", job, token=world.token(WORKER, scope="scim.users.write"))
    assert [each["status"] for each in answer["Operations"]] == ["201", "403"]
    assert world.found("Groups", "displayName pr") == []


def test_a_client_that_has_to_name_versions_changes_nothing_without_one(world: ScimWorld) -> None:
    """L2, L5, N3: 428 for every write of what exists, in bulk jobs too; new resources and reads need none."""
    stored(world, require_match=True)
    made = world.post("/Users", a_user("erin"))
    assert made.status == 201
    path = f"/Users/{made['id']}"
    off = {"op": "replace", "path": "active", "value": False}
    job = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "DELETE", "path": path}],
    }
    for refused in (world.patch(path, off), world.put(path, a_user("erin")), world.delete(path)):
        assert refused.status == 428
        assert "If-Match" in refused.detail
    assert world.post("/Bulk", job)["Operations"][0]["status"] == "428"
    assert world.get(path)["active"] is True
    tag = made.headers["etag"]
    assert world.patch(path, off, headers={"If-Match": tag}).status == 200
    assert world.patch(path, off, headers={"If-Match": tag}).status == 412
    assert world.delete(path, headers={"If-Match": "*"}).status == 204


def test_a_circle_of_a_bulk_job_needs_no_versions_of_what_it_makes_itself(world: ScimWorld) -> None:
    """K4: the job's own second step is no write without a version."""
    stored(world, require_match=True)
    job = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": a_user("erin") | boss("b")},
            {"method": "POST", "path": "/Users", "bulkId": "b", "data": a_user("omar") | boss("a")},
        ],
    }
    answer = world.post("/Bulk", job)
    assert [each["status"] for each in answer["Operations"]] == ["201", "201"], answer.body


def boss(bulk_id: str) -> dict[str, object]:
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    return {
        enterprise: {"manager": {"value": f"bulkId:{bulk_id}"}},
        "schemas": [*a_user()["schemas"], enterprise],
    }


@pytest.fixture
def slow(gateway_database: Database) -> ScimWorld:
    """A world whose clients may make 25 requests per second, the least there may be."""
    settings = ScimSettings(requests_per_second=1)
    return a_scim_world(gateway_database, clock=FrozenClock(NOON), settings=settings)


def test_a_client_beyond_its_rate_waits_and_no_other_does(slow: ScimWorld) -> None:
    """O6, N5: 429 in SCIM's words with whole seconds, counted per client, once it is known who asks."""
    path = f"/Users/{NOBODY}"
    statuses = [slow.get(path, token="guessed").status for _ in range(300)]
    assert set(statuses) == {401}
    statuses = [slow.get(path).status for _ in range(250)]
    assert set(statuses) == {404}, "the floor: 25 requests per second"
    more = [slow.get(path) for _ in range(13)]
    refused = more[-1]
    assert refused.status == 429
    assert refused.headers["retry-after"] == "10"
    assert refused.headers["content-type"].startswith("application/scim+json")
    assert refused.json() == {
        "schemas": [ERROR_SCHEMA],
        "status": "429",
        "detail": "Too many requests; try again later.",
    }
    assert slow.get(path, client_id="another").status == 404
    slow.later(4)
    assert slow.get(path).headers["retry-after"] == "6"
    slow.later(6)
    assert slow.get(path).status == 404


def test_all_nodes_share_the_rate_of_a_client(slow: ScimWorld, gateway_database: Database) -> None:
    """O6: what one node let pass another knows of, up to a batch."""
    other = a_scim_world(gateway_database, clock=slow.services.store.clock, settings=ScimSettings())
    path = f"/Users/{NOBODY}"
    stored(slow, requests_per_second=25)
    token = slow.token()
    for _ in range(247):
        assert slow.get(path, token=token).status == 404
    assert 429 in [other.get(path, token=token).status for _ in range(13)]


def test_a_client_that_keeps_to_its_rate_is_never_refused(
    slow: ScimWorld, gateway_database: Database
) -> None:
    """O6: 25 in every second pass, whenever they begin and however they fall on nodes; more do not."""
    clock = slow.services.store.clock
    assert isinstance(clock, FrozenClock)
    nodes = [slow, a_scim_world(gateway_database, clock=clock, settings=ScimSettings(requests_per_second=1))]
    token, path = slow.token(), f"/Users/{NOBODY}"

    def statuses(seconds: int, pause: dt.timedelta) -> set[int]:
        found = set()
        for number in range(dt.timedelta(seconds=seconds) // pause):
            found.add(nodes[number // 12 % 2].get(path, token=token).status)
            clock.advance(pause)
        return found

    clock.advance(dt.timedelta(milliseconds=3_700))
    assert statuses(25, dt.timedelta(milliseconds=40)) == {404}
    assert 429 in statuses(10, dt.timedelta(milliseconds=30))


def test_a_rare_client_costs_no_counter(slow: ScimWorld) -> None:
    """A read writes nothing while a client asks little."""
    path = f"/Users/{NOBODY}"
    for _ in range(30):
        assert {slow.get(path).status for _ in range(12)} == {404}
        slow.later(10)
    with slow.services.store.read() as connection:
        assert connection.exec_driver_sql("select count(*) from rate_limit").scalar_one() == 0


def test_another_clients_resources_are_not_there(world: ScimWorld) -> None:
    """O7, O9, SA-05: 404 for every verb; a name that is taken answers 409, adopts nothing, shows nothing."""
    user = world.post("/Users", a_user("erin"))
    group = world.post("/Groups", a_group(members=[{"value": user["id"]}]))
    for path in (f"/Users/{user['id']}", f"/Groups/{group['id']}"):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            body = {
                "PUT": a_user("erin") if "Users" in path else a_group(),
                "PATCH": {
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                    "Operations": [{"op": "replace", "path": "displayName", "value": "Mine"}],
                },
            }.get(method)
            assert world.request(method, path, body, client_id="okta").status == 404, (method, path)
    world.patch(f"/Users/{user['id']}", {"op": "replace", "path": "active", "value": False})
    before = world.get(f"/Users/{user['id']}").body
    taken = world.post("/Users", a_user("ERIN", externalId="other"), client_id="okta")
    assert (taken.status, taken.scim_type) == (409, "uniqueness")
    assert user["id"] not in taken.body.decode()
    assert "acme" not in taken.body.decode()
    assert world.get(f"/Users/{user['id']}").body == before, "neither adopted nor made active again"
    assert world.found("Users", "userName pr") == ["erin"]
    same = {name: a_user("erin")[name] for name in ("externalId", "emails", "phoneNumbers", "name")}
    own = world.post("/Users", a_user("omar", **same), client_id="okta")
    assert own.status == 201, "an external id is its client's own, and an address links nobody"
    assert own["id"] != user["id"]
    assert world.delete(f"/Users/{own['id']}", client_id="okta").status == 204
    assert world.get(f"/Users/{user['id']}").body == before
    foreign = world.post("/Groups", a_group("x", members=[{"value": user["id"]}]), client_id="okta")
    assert (foreign.status, foreign.scim_type) == (400, "invalidValue")


def test_a_protected_account_cannot_be_touched(world: ScimWorld) -> None:
    """O8, SA-07: an operator's own account, and one for emergencies, is out of every client's reach."""
    user = world.post("/Users", a_user("breakglass"))
    member, other = {"value": user["id"]}, world.post("/Users", a_user("erin"))
    inside = world.post("/Groups", a_group("inside", members=[member]))
    outside = world.post("/Groups", a_group("outside"))
    assert protect_account(world.services, "nobody", actor=SYSTEM) == Missing()
    assert protect_account(world.services, "BreakGlass", actor=SYSTEM) == AccountProtected()
    assert [each.user_name for each in protected_accounts(world.services)] == ["breakglass"]
    path = f"/Users/{user['id']}"
    before = world.get(path).body
    refused = [
        world.patch(path, {"op": "replace", "path": "active", "value": False}),
        world.put(path, a_user("breakglass", displayName="Other")),
        world.delete(path),
        world.patch(f"/Groups/{inside['id']}", {"op": "remove", "path": f'members[value eq "{user["id"]}"]'}),
        world.patch(f"/Groups/{inside['id']}", {"op": "replace", "path": "members", "value": []}),
        world.put(f"/Groups/{inside['id']}", a_group("inside", members=[{"value": other["id"]}])),
        world.delete(f"/Groups/{inside['id']}"),
        world.patch(f"/Groups/{outside['id']}", {"op": "add", "path": "members", "value": [member]}),
        world.post("/Groups", a_group("third", members=[member, {"value": other["id"]}])),
    ]
    assert [each.status for each in refused] == [403] * len(refused)
    assert all(each.detail.startswith("protectedAccount: the request") for each in refused)
    assert world.get(path).body == before
    assert json.dumps(world.get(f"/Groups/{inside['id']}")["members"]).count("value") == 1
    joined = world.patch(
        f"/Groups/{inside['id']}", {"op": "add", "path": "members", "value": [{"value": other["id"]}]}
    )
    assert joined.status == 200, "the others in its groups are as free as before"
    protect_account(world.services, "breakglass", actor=SYSTEM, protected=False)
    assert world.delete(path).status == 204


@pytest.mark.parametrize("name", list(a_group()[GROUP_EXTENSION])[:5])
def test_groups_state_access_only_where_their_client_may(world: ScimWorld, name: str) -> None:
    """SA-07: who provisions people of one organization lets nobody in as of another; a plain group is free."""
    member = {"value": world.post("/Users", a_user("erin"), client_id="okta")["id"]}
    former = world.post("/Groups", a_group("former", members=[member]), client_id="okta")["id"]
    narrow = a_scim_world_of(world.services, settings=ScimSettings(access_sources=(WORKER,)))
    access = {GROUP_EXTENSION: {name: "10002"}}
    plain = a_group("plain", **{GROUP_EXTENSION: {"accountKinds": ["personal"]}})
    made = narrow.post("/Groups", plain | {"members": [member]}, client_id="okta")
    assert made.status == 201
    path, opening = f"/Groups/{made['id']}", f"/Groups/{former}"
    gone = {"op": "remove", "path": f'members[value eq "{member["value"]}"]'}
    refused = [
        narrow.post("/Groups", a_group("other", **access), client_id="okta"),
        narrow.put(path, plain | access, client_id="okta"),
        narrow.patch(path, {"op": "add", "value": access}, client_id="okta"),
        narrow.patch(
            path, {"op": "add", "path": f"{GROUP_EXTENSION}:{name}", "value": "1"}, client_id="okta"
        ),
        narrow.patch(opening, {"op": "add", "path": "members", "value": [member]}, client_id="okta"),
        narrow.patch(opening, gone, client_id="okta"),
        narrow.put(opening, a_group("former"), client_id="okta"),
    ]
    assert [each.status for each in refused] == [403] * len(refused)
    assert {each.detail for each in refused} == {"Groups of this client may not state access."}
    assert narrow.get(path, client_id="okta").body == made.body
    assert narrow.patch(path, gone, client_id="okta").status == 200
    bare = {"op": "remove", "path": GROUP_EXTENSION}
    assert narrow.patch(opening, bare, client_id="okta").status == 200, "what it states may go"
    assert narrow.delete(path, client_id="okta").status == 204
    assert narrow.post("/Groups", a_group(**access)).status == 201, "Registration's state it as ever"


@pytest.mark.parametrize("name", ["applicationKey", "organizationId", "accessRoleKey"])
def test_what_the_groups_of_a_protected_account_open_stays(world: ScimWorld, name: str) -> None:
    """O8, SA-07: other access for a group is other access for all in it, directly or around; its words are free."""
    user = world.post("/Users", a_user("breakglass"))
    inner = world.post("/Groups", a_group("inner", members=[{"value": user["id"]}]))
    outer = world.post("/Groups", a_group("outer", members=[{"value": inner["id"]}]))
    apart = world.post("/Groups", a_group("apart", members=[{"value": world.post("/Users", a_user())["id"]}]))
    protect_account(world.services, "breakglass", actor=SYSTEM)
    other = {"op": "replace", "path": f"{GROUP_EXTENSION}:{name}", "value": "10002"}
    words = {"op": "replace", "path": f"{GROUP_EXTENSION}:accessRoleName", "value": "Operator"}
    for role, group in (("inner", inner), ("outer", outer)):
        path = f"/Groups/{group['id']}"
        before = world.get(path).body
        bare = {key: value for key, value in a_group(role)[GROUP_EXTENSION].items() if key != name}
        for refused in (
            world.patch(path, other),
            world.patch(path, words, other | {"op": "remove", "value": None}),
            world.put(path, json.loads(before) | {GROUP_EXTENSION: bare}),
        ):
            assert (refused.status, refused.detail.startswith("protectedAccount")) == (403, True), (
                refused.body
            )
        assert world.get(path).body == before
        assert world.patch(path, words).status == 200
    assert world.patch(f"/Groups/{apart['id']}", other).status == 200


@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        ("ERIN", (409, "uniqueness")),
        ("\N{FULLWIDTH LATIN SMALL LETTER E}rin", (409, "uniqueness")),
        ("\N{MATHEMATICAL BOLD SMALL E}rin", (409, "uniqueness")),
        ("e\N{ZERO WIDTH JOINER}rin", (400, "invalidValue")),
        ("erin\N{RIGHT-TO-LEFT OVERRIDE}", (400, "invalidValue")),
    ],
    ids=ascii,
)
def test_names_that_look_alike_are_one_name_for_every_client(
    world: ScimWorld, other: str, refusal: tuple[int, str]
) -> None:
    """O13, SA-05: a name is compared as it is read; another client cannot have it in another form."""
    assert world.post("/Users", a_user("erin")).status == 201
    refused = world.post("/Users", a_user(other, externalId="other"), client_id="okta")
    assert (refused.status, refused.scim_type) == refusal
    if refusal[0] == 409:
        assert world.found("Users", f'userName eq "{other}"') == ["erin"], (
            "filters compare as uniqueness does"
        )


def test_every_refusal_carries_the_keyword_the_standard_has_for_it(world: ScimWorld) -> None:
    """N1, N2, N4: scimType is one of RFC 7644's table 9, where that table has one for the case."""
    path = f"/Users/{world.post('/Users', a_user('erin'))['id']}"
    patch_path = {"op": "replace", "value": "x"}
    refused = {
        "uniqueness": world.post("/Users", a_user("erin", externalId="other")),
        "invalidFilter": world.search("Users", "userName is odd"),
        "invalidSyntax": world.request("POST", "/Users", raw=b"{"),
        "invalidPath": world.patch(path, patch_path | {"path": "name["}),
        "noTarget": world.patch(path, {"op": "remove"}),
        "mutability": world.patch(path, patch_path | {"path": "id"}),
        "invalidValue": world.post("/Users", a_user("omar", active="perhaps")),
    }
    for scim_type, answer in refused.items():
        assert answer.json() == {
            "schemas": [ERROR_SCHEMA],
            "status": "409" if scim_type == "uniqueness" else "400",
            "scimType": scim_type,
            "detail": answer.detail,
        }, scim_type
