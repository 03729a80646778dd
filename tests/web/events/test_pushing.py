"""Security events are pushed to their receivers (RFC 8935), guarded, in order, and never lost."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from idp.domain.security_events import Stream, StreamStatus, wait_after
from idp.storage.event_streams import claim_streams, leave_streams, release_stream, set_status
from idp.storage.tables import event_stream, security_event
from idp.usecases.disable_client import disable_client
from idp.usecases.manage_event_streams import event_streams, set_stream_status
from idp.usecases.push_events import EventPusher
from idp.usecases.services import IdpServices
from idp.usecases.store_event_stream import StreamOrder, StreamRefused, StreamStored, store_event_stream
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from kernel.audit import SYSTEM
from kernel.fetch import Fetcher, FetchRules
from kernel.tables import audit_event
from tests.support.events import CLIENT, Event, Receiver, hears, verified
from tests.support.https_server import Documents, serving_documents
from tests.support.scim import ScimWorld, a_scim_world, a_user
from tests.support.together import done_or_waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.database import Database

HEADER = "Bearer the-receiver-knows-it"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Documents]:
    with serving_documents(tmp_path) as documents:
        yield documents


def pusher(world: ScimWorld, server: Documents) -> EventPusher:
    rules = FetchRules(authority=server.authority, loopback=(server.host,))
    services: IdpServices = dataclasses.replace(world.services, fetcher=Fetcher(rules))
    return EventPusher(services, node="test")


def pushed_to(world: ScimWorld, url: str, authorization: str = HEADER) -> None:
    hears(world)
    order = StreamOrder(CLIENT, endpoint_url=url, authorization=authorization)
    assert isinstance(store_event_stream(world.services, order, actor=SYSTEM), StreamStored)


def received(world: ScimWorld, server: Documents) -> list[Event]:
    return [verified(world.services, body.decode()) for _, _, body in server.sent]


def the_stream(world: ScimWorld) -> tuple[Stream, int]:
    (found,) = event_streams(world.services)
    return found


@pytest.mark.parametrize(
    ("url", "authorization", "refused"),
    [
        ("http://receiver.example/events", "", StreamRefused.ADDRESS),
        ("https:///events", "", StreamRefused.ADDRESS),
        ("https://user@receiver.example/", "", StreamRefused.ADDRESS),
        ("https://receiver.example/#part", "", StreamRefused.ADDRESS),
        ("https://receiver.example:99999/", "", StreamRefused.ADDRESS),
        ("https://receiver.example/" + "e" * 2_048, "", StreamRefused.ADDRESS),
        ("https://receiver.example/", "Bearer x\r\nHost: y", StreamRefused.AUTHORIZATION),
        ("", "Bearer x", StreamRefused.AUTHORIZATION),
    ],
)
def test_events_are_pushed_by_https_to_a_plain_address_only(
    sqlite_world: ScimWorld, url: str, authorization: str, refused: StreamRefused
) -> None:
    """RFC 8935 §5, OB-13."""
    order = StreamOrder(CLIENT, endpoint_url=url, authorization=authorization)
    assert store_event_stream(sqlite_world.services, order, actor=SYSTEM) is refused


def test_an_address_inside_is_never_pushed_to(sqlite_world: ScimWorld, server: Documents) -> None:
    """OB-13: the event waits, and nothing is reached."""
    pushed_to(sqlite_world, server.put("/events", b"", status=202))
    sqlite_world.post("/Users", a_user())
    assert EventPusher(sqlite_world.services, node="test").run_once() == 0
    assert server.asked == []
    stream, left = the_stream(sqlite_world)
    assert (stream.last_error, left) == ("not reached: not a public address", 1)


def test_a_pushed_event_is_a_token_of_its_media_type_under_the_receivers_header(
    world: ScimWorld, server: Documents
) -> None:
    """RFC 8935 §2.1, §2.2: one event a request, in the order of time; taken, it is gone."""
    pushed_to(world, server.put("/events", b"", status=202))
    ids = []
    for name in ("ann", "bob"):
        ids.append(world.post("/Users", a_user(name))["id"])
        world.later()
    push = pusher(world, server)
    assert push.run_once() == 2
    assert push.run_once() == 0
    assert [event.claims["sub_id"]["uri"] for event in received(world, server)] == [
        f"/Users/{each}" for each in ids
    ]
    for path, headers, _ in server.sent:
        assert path == "/events"
        assert headers["content-type"] == "application/secevent+jwt"
        assert headers["accept"] == "application/json"
        assert headers["authorization"] == HEADER
    stream, left = the_stream(world)
    assert (left, stream.last_error) == (0, "")
    assert stream.reached_at is not None


def test_the_receivers_header_is_sealed_at_rest_and_shown_nowhere(world: ScimWorld) -> None:
    """Secrets at rest are sealed, bound to their row."""
    pushed_to(world, "https://receiver.example/events")
    with world.services.store.read() as connection:
        sealed = connection.scalar(select(event_stream.c.sealed_authorization))
        kept = connection.execute(select(audit_event.c.details)).scalars().all()
    assert sealed is not None
    assert HEADER.encode() not in sealed
    assert HEADER not in repr(the_stream(world)) + str(kept)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (404, b""),
        (302, b""),
        (401, b'{"err":"authentication_failed"}'),
        (400, b'{"err":"authentication_failed"}'),
        (400, b"no JSON"),
    ],
)
def test_an_event_that_was_not_taken_waits_and_comes_again_as_the_same(
    sqlite_world: ScimWorld, server: Documents, status: int, body: bytes
) -> None:
    """RFC 8935 §2.3, §3: one try at a time, with growing waits; the same jti."""
    world = sqlite_world
    pushed_to(world, server.put("/events", body, status=status))
    world.post("/Users", a_user("ann"))
    world.post("/Users", a_user("bob"))
    push = pusher(world, server)
    for failures in (1, 2, 3):
        assert push.run_once() == 0
        assert len(server.sent) == failures
        assert push.run_once() == 0
        assert len(server.sent) == failures
        world.later(int(wait_after(failures).total_seconds()))
    stream, left = the_stream(world)
    assert (stream.last_error, left) == (f"answered {status}", 2)
    server.put("/events", b"", status=202)
    assert push.run_once() == 2
    events = received(world, server)
    assert len({event.claims["jti"] for event in events[:4]}) == 1
    assert len({event.claims["jti"] for event in events}) == 2


def test_a_receiver_that_asks_for_time_is_given_it(sqlite_world: ScimWorld, server: Documents) -> None:
    """RFC 9110 §10.2.3."""
    pushed_to(sqlite_world, server.put("/events", b"", status=429, **{"Retry-After": "120"}))
    sqlite_world.post("/Users", a_user())
    push = pusher(sqlite_world, server)
    push.run_once()
    sqlite_world.later(119)
    push.run_once()
    assert len(server.sent) == 1
    sqlite_world.later(1)
    push.run_once()
    assert len(server.sent) == 2


def test_an_event_that_is_refused_for_good_is_kept_in_the_audit_and_holds_nothing_up(
    world: ScimWorld, server: Documents
) -> None:
    """RFC 8935 §2.3, §2.4: a token the receiver cannot read would not become better."""
    pushed_to(world, server.put("/events", json.dumps({"err": "invalid_key"}).encode(), status=400))
    world.post("/Users", a_user("ann"))
    push = pusher(world, server)
    assert push.run_once() == 1
    (event,) = received(world, server)
    with world.services.store.read() as connection:
        statement = select(audit_event.c.target, audit_event.c.reason).where(
            audit_event.c.tag == "gateway:event:refused"
        )
        assert connection.execute(statement).all() == [(event.claims["jti"], "invalid_key")]
        assert connection.execute(select(security_event.c.id)).all() == []


def test_a_paused_stream_is_not_pushed_and_a_pushed_one_not_polled(
    sqlite_world: ScimWorld, server: Documents
) -> None:
    """SSF 1.0 §7.1.2.1, RFC 8936 §2."""
    world = sqlite_world
    pushed_to(world, server.put("/events", b"", status=202))
    set_stream_status(world.services, CLIENT, StreamStatus.PAUSED, reason="", actor=SYSTEM)
    world.post("/Users", a_user())
    push = pusher(world, server)
    assert push.run_once() == 0
    answer = Receiver(world).ask({"returnImmediately": True})
    assert (answer.status, answer["err"]) == (403, "access_denied")
    set_stream_status(world.services, CLIENT, StreamStatus.ENABLED, reason="", actor=SYSTEM)
    assert push.run_once() == 1


def test_what_one_worker_pushes_another_leaves_alone(world: ScimWorld, server: Documents) -> None:
    """One statement leases a stream; a worker that died loses it after a while."""
    pushed_to(world, server.put("/events", b"", status=202))
    world.post("/Users", a_user())
    with world.services.store.write() as unit:
        lease = unit.now.replace(hour=13)
        unit.connection.execute(event_stream.update().values(lease_owner="other", lease_until=lease))
    push = pusher(world, server)
    assert push.run_once() == 0
    world.later(3_601)
    assert push.run_once() == 1


def test_who_lost_a_stream_meanwhile_gives_back_nothing(world: ScimWorld, server: Documents) -> None:
    """RFC 8935 §2: a worker that comes back late neither frees nor puts off what another one pushes by now."""
    pushed_to(world, server.put("/events", b"", status=202))
    world.post("/Users", a_user())
    lease = dt.timedelta(minutes=5)
    with world.services.store.write() as unit:
        asked = {"lease": lease, "most": 5}
        ((stream, _),) = claim_streams(unit.connection, owner="late", now=unit.now, **asked)
        later = unit.now + lease
        assert len(claim_streams(unit.connection, owner="another", now=later, **asked)) == 1
        round_of = {"attempts": 9, "next_at": later, "error": "late", "reached_at": None}
        release_stream(unit.connection, stream.id, owner="late", **round_of)
        leave_streams(unit.connection, [stream.id], owner="late")
        assert claim_streams(unit.connection, owner="third", now=later, **asked) == ()
        release_stream(unit.connection, stream.id, owner="another", **{**round_of, "attempts": 0})
        ((_, failures),) = claim_streams(unit.connection, owner="third", now=later, **asked)
    assert failures == 0


def test_who_is_told_to_stop_begins_no_other_event_and_leaves_the_rest_to_others(
    world: ScimWorld, server: Documents
) -> None:
    """A receiver may take many seconds over each; what one pusher leaves another has at once."""
    address = server.put("/events", b"", status=202)
    pushed_to(world, address)
    hears(world, client_id="zeta")
    order = StreamOrder("zeta", endpoint_url=address, authorization=HEADER)
    assert isinstance(store_event_stream(world.services, order, actor=SYSTEM), StreamStored)
    for name in ("ann", "bob"):
        world.post("/Users", a_user(name))
    world.post("/Users", a_user("cid"), token=world.token("zeta"))

    class ToldByTheFirst(threading.Event):
        def is_set(self) -> bool:
            return bool(server.sent)

    assert pusher(world, server).run_once(ToldByTheFirst()) == 1
    assert len(server.sent) == 1
    assert [pusher(world, server).run_once() for _ in range(2)] == [2, 0]
    assert len(server.sent) == 3


def test_a_stream_that_cannot_be_read_keeps_no_other_waiting(world: ScimWorld, server: Documents) -> None:
    """A header that was sealed with a key that is gone: its own stream waits, and an operator sees why."""
    address = server.put("/events", b"", status=202)
    pushed_to(world, address)
    hears(world, client_id="zeta")
    order = StreamOrder("zeta", endpoint_url=address, authorization=HEADER)
    assert isinstance(store_event_stream(world.services, order, actor=SYSTEM), StreamStored)
    with world.services.store.write() as unit:
        broken = event_stream.update().where(event_stream.c.client_id == CLIENT)
        unit.connection.execute(broken.values(sealed_authorization=b"\x01" * 64))
    world.post("/Users", a_user())
    world.post("/Users", a_user("bob"), token=world.token("zeta"))
    push = pusher(world, server)
    assert [push.run_once(), push.run_once()] == [1, 0]
    (the_broken, left), (other, none) = event_streams(world.services)
    assert (the_broken.client_id, the_broken.last_error, left) == (
        CLIENT,
        "the Gateway could not make its events",
        1,
    )
    assert (other.last_error, none) == ("", 0)


def test_a_client_that_is_disabled_is_pushed_nothing(world: ScimWorld, server: Documents) -> None:
    """O4, RFC 8935 §5: neither as a SCIM client nor as a client; what waits goes out when it is let in again."""
    pushed_to(world, server.put("/events", b"", status=202))
    world.post("/Users", a_user())
    for disabled in (True, False):
        order = ScimClientOrder(CLIENT, CLIENT, disabled=disabled)
        assert isinstance(store_scim_client(world.services, order, actor=SYSTEM), ScimClientStored)
        assert pusher(world, server).run_once() == int(not disabled)
    world.post("/Users", a_user("bob"))
    assert disable_client(world.services, CLIENT, actor=SYSTEM)
    assert pusher(world, server).run_once() == 0
    assert (len(server.sent), the_stream(world)[1]) == (1, 1)


@pytest.mark.race
def test_who_stops_a_stream_and_who_pushes_it_never_wait_for_one_another(
    postgresql_gateway_database: Database, server: Documents
) -> None:
    """RFC 8935: both take the stream before its events; neither is undone for the other's sake."""
    world = a_scim_world(postgresql_gateway_database)
    pushed_to(world, server.put("/events", b"", status=202))
    world.post("/Users", a_user())
    stream, _ = the_stream(world)
    server.goes_on.clear()
    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(pusher(world, server).run_once)
        assert server.reached.wait(60)
        with world.services.store.write() as unit:
            unit.connection.execute(select(event_stream.c.id).with_for_update())
            server.goes_on.set()
            done_or_waiting(postgresql_gateway_database, pushing)
            assert set_status(unit.connection, stream.id, StreamStatus.DISABLED, reason="", now=unit.now)
        assert pushing.result(60) == 1
    assert the_stream(world)[1] == 0
