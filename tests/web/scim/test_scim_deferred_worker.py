"""The worker of requests that are done later: fair, patient with a busy database, and slow where it must be."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select

from idp.storage.tables import account
from idp.usecases import deferred_requests as deeds
from kernel.database import Database
from kernel.errors import BusyError
from scim.usecases.create_user import create_user
from scim.web.routes import deferred_requests
from tests.support.clock import a_store
from tests.support.events import Event, Receiver, hears
from tests.support.scim import ScimWorld, a_user

if TYPE_CHECKING:
    from scim.web.deferred import DeferredRequests

LATER = {"Prefer": "respond-async"}
DONE = "urn:ietf:params:scim:event:misc:asyncresp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def do_one(world: ScimWorld) -> bool:
    return deferred_requests(world.services).run_once("worker")


def users(world: ScimWorld) -> list[str]:
    with world.services.store.read() as connection:
        return list(connection.execute(select(account.c.user_name).order_by(account.c.id)).scalars())


def completions(world: ScimWorld) -> list[Event]:
    return [event for event in Receiver(world).take() if event.uri == DONE]


def a_job(*names: str) -> dict[str, Any]:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": name, "data": a_user(name)} for name in names
    ]
    return {"schemas": [BULK], "Operations": operations}


def busy_for(world: ScimWorld, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let the database be busy so often when somebody makes a user."""
    left = [times]

    def make(*arguments: Any, **named: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise BusyError(retry_after=1)
        return create_user(*arguments, **named)

    monkeypatch.setattr("scim.web.users.create_user", make)


def test_one_client_after_the_other_has_its_turn(world: ScimWorld) -> None:
    """P2, O6: who asks for one thing does not wait for all that another asks; each is done in its order."""
    for client_id in ("many", "few", "late"):
        hears(world, client_id=client_id)
    for number in range(4):
        world.post("/Users", a_user(f"many{number}"), headers=LATER, client_id="many")
        world.later()
    for number in range(2):
        world.post("/Users", a_user(f"few{number}"), headers=LATER, client_id="few")
        world.later()
    order = []
    for turn in range(7):
        if turn == 2:
            world.post("/Users", a_user("late0"), headers=LATER, client_id="late")
        before = set(users(world))
        assert do_one(world)
        world.later()
        order += set(users(world)) - before
    assert order == ["many0", "few0", "late0", "many1", "few1", "many2", "many3"]
    assert not do_one(world)


def test_a_client_for_whom_another_worker_works_comes_after_those_for_whom_none_does(
    world: ScimWorld,
) -> None:
    """P2: a job that takes long holds up its own client alone, however many workers there are."""
    for client_id in ("many", "few"):
        hears(world, client_id=client_id)
    for number in range(3):
        world.post("/Users", a_user(f"many{number}"), headers=LATER, client_id="many")
        world.later()
    world.post("/Users", a_user("few0"), headers=LATER, client_id="few")
    assert deeds.take_deferred(world.services, owner="another") is not None
    assert do_one(world)
    assert users(world) == ["few0"]
    world.later()
    assert do_one(world)
    assert users(world) == ["few0", "many1"]


def test_whoever_is_silent_for_the_length_of_a_lease_loses_the_request(world: ScimWorld) -> None:
    """P2: who is at it says so every few minutes; who was silent for ten loses it and is told before doing more."""
    hears(world)
    world.post("/Bulk", a_job("ann"), headers=LATER)
    services = world.services
    taken = deeds.take_deferred(services, owner="slow")
    assert taken is not None
    hold = deeds.Hold(services.store, taken, owner="slow")
    for _ in range(5):
        world.later(500)
        hold.renew()
        assert deeds.take_deferred(services, owner="other") is None
        hold.confirm(services.store)
    world.later(601)
    hold.confirm(services.store)
    assert deeds.take_deferred(services, owner="other") is not None
    for _ in range(2):
        with pytest.raises(deeds.LeaseLostError):
            hold.confirm(services.store)
        hold.renew()
    world.later(500)
    hold.renew()
    world.later(101)
    assert deeds.take_deferred(services, owner="third") is not None, (
        "who lost it must not hold it for another"
    )


def slow_for(
    world: ScimWorld, monkeypatch: pytest.MonkeyPatch, each: DeferredRequests, *, minutes: int
) -> list[deeds.Deferred | None]:
    """Let the making of a user take so long, with a pulse in every eighth minute; return what others took."""
    taken: list[deeds.Deferred | None] = []

    def pass_by() -> None:
        world.later(8 * 60)
        each.beat()
        taken.append(deeds.take_deferred(world.services, owner="other"))

    def make(*arguments: Any, **named: Any) -> Any:
        with ThreadPoolExecutor(1) as beside:
            for _ in range(0, minutes, 8):
                beside.submit(pass_by).result(60)
        return create_user(*arguments, **named)

    monkeypatch.setattr("scim.web.users.create_user", make)
    return taken


def test_a_job_is_done_by_one_worker_however_long_one_operation_takes(
    world: ScimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2, K1: the lease is renewed while an operation goes on, not only when it has ended."""
    hears(world)
    world.post("/Bulk", a_job("ann", "bob"), headers=LATER)
    each = deferred_requests(world.services)
    taken = slow_for(world, monkeypatch, each, minutes=24)
    assert each.run_once("worker")
    assert taken == [None] * 6
    assert users(world) == ["ann", "bob"]
    assert [event.payload["status"] for event in completions(world)] == ["201", "201"]
    assert not do_one(world)


def a_circle() -> dict[str, Any]:
    """Two users who lead each other: one transaction of a job."""
    operations = a_job("x", "y")["Operations"]
    for operation, other in zip(operations, ("y", "x"), strict=True):
        operation["data"]["schemas"].append(ENTERPRISE)
        operation["data"][ENTERPRISE] = {"manager": {"value": f"bulkId:{other}"}}
    return {"schemas": [BULK], "Operations": operations}


@pytest.mark.parametrize(
    ("path", "body"), [("/Users", a_user("x")), ("/Bulk", a_circle())], ids=["one", "circle"]
)
def test_a_transaction_that_takes_longer_than_a_lease_is_begun_once(
    postgresql_world: ScimWorld, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any]
) -> None:
    """P2: the renewal is seen by others while the transaction of the work is still open, and holds up nobody."""
    world = postgresql_world
    hears(world)
    world.post(path, body, headers=LATER)
    each = deferred_requests(world.services)
    taken = slow_for(world, monkeypatch, each, minutes=24)
    assert each.run_once("worker")
    assert set(taken) == {None}
    assert len(taken) == 3 * len(users(world)) > 0
    assert {event.payload["status"] for event in completions(world)} == {"201"}
    assert not do_one(world)


def test_where_one_writes_at_a_time_nobody_takes_over_what_is_being_written(
    sqlite_world: ScimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2: SQLite: another process waits for the transaction of the work, and finds the request ended."""
    world = sqlite_world
    hears(world)
    world.post("/Users", a_user("x"), headers=LATER)
    elsewhere = Database(
        world.services.store.database.engine.url.render_as_string(), busy_timeout=dt.timedelta(0)
    )
    store = a_store(elsewhere, clock=world.services.store.clock)
    other = dataclasses.replace(world.services, store=store)

    def make(*arguments: Any, **named: Any) -> Any:
        world.later(24 * 60)
        with pytest.raises(BusyError):
            deeds.take_deferred(other, owner="other")
        return create_user(*arguments, **named)

    monkeypatch.setattr("scim.web.users.create_user", make)
    assert do_one(world)
    assert deeds.take_deferred(other, owner="other") is None
    elsewhere.dispose()
    assert [event.payload["status"] for event in completions(world)] == ["201"]


def test_the_worker_has_a_pulse_while_it_works(world: ScimWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """P2: of its own, beside the operation that does not return."""
    hears(world)
    world.post("/Bulk", a_job("ann"), headers=LATER)
    renewed, stop = threading.Event(), threading.Event()

    @event.listens_for(world.services.store.database.engine, "after_cursor_execute")
    def _notice(*arguments: Any) -> None:
        if arguments[2].startswith("UPDATE deferred_request SET lease_until="):
            renewed.set()

    def make(*arguments: Any, **named: Any) -> Any:
        stop.set()
        for _ in range(3):
            renewed.clear()
            world.later(8 * 60)
            assert renewed.wait(60), "nobody said that the request is still being done"
            assert deeds.take_deferred(world.services, owner="other") is None
        return create_user(*arguments, **named)

    monkeypatch.setattr("scim.web.users.create_user", make)
    deferred_requests(world.services).run(stop, idle=0, pulse=0.01)
    assert [each.payload["status"] for each in completions(world)] == ["201"]


def test_a_busy_database_is_no_end_of_a_request(world: ScimWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """P2, N3: nobody waits for the answer, so it is done again: at once, then later, and told once, as done."""
    hears(world)
    busy_for(world, monkeypatch, 7)
    path = world.post("/Users", a_user(), headers=LATER).headers["location"].partition("/v2")[2]
    assert do_one(world)
    assert not do_one(world)
    assert world.get(path).status == 202
    world.later(2)
    assert do_one(world)
    assert (users(world), completions(world)) == ([], [])
    world.later(5)
    assert do_one(world)
    assert users(world) == ["fieldn"]
    (event,) = completions(world)
    assert event.payload["status"] == "201"
    assert world.get(path).status == 200


def test_a_database_that_is_busy_for_an_hour_is_told(
    world: ScimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2: a request does not wait for ever; its client may send it again."""
    hears(world)
    busy_for(world, monkeypatch, 1_000)
    world.post("/Users", a_user(), headers=LATER)
    assert do_one(world)
    world.later(3_600)
    assert do_one(world)
    (event,) = completions(world)
    assert (event.payload["status"], event.payload["response"]["status"]) == ("503", "503")
    assert users(world) == []


def test_an_operation_of_a_job_that_meets_a_busy_database_is_done_again(
    world: ScimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2, K5: up to three times; a job whose client waits for its answer leaves that to the client."""
    hears(world)
    busy_for(world, monkeypatch, 2)
    world.post("/Bulk", a_job("ann"), headers=LATER)
    assert do_one(world)
    (event,) = completions(world)
    assert event.payload["status"] == "201"
    busy_for(world, monkeypatch, 1)
    assert [each["status"] for each in world.post("/Bulk", a_job("bob"))["Operations"]] == ["503"]
