"""Who leads a user is somebody, called by the present name, and gone from the user when gone (C2, C9, I1)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from idp.storage.tables import account, account_value
from idp.usecases.protect_account import protect_account
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from tests.support.scim import BASE, GROUP_SCHEMA, USER_SCHEMA, Answer, a_user
from tests.support.scim_checks import BULK_SCHEMA

if TYPE_CHECKING:
    from tests.support.scim import ScimWorld

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MANAGER = f"{ENTERPRISE}:manager"


def led(user_name: str, manager: Any, **attributes: Any) -> dict[str, Any]:
    """Return a user who states a manager."""
    schemas = [USER_SCHEMA, ENTERPRISE]
    user = {"schemas": schemas, "userName": user_name, ENTERPRISE: {"manager": manager}}
    return user | attributes


def leads(world: ScimWorld, path: str) -> dict[str, Any] | None:
    """Return what the user at ``path`` shows of the manager."""
    found: dict[str, Any] | None = world.get(path).json().get(ENTERPRISE, {}).get("manager")
    return found


def named(world: ScimWorld, path: str, **options: Any) -> dict[str, Any]:
    """Return what is shown of the manager where the name is asked for."""
    found: dict[str, Any] = world.get(path, query={"attributes": f"{MANAGER}.displayName"}, **options)[
        ENTERPRISE
    ]
    assert found.keys() == {"manager"}
    shown: dict[str, Any] = found["manager"]
    return shown


def is_refused(answer: Answer) -> bool:
    """Tell whether a manager was refused by name."""
    return (answer.status, answer.scim_type) == (400, "invalidValue") and "'manager'" in answer.detail


def test_nobody_leads_themselves_and_nobody_unknown_leads(world: ScimWorld) -> None:
    """C9, G2, H11, O7: refused by POST, PUT and PATCH: oneself, nobody, and another source's account."""
    own = world.post("/Users", led("nora", None))["id"]
    path = f"/Users/{own}"
    strange = world.post("/Users", a_user("eve"), client_id="another")["id"]
    before = world.get(path).headers["etag"]
    for manager in (own, strange, "01KT0000000000000000000000", "nobody"):
        assert is_refused(world.put(path, led("nora", {"value": manager})))
        for change in (
            {"op": "add", "path": MANAGER, "value": {"value": manager}},
            {"op": "replace", "path": f"{MANAGER}.value", "value": manager},
            {"op": "replace", "value": {ENTERPRISE: {"manager": {"value": manager}}}},
        ):
            assert is_refused(world.patch(path, change)), change
        if manager != own:
            assert is_refused(world.post("/Users", led("omar", {"value": manager})))
    assert world.get(path).headers["etag"] == before
    assert world.get("/Users")["totalResults"] == 1


def test_the_server_says_who_the_manager_is(world: ScimWorld) -> None:
    """C2, D6, RFC 7643 §4.3: $ref is filled, and on request displayName, whatever is stated."""
    boss = world.post("/Users", a_user("boss", displayName='Bo "B"'))["id"]
    lie = {"value": boss, "displayName": "Somebody", "$ref": "http://evil.example/Users/1"}
    made = world.post("/Users", led("nora", lie))
    path = f"/Users/{made['id']}"
    known = {"value": boss, "$ref": f"{BASE}/Users/{boss}"}
    assert made[ENTERPRISE]["manager"] == known
    assert leads(world, path) == known
    assert named(world, path) == {"displayName": 'Bo "B"'}
    again = world.put(path, world.get(path).json())
    assert (again.status, again.headers["etag"]) == (200, made.headers["etag"])
    renamed = world.patch(f"/Users/{boss}", {"op": "replace", "path": "displayName", "value": "Boss"})
    assert renamed.status == 200
    assert named(world, path) == {"displayName": "Boss"}
    assert world.get(path).headers["etag"] != made.headers["etag"]
    for text in (f'{MANAGER}.displayName eq "boss"', f'{MANAGER}.value eq "{boss}"'):
        assert world.found("Users", text) == ["nora"]
    assert world.found("Users", f'{MANAGER}.displayName co "B\\""') == []
    assert world.found("Users", f"{MANAGER}.$ref pr") == ["nora"]
    asked = world.search("Users", f'{MANAGER}.$ref eq "{known["$ref"]}"')
    assert (asked.status, asked.scim_type) == (400, "invalidFilter")
    assert world.get("/Users", query={"sortBy": f"{MANAGER}.$ref"}).scim_type == "invalidPath"


def test_a_manager_may_change_and_go(world: ScimWorld) -> None:
    """H4, H5, H6, H13: the name goes with the id; the extension goes with its last attribute."""
    one, two = (world.post("/Users", a_user(name, displayName=name.upper()))["id"] for name in ("one", "two"))
    path = f"/Users/{world.post('/Users', led('nora', {'value': one}))['id']}"
    world.patch(path, {"op": "replace", "path": f"{MANAGER}.value", "value": two})
    assert leads(world, path) == {"value": two, "$ref": f"{BASE}/Users/{two}"}
    assert named(world, path) == {"displayName": "TWO"}
    assert world.found("Users", f'{MANAGER}.displayName eq "one"') == []
    refused = world.patch(path, {"op": "replace", "path": f"{MANAGER}.displayName", "value": "Somebody"})
    assert (refused.status, refused.scim_type) == (400, "mutability")
    gone = world.patch(path, {"op": "remove", "path": MANAGER})
    assert (gone.status, gone["schemas"]) == (200, [USER_SCHEMA])
    assert world.found("Users", f"{MANAGER} pr") == []


def test_a_manager_who_is_deleted_leads_nobody(world: ScimWorld) -> None:
    """I1, L1, O7: taken from everybody in the transaction of the deletion, of the same source only."""
    boss = world.post("/Users", a_user("boss"))["id"]
    alone = f"/Users/{world.post('/Users', led('nora', {'value': boss}))['id']}"
    extended = led("omar", {"value": boss})
    extended[ENTERPRISE] |= {"department": "Tours"}
    other = f"/Users/{world.post('/Users', extended)['id']}"
    store_scim_client(world.services, ScimClientOrder("entra", "", profile="entra"), actor=SYSTEM)
    kept = f"/Users/{world.post('/Users', led('zoe', {'value': boss}), client_id='entra')['id']}"
    tags = [world.get(path).headers["etag"] for path in (alone, other)]
    assert world.delete(f"/Users/{boss}").status == 204
    assert [leads(world, alone), leads(world, other)] == [None, None]
    assert world.get(alone)["schemas"] == [USER_SCHEMA]
    assert world.get(other)[ENTERPRISE] == {"department": "Tours"}
    assert all(world.get(path).headers["etag"] not in tags for path in (alone, other))
    assert world.found("Users", f'{MANAGER}.value eq "{boss}"') == []
    assert world.found("Users", f"{MANAGER} pr") == []
    assert world.get(kept, client_id="entra")[ENTERPRISE] == {"manager": {"value": boss}}
    assert world.patch(alone, {"op": "replace", "path": "active", "value": False}).status == 200


def test_who_leads_a_protected_account_stays(world: ScimWorld) -> None:
    """O8, I1, K8: deleting its manager would change it: refused, alone and in a bulk job, and nothing is done."""
    boss = world.post("/Users", a_user("boss"))["id"]
    others = [world.post("/Users", led(name, {"value": boss}))["id"] for name in ("nora", "omar", "zoe")]
    paths = [f"/Users/{each}" for each in (boss, *others)]
    team = {"schemas": [GROUP_SCHEMA], "displayName": "team", "members": [{"value": boss}]}
    paths.append(f"/Groups/{world.post('/Groups', team)['id']}")
    protect_account(world.services, "omar", actor=SYSTEM)
    before = [world.get(path).body for path in paths]
    refused = world.delete(f"/Users/{boss}")
    assert (refused.status, refused.detail.startswith("protectedAccount")) == (403, True), refused.body
    job = {"method": "DELETE", "path": f"/Users/{boss}"}
    done = world.post("/Bulk", {"schemas": [BULK_SCHEMA], "Operations": [job]})
    assert [each["status"] for each in done["Operations"]] == ["403"]
    assert [world.get(path).body for path in paths] == before
    assert world.patch(f"/Users/{boss}", {"op": "replace", "path": "active", "value": False}).status == 200
    assert world.get(paths[2]).body == before[2]
    protect_account(world.services, "omar", actor=SYSTEM, protected=False)
    assert world.delete(f"/Users/{boss}").status == 204
    assert [leads(world, path) for path in paths[1:4]] == [None, None, None]


@pytest.mark.parametrize("profile", ["entra", "okta"])
def test_a_tolerant_profile_keeps_a_stranger_and_knows_its_own(world: ScimWorld, profile: str) -> None:
    """R, S: people come in any order; but nobody leads themselves, and who is known is named."""
    order = ScimClientOrder(profile, "", profile=profile)
    assert isinstance(store_scim_client(world.services, order, actor=SYSTEM), ScimClientStored)
    boss = world.post("/Users", a_user("boss"), client_id=profile)["id"]
    made = world.post("/Users", led("nora", {"value": "00u99", "displayName": "X"}), client_id=profile)
    assert made[ENTERPRISE]["manager"] == {"value": "00u99"}
    path = f"/Users/{made['id']}"
    known = world.put(path, led("nora", {"value": boss}), client_id=profile)
    assert known[ENTERPRISE]["manager"]["$ref"] == f"{BASE}/Users/{boss}"
    assert named(world, path, client_id=profile) == {"displayName": "Nora Field"}
    assert is_refused(world.put(path, led("nora", {"value": made["id"]}), client_id=profile))


def test_a_manager_who_goes_while_being_named_leads_nobody(world: ScimWorld) -> None:
    """I1, RC: whoever comes first, no user is left with a manager who is not there."""
    for round_ in range(5):
        boss = world.post("/Users", a_user(f"boss{round_}"))["id"]
        users = [world.post("/Users", led(f"u{round_}-{number}", None))["id"] for number in range(3)]
        answers: list[int] = []

        def name(user: str, boss: str = boss, answers: list[int] = answers) -> None:
            change = {"op": "add", "path": MANAGER, "value": {"value": boss}}
            answers.append(world.patch(f"/Users/{user}", change).status)

        def end(boss: str = boss, answers: list[int] = answers) -> None:
            answers.append(world.delete(f"/Users/{boss}").status)

        threads = [threading.Thread(target=name, args=(user,)) for user in users]
        threads.insert(1, threading.Thread(target=end))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(answers) <= {200, 204, 400}
        with world.services.store.read() as connection:
            documents = connection.execute(select(account.c.document).where(account.c.id.in_(users)))
            assert not [document for document in documents.scalars() if boss in document]
            rows = select(account_value.c.path).where(account_value.c.value == boss)
            assert connection.execute(rows).all() == []
