"""The worker of requests that are done later: fair, patient with a busy database, and slow where it must be."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from idp.storage.tables import account, deferred_request
from idp.usecases import deferred_requests as deeds
from kernel.clock import FrozenClock
from kernel.errors import BusyError
from scim.usecases.create_user import create_user
from scim.web.routes import deferred_requests
from tests.support.events import Event, Receiver, hears
from tests.support.scim import ScimWorld, a_scim_world, a_user

if TYPE_CHECKING:
    from kernel.database import Database

LATER = {"Prefer": "respond-async"}
DONE = "urn:ietf:params:scim:event:misc:asyncresp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
START = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)


class PassingClock(FrozenClock):
    """A clock that goes on by twenty seconds whenever it is looked at."""

    def now(self) -> dt.datetime:
        """Return the moment, and move on."""
        self.advance(dt.timedelta(seconds=20))
        return super().now()


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


def test_work_that_takes_longer_than_a_lease_stays_with_its_worker(world: ScimWorld) -> None:
    """P2: who is at it says so every few minutes; who was silent for ten loses it and undoes what it does."""
    hears(world)
    world.post("/Bulk", a_job("ann"), headers=LATER)
    services = world.services
    taken = deeds.take_deferred(services, owner="slow")
    assert taken is not None
    hold = deeds.Hold(taken, owner="slow", since=services.store.clock.now())
    for _ in range(5):
        world.later(500)
        hold.keep(services.store)
        assert deeds.take_deferred(services, owner="other") is None
    world.later(601)
    assert deeds.take_deferred(services, owner="other") is not None
    with pytest.raises(deeds.LeaseLostError):
        hold.keep(services.store)


def test_a_job_says_between_its_operations_that_it_is_still_at_it(gateway_database: Database) -> None:
    """P2, K1: also within a circle of references, which is one transaction."""
    world = a_scim_world(gateway_database, clock=PassingClock(START))
    hears(world)
    circle = [
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": name,
            "data": a_user(
                name,
                **{
                    "schemas": [*a_user()["schemas"], ENTERPRISE],
                    ENTERPRISE: {"manager": {"value": f"bulkId:{other}"}},
                },
            ),
        }
        for name, other in (("x", "y"), ("y", "x"))
    ]
    job = a_job(*(f"u{number:02}" for number in range(12)))
    world.post("/Bulk", job | {"Operations": [*job["Operations"], *circle]}, headers=LATER)
    assert do_one(world)
    assert len(users(world)) == 14
    assert {event.payload["status"] for event in completions(world)} == {"201"}
    with world.services.store.read() as connection:
        row = connection.execute(select(deferred_request)).one()
    assert row.ended_at - row.created_at > dt.timedelta(minutes=10)
    assert row.lease_until > row.ended_at


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
