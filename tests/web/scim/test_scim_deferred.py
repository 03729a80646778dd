"""Requests that are done later (RFC 9967 §2.5.1): 202 first, and an event for how each ended."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from idp.storage import deferred_requests as stored
from idp.storage.access_tokens import revoke_access_token
from idp.storage.tables import account, deferred_request, security_event
from idp.usecases import deferred_requests as deeds
from idp.usecases.disable_client import disable_client
from idp.usecases.issue_scim_token import ScimTokenIssued, issue_scim_token
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from idp.usecases.sweep_security_events import sweep_security_events
from kernel.audit import SYSTEM
from kernel.crypto import digest
from scim.domain.prefer import asks_async, prefers_later
from scim.web.routes import deferred_requests
from tests.support.events import CLIENT, Event, Receiver, hears, verified
from tests.support.scim import BASE, ERROR_SCHEMA, Answer, ScimWorld, a_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from scim.web.deferred import DeferredRequests

LATER = {"Prefer": "respond-async"}
DONE = "urn:ietf:params:scim:event:misc:asyncresp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
OTHER = "another-worker"


def worker(world: ScimWorld) -> DeferredRequests:
    return deferred_requests(world.services)


def do_all(world: ScimWorld) -> None:
    each = worker(world)
    while each.run_once("worker"):
        pass


def path_of(answer: Answer) -> str:
    """Where to ask how a request ended, after looking at its first answer."""
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["preference-applied"] == "respond-async"
    location = answer.headers["location"]
    assert location == f"http://127.0.0.1:8000/scim/v2/AsyncRequests/{answer.headers['set-txn']}"
    return location.removeprefix("http://127.0.0.1:8000/scim/v2")


def completions(world: ScimWorld) -> list[Event]:
    return [event for event in Receiver(world).take() if event.uri == DONE]


def users(world: ScimWorld) -> list[str]:
    with world.services.store.read() as connection:
        return list(connection.execute(select(account.c.user_name).order_by(account.c.user_name)).scalars())


@pytest.mark.parametrize(
    ("prefer", "asked", "later"),
    [
        ("", False, False),
        ("return=minimal", False, False),
        ("respond-async", True, True),
        ("Respond-Async", True, True),
        ('return=minimal, respond-async; x=1, wait="0"', True, True),
        ("respond-async, wait=5", True, False),
        ("wait=5", False, False),
        ("respond-async, wait=" + "9" * 5_000, True, False),
        ("respond-asynchronously", False, False),
        ('note="a, respond-async, b"', False, False),
        ('note="a\\", respond-async, b', False, False),
        ('note="a, b", respond-async', True, True),
    ],
)
def test_a_preference_is_read_as_http_words_it(prefer: str, *, asked: bool, later: bool) -> None:
    """RFC 7240 §2, §4.1, §4.3."""
    assert asks_async(prefer) is asked
    assert prefers_later(prefer) is later


def test_only_writes_of_a_client_that_hears_of_them_are_done_later(sqlite_world: ScimWorld) -> None:
    """P2: what is not switched on is not done, and the answer is the usual one."""
    world = sqlite_world
    assert world.post("/Users", a_user("ann"), headers=LATER).status == 201
    hears(world)
    assert world.get("/ServiceProviderConfig")["securityEvents"]["asyncRequest"] == "request"
    assert world.get("/Users", headers=LATER).status == 200
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}
    assert world.post("/Users/.search", search, headers=LATER).status == 200
    assert world.post("/Users", a_user("bob"), headers={"Prefer": "respond-async, wait=10"}).status == 201
    assert world.post("/Users", a_user("cyd"), headers={"Prefer": "return=minimal"}).status == 201


def test_who_may_not_ask_is_refused_at_once(sqlite_world: ScimWorld) -> None:
    """P2, O4: nothing is kept of a request that is not let in."""
    world = sqlite_world
    hears(world)
    reader = world.token(scope="scim.read")
    assert world.post("/Users", a_user(), headers=LATER, token="nonsense").status == 401
    assert world.post("/Users", a_user(), headers=LATER, token=reader).status == 403
    text = {**LATER, "Content-Type": "text/plain"}
    assert world.post("/Users", a_user(), headers=text).status == 415
    with world.services.store.read() as connection:
        assert connection.execute(select(deferred_request.c.id)).all() == []


def test_a_request_is_done_later_and_told_as_a_bulk_job_tells_it(world: ScimWorld) -> None:
    """P2: RFC 9967 §2.5.1.1, §2.5.1.3, §3: Set-Txn is the txn of the event, whatever Accept says."""
    hears(world)
    answer = world.post("/Users", a_user(), headers={**LATER, "Accept": "text/html"})
    path, txn = path_of(answer), answer.headers["set-txn"]
    assert users(world) == []
    waits = world.get(path)
    assert (waits.status, waits.body, waits.headers["retry-after"]) == (202, b"", "1")
    do_all(world)
    (found,) = world.get("/Users")["Resources"]
    events = Receiver(world).take()
    assert {event.claims["txn"] for event in events} == {txn}
    assert {event.uri for event in events} == {DONE, "urn:ietf:params:scim:event:prov:create:notice"}
    (event,) = [each for each in events if each.uri == DONE]
    assert event.payload == {
        "method": "POST",
        "status": "201",
        "location": found["meta"]["location"],
        "version": found["meta"]["version"],
    }
    assert event.claims["sub_id"] == {"format": "scim", "uri": f"/Users/{found['id']}"}
    kept = world.get(path, headers={"Accept": "application/secevent+jwt"})
    assert kept.headers["content-type"] == "application/secevent+jwt"
    assert verified(world.services, kept.body.decode()).claims == event.claims


def test_a_request_that_fails_is_told_with_its_error(world: ScimWorld) -> None:
    """P2, K1: RFC 9967 §2.5.1.3: what an operation of a bulk job says of an error; nothing was changed."""
    hears(world)
    made = world.post("/Users", a_user())["id"]
    Receiver(world).take()
    unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    cases: list[tuple[str, str, Any, str, str]] = [
        ("POST", "/Users", a_user(), "409", "/Users"),
        ("PATCH", f"/Users/{made}", {"schemas": []}, "400", f"/Users/{made}"),
        ("DELETE", f"/Users/{unknown}", None, "404", f"/Users/{unknown}"),
        ("PUT", f"/Users/{made}", a_user(userName=""), "400", f"/Users/{made}"),
    ]
    for method, path, body, status, uri in cases:
        path_of(world.request(method, path, body, headers=LATER))
        do_all(world)
        (event,) = Receiver(world).take()
        assert (event.payload["method"], event.payload["status"]) == (method, status)
        assert event.claims["sub_id"]["uri"] == uri
        assert event.payload["response"]["schemas"] == [ERROR_SCHEMA]
        assert event.payload["response"]["status"] == status
        assert event.payload.get("location") == (None if method == "POST" else f"{BASE}{uri}")
        operation = {"method": method, "path": uri, "bulkId": "b", "data": body}
        (told,) = world.post("/Bulk", {"schemas": [BULK], "Operations": [operation]})["Operations"]
        assert event.payload == {name: value for name, value in told.items() if name != "bulkId"}
    path_of(world.post("/Users", raw=b"{", headers={**LATER, "Content-Type": "application/scim+json"}))
    do_all(world)
    (event,) = completions(world)
    assert event.payload["response"]["scimType"] == "invalidSyntax"
    path_of(world.post("/Bulk", {"schemas": [BULK], "Operations": []}, headers=LATER))
    do_all(world)
    (event,) = completions(world)
    assert event.payload["status"] == "400"
    assert event.payload["response"] == world.post("/Bulk", {"schemas": [BULK], "Operations": []}).json()
    assert len(users(world)) == 1


def test_conditions_hold_when_the_request_is_done(world: ScimWorld) -> None:
    """L2: the version that counts is that of the moment of the deed."""
    hears(world)
    made = world.post("/Users", a_user())
    user, tag = f"/Users/{made['id']}", made.headers["etag"]
    world.delete(user, headers={**LATER, "If-Match": tag})
    world.patch(user, {"op": "replace", "path": "displayName", "value": "New"})
    do_all(world)
    (event,) = completions(world)
    assert event.payload["status"] == "412"
    assert world.delete(user, headers=LATER).status == 202
    do_all(world)
    (event,) = completions(world)
    assert (event.payload["method"], event.payload["status"]) == ("DELETE", "204")


def test_each_operation_of_a_job_has_its_completion_numbered_as_in_the_request(world: ScimWorld) -> None:
    """P2: RFC 9967 §2.5.1.2: also those that were not tried."""
    hears(world)

    def make(name: str, **more: Any) -> dict[str, Any]:
        return {"method": "POST", "path": "/Users", "bulkId": name, "data": a_user(name, **more)}

    job = {
        "schemas": [BULK],
        "failOnErrors": 1,
        "Operations": [
            make("ann"),
            make("bob", userName=""),
            make("cyd"),
            {"method": "DELETE", "path": "/Users/bulkId:ann"},
        ],
    }
    answer = world.post("/Bulk", job, headers={"Prefer": "respond-async, wait=5"})
    path, txn = path_of(answer), answer.headers["set-txn"]
    do_all(world)
    events = {event.claims["txn"]: event for event in completions(world)}
    assert list(map(events.__contains__, (f"{txn}:{place}" for place in range(4)))) == [True] * 4
    told = [events[f"{txn}:{place}"].payload for place in range(4)]
    assert [(each.get("bulkId"), each["status"]) for each in told] == [
        ("ann", "201"),
        ("bob", "400"),
        ("cyd", "424"),
        (None, "424"),
    ]
    assert ["location" in each for each in told] == [True, False, False, True]
    assert events[f"{txn}:0"].claims["sub_id"]["uri"].startswith("/Users/")
    assert world.get(path)["sets"].keys() == events.keys()
    one = world.get(f"{path}:0")
    assert verified(world.services, one.body.decode()).claims == events[f"{txn}:0"].claims
    assert world.get(f"{path}:4").status == 404
    assert users(world) == ["ann"]


def test_what_an_operation_of_a_job_did_is_told_with_the_txn_of_its_completion(world: ScimWorld) -> None:
    """P2: by its place in the request, also in a circle, whose parts are done in two steps."""
    hears(world)
    manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

    def led(name: str, by: str) -> dict[str, Any]:
        user = a_user(name) | {manager: {"manager": {"value": f"bulkId:{by}"}}}
        return {"method": "POST", "path": "/Users", "bulkId": name, "data": user}

    plain = {"method": "POST", "path": "/Users", "bulkId": "cyd", "data": a_user("cyd")}
    gone = {"method": "DELETE", "path": "/Users/bulkId:cyd"}
    job = {"schemas": [BULK], "Operations": [gone, led("ann", "bob"), plain, led("bob", "ann")]}
    txn = world.post("/Bulk", job, headers=LATER).headers["set-txn"]
    do_all(world)
    told = [(event.claims["txn"], event.uri.rpartition("prov:")[2]) for event in Receiver(world).take()]
    assert sorted(each for each in told if "asyncresp" not in each[1]) == [
        (f"{txn}:0", "delete"),
        (f"{txn}:1", "create:notice"),
        (f"{txn}:1", "patch:notice"),
        (f"{txn}:2", "create:notice"),
        (f"{txn}:3", "create:notice"),
    ]


def test_a_job_that_was_cut_off_is_not_done_twice(world: ScimWorld) -> None:
    """P2: a worker that dies in the middle; its client is told, and looks."""
    hears(world)
    job = {
        "schemas": [BULK],
        "Operations": [{"method": "POST", "path": "/Users", "bulkId": "a", "data": a_user()}],
    }
    world.post("/Bulk", job, headers=LATER)
    assert deeds.take_deferred(world.services, owner="dead") is not None
    do_all(world)
    assert completions(world) == []
    world.later(601)
    do_all(world)
    (event,) = completions(world)
    assert (event.payload["status"], event.payload["bulkId"]) == ("500", "a")
    assert users(world) == []


def test_a_single_request_whose_worker_died_is_done_once_by_another(world: ScimWorld) -> None:
    """P2: deed and completion are one transaction; who lost the request undoes what it did."""
    hears(world)
    world.post("/Users", a_user(), headers=LATER)
    lost = deeds.take_deferred(world.services, owner="slow")
    assert lost is not None
    world.later(601)
    do_all(world)
    assert [event.payload["status"] for event in completions(world)] == ["201"]
    with pytest.raises(deeds.LeaseLostError):
        deeds.end_request(
            world.services.store, lost, [deeds.Completion(lost.id, "/Users", {"status": "201"})], owner="slow"
        )
    assert completions(world) == []
    assert users(world) == ["fieldn"]


def test_how_a_request_ended_is_told_to_its_client_alone(sqlite_world: ScimWorld) -> None:
    """O7, RFC 9967 §5: protected by the client's token; another's txn is unknown."""
    world = sqlite_world
    hears(world)
    hears(world, client_id=OTHER)
    path = path_of(world.post("/Users", a_user(), headers=LATER))
    do_all(world)
    assert world.get(path, token="").status == 401
    assert world.get(path, client_id=OTHER).status == 404
    for wrong in ("/AsyncRequests/nonsense", "/AsyncRequests/01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        assert world.get(wrong).status == 404
    assert world.post(path, {}).status == 405
    assert Receiver(world, client_id=OTHER).poll() == []


def test_what_a_request_says_is_sealed_and_wiped_once_it_was_done(world: ScimWorld) -> None:
    """C12, O10: a body may hold a password; and what ended is forgotten after a while."""
    hears(world)
    world.post("/Users", a_user() | {"password": "never-kept-Passw0rd"}, headers=LATER)
    with world.services.store.read() as connection:
        (sealed,) = connection.execute(select(deferred_request.c.sealed_request)).scalars()
    assert b"fieldn" not in sealed
    do_all(world)
    with world.services.store.read() as connection:
        row = connection.execute(select(deferred_request)).one()
    assert row.sealed_request is None
    assert "Passw0rd" not in str(row)
    world.later(int(dt.timedelta(days=8).total_seconds()))
    while sweep_security_events(world.services):
        pass
    with world.services.store.read() as connection:
        assert stored.find_deferred(connection, row.id, CLIENT) is None


def test_a_client_that_has_too_much_open_is_answered_at_once(
    sqlite_world: ScimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2, O12: nobody fills the disk with requests."""
    monkeypatch.setattr(deeds, "MOST_OPEN", 1)
    hears(sqlite_world)
    assert sqlite_world.post("/Users", a_user("ann"), headers=LATER).status == 202
    assert sqlite_world.post("/Users", a_user("bob"), headers=LATER).status == 201


def _disabled(world: ScimWorld, token: str) -> None:
    order = ScimClientOrder(CLIENT, CLIENT, disabled=True)
    assert isinstance(store_scim_client(world.services, order, actor=SYSTEM), ScimClientStored)


def _moved_away(world: ScimWorld, token: str) -> None:
    order = ScimClientOrder(CLIENT, CLIENT, allowed_addresses=("192.0.2.0/24",))
    assert isinstance(store_scim_client(world.services, order, actor=SYSTEM), ScimClientStored)


def _out_of_service(world: ScimWorld, token: str) -> None:
    assert disable_client(world.services, CLIENT, actor=SYSTEM)


def _revoked(world: ScimWorld, token: str) -> None:
    with world.services.store.write() as unit:
        assert revoke_access_token(unit.connection, digest(token), CLIENT, now=unit.now)


@pytest.mark.parametrize("end", [_disabled, _moved_away, _out_of_service, _revoked])
def test_nothing_is_done_for_a_client_that_is_let_in_no_more(
    sqlite_world: ScimWorld, end: Callable[[ScimWorld, str], None]
) -> None:
    """P2, O4, RFC 9967 §5: what was taken in is refused when it comes to it, and told so, alone or in a job."""
    world = sqlite_world
    hears(world)
    token = world.token()
    job = {
        "schemas": [BULK],
        "Operations": [{"method": "POST", "path": "/Users", "bulkId": "b", "data": a_user("bob")}],
    }
    assert world.post("/Users", a_user("ann"), headers=LATER, token=token).status == 202
    assert world.post("/Bulk", job, headers=LATER, token=token).status == 202
    end(world, token)
    do_all(world)
    assert users(world) == []
    with world.services.store.read() as connection:
        claims = connection.execute(select(security_event.c.claims)).scalars().all()
    assert [each["events"][DONE]["status"] for each in claims] == ["403", "403"]


def test_what_is_done_later_is_done_by_the_rights_of_today(sqlite_world: ScimWorld) -> None:
    """P2, O2, O4: a static token may what its client may now; that it expired in between is no matter."""
    world = sqlite_world
    hears(world)
    issued = issue_scim_token(world.services, CLIENT, actor=SYSTEM, life=dt.timedelta(minutes=1))
    assert isinstance(issued, ScimTokenIssued)
    assert world.post("/Users", a_user("ann"), headers=LATER, token=issued.token).status == 202
    world.later(61)
    do_all(world)
    assert users(world) == ["ann"]
    issued = issue_scim_token(world.services, CLIENT, actor=SYSTEM)
    assert isinstance(issued, ScimTokenIssued)
    assert world.post("/Users", a_user("bob"), headers=LATER, token=issued.token).status == 202
    order = ScimClientOrder(CLIENT, CLIENT, scopes=frozenset({"scim.read", "scim.groups.write"}))
    assert isinstance(store_scim_client(world.services, order, actor=SYSTEM), ScimClientStored)
    do_all(world)
    assert users(world) == ["ann"]
    assert sorted(event.payload["status"] for event in completions(world)) == ["201", "403"]
