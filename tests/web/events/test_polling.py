"""A receiver polls its security events (RFC 8936), and nobody else's."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.domain.security_events import Payload, StreamStatus
from idp.storage.tables import security_event
from idp.usecases.manage_event_streams import event_streams, remove_event_stream, set_stream_status
from idp.usecases.store_event_stream import StreamOrder, StreamRefused, store_event_stream
from idp.usecases.store_scim_client import ScimClientOrder, ScimClientStored, store_scim_client
from idp.usecases.sweep_security_events import (
    OVERFULL,
    disable_overfull_streams,
    sweep_security_events,
)
from kernel.audit import SYSTEM
from kernel.tables import audit_event
from tests.support.events import CLIENT, SET_CLAIMS, Receiver, hears
from tests.support.scim import ScimWorld, a_user

OTHER = "another-worker"


def waiting(world: ScimWorld) -> int:
    with world.services.store.read() as connection:
        return connection.scalar(select(func.count()).select_from(security_event)) or 0


@pytest.mark.parametrize(
    ("body", "raw", "media_type"),
    [
        (None, b"", "application/json"),
        (None, b"{", "application/json"),
        (None, b"[" * 100_000, "application/json"),
        ([], None, "application/json"),
        ({}, None, "text/plain"),
        ({"maxEvents": -1}, None, "application/json"),
        ({"maxEvents": True}, None, "application/json"),
        ({"maxEvents": "5"}, None, "application/json"),
        ({"returnImmediately": "yes"}, None, "application/json"),
        ({"ack": "one"}, None, "application/json"),
        ({"ack": [1]}, None, "application/json"),
        ({"ack": ["x"] * 1_001}, None, "application/json"),
        ({"setErrs": []}, None, "application/json"),
        ({"setErrs": {"one": "bad"}}, None, "application/json"),
        ({"ack": ["\x00"]}, None, "application/json"),
        ({"ack": ["\ud800"]}, None, "application/json"),
        ({"setErrs": {"\udfff": {}}}, None, "application/json"),
        (None, '{"ack": ["\\u0000"]}'.encode("utf-16"), "application/json"),
    ],
)
def test_a_poll_that_cannot_be_read_is_refused_as_invalid_request(
    sqlite_world: ScimWorld, body: Any, raw: bytes | None, media_type: str
) -> None:
    """RFC 8936 §2.6, RFC 8935 §2.3."""
    hears(sqlite_world)
    answer = Receiver(sqlite_world).ask(body, raw=raw, media_type=media_type)
    assert (answer.status, answer["err"]) == (400, "invalid_request")
    assert answer.headers["cache-control"] == "no-store"


def test_only_a_token_that_reads_everything_of_this_service_polls(sqlite_world: ScimWorld) -> None:
    """P2, O4: RFC 8936 §3; a client that may see users alone must not hear of groups."""
    world = sqlite_world
    hears(world)
    receiver = Receiver(world)
    for token in (
        "",
        "nonsense",
        world.token(audience="https://other.example"),
    ):
        answer = receiver.ask({}, token=token)
        assert (answer.status, answer["err"]) == (401, "authentication_failed")
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    answer = receiver.ask({}, token=world.token(scope="scim.users.read"))
    assert (answer.status, answer["err"]) == (403, "access_denied")
    answer = receiver.ask({}, token=world.token(scope="scim.read", audience="http://127.0.0.1:8000/ssf"))
    assert (answer.status, answer["err"]) == (403, "access_denied")
    answer = receiver.ask({}, method="GET")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_a_client_that_is_bound_to_its_addresses_polls_from_nowhere_else(sqlite_world: ScimWorld) -> None:
    """O2: a token that was carried off opens no stream either."""
    hears(sqlite_world)
    receiver = Receiver(sqlite_world)
    for network, status in (("127.0.0.0/8", 200), ("192.0.2.0/24", 403)):
        order = ScimClientOrder(CLIENT, CLIENT, allowed_addresses=(network,))
        assert isinstance(store_scim_client(sqlite_world.services, order, actor=SYSTEM), ScimClientStored)
        answer = receiver.ask({"returnImmediately": True})
        assert answer.status == status
    assert answer["err"] == "access_denied"
    assert "www-authenticate" not in answer.headers  # no other scope would open the door (RFC 6750 §3.1)


def test_a_client_without_a_stream_polls_nothing_and_nothing_is_kept_for_it(world: ScimWorld) -> None:
    """P2: events are switched on per client."""
    assert world.post("/Users", a_user()).status == 201
    answer = Receiver(world).ask({"returnImmediately": True})
    assert (answer.status, answer["err"]) == (404, "access_denied")
    assert waiting(world) == 0


def test_a_stream_needs_a_registered_client_and_a_key_of_its_algorithm(sqlite_world: ScimWorld) -> None:
    """P2."""
    order = StreamOrder("nobody")
    assert store_event_stream(sqlite_world.services, order, actor=SYSTEM) is StreamRefused.CLIENT
    hears(sqlite_world)
    order = StreamOrder(CLIENT, algorithm="none")
    assert store_event_stream(sqlite_world.services, order, actor=SYSTEM) is StreamRefused.ALGORITHM


def test_a_receiver_hears_of_its_own_resources_and_acknowledges_its_own_events(world: ScimWorld) -> None:
    """P2, O7, O9: another's events are neither seen nor settled, whatever ids are named."""
    hears(world)
    hears(world, client_id=OTHER)
    mine = world.post("/Users", a_user("mine"))["id"]
    theirs = world.post("/Users", a_user("theirs"), client_id=OTHER)["id"]
    receiver, other = Receiver(world), Receiver(world, client_id=OTHER)
    (event,), (foreign,) = receiver.poll(), other.poll()
    assert event.claims["sub_id"]["uri"] == f"/Users/{mine}"
    assert foreign.claims["sub_id"]["uri"] == f"/Users/{theirs}"
    receiver.poll(ack=[foreign.claims["jti"]], setErrs={foreign.claims["jti"]: {"err": "invalid_key"}})
    assert len(other.poll()) == 1


def test_an_event_comes_again_as_the_same_token_until_it_is_acknowledged(world: ScimWorld) -> None:
    """RFC 8936 §2.1, §2.4, RFC 8417 §2.2: jti, iat and txn stay; the acknowledged one never comes again."""
    hears(world)
    world.post("/Users", a_user())
    receiver = Receiver(world)
    (first,) = receiver.poll()
    world.later(90)
    (again,) = receiver.poll()
    assert again.claims == first.claims
    assert again.claims.keys() == SET_CLAIMS
    assert receiver.poll(ack=[first.claims["jti"]]) == []
    assert receiver.poll() == []


def test_a_poll_gives_as_many_as_asked_and_tells_that_there_are_more(world: ScimWorld) -> None:
    """RFC 8936 §2.2, §2.3: the oldest first; none where maxEvents is 0."""
    hears(world)
    ids = []
    for number in range(3):
        ids.append(world.post("/Users", a_user(f"u{number}"))["id"])
        world.later()
    receiver = Receiver(world)
    answer = receiver.ask({"maxEvents": 2, "returnImmediately": True})
    assert answer["moreAvailable"] is True
    assert len(answer["sets"]) == 2
    answer = receiver.ask({"maxEvents": 0, "ack": list(answer["sets"])})
    assert answer["sets"] == {}
    assert answer["moreAvailable"] is True
    answer = receiver.ask({"returnImmediately": True})
    assert "moreAvailable" not in answer.json()
    assert [event.claims["sub_id"]["uri"] for event in receiver.poll()] == [f"/Users/{ids[2]}"]


def test_an_event_that_cannot_be_read_is_not_sent_again_and_the_audit_keeps_which(world: ScimWorld) -> None:
    """RFC 8936 §2.2 setErrs."""
    hears(world)
    world.post("/Users", a_user())
    receiver = Receiver(world)
    (event,) = receiver.poll()
    assert receiver.poll(setErrs={event.claims["jti"]: {"err": "invalid_key\n", "description": "x"}}) == []
    with world.services.store.read() as connection:
        statement = select(audit_event.c.target, audit_event.c.reason).where(
            audit_event.c.tag == "gateway:event:refused"
        )
        assert connection.execute(statement).all() == [(event.claims["jti"], "invalid_key")]


def test_a_paused_stream_keeps_its_events_and_a_disabled_one_none(world: ScimWorld) -> None:
    """SSF 1.0 §7.1.2.1."""
    hears(world)
    receiver, services = Receiver(world), world.services
    set_stream_status(services, CLIENT, StreamStatus.PAUSED, reason="maintenance", actor=SYSTEM)
    world.post("/Users", a_user("one"))
    assert receiver.poll() == []
    set_stream_status(services, CLIENT, StreamStatus.ENABLED, reason="", actor=SYSTEM)
    assert len(receiver.poll()) == 1
    set_stream_status(services, CLIENT, StreamStatus.DISABLED, reason="gone", actor=SYSTEM)
    world.post("/Users", a_user("two"))
    assert receiver.poll() == []
    assert waiting(world) == 0
    assert remove_event_stream(services, CLIENT, actor=SYSTEM)
    assert not remove_event_stream(services, CLIENT, actor=SYSTEM)
    assert not set_stream_status(services, CLIENT, StreamStatus.ENABLED, reason="", actor=SYSTEM)
    assert event_streams(services) == ()


@pytest.mark.parametrize("status", [StreamStatus.PAUSED, StreamStatus.DISABLED])
def test_a_stream_that_is_stored_anew_stays_stopped(world: ScimWorld, status: StreamStatus) -> None:
    """What it tells, and where, is another question than whether it goes on."""
    hears(world)
    set_stream_status(world.services, CLIENT, status, reason="maintenance", actor=SYSTEM)
    hears(world, Payload.FULL)
    ((stream, _waiting),) = event_streams(world.services)
    assert (stream.provisioning, stream.status, stream.reason) == (Payload.FULL, status, "maintenance")


@pytest.mark.parametrize(("bound", "most"), [("most_waiting_events", 1), ("most_waiting_bytes", 800)])
def test_a_receiver_that_is_gone_fills_no_disk(world: ScimWorld, bound: str, most: int) -> None:
    """P2: what waits too long is forgotten, and a stream with too many events, or too large ones, is disabled."""
    hears(world)
    world.post("/Users", a_user("old"))
    world.later(int(dt.timedelta(days=8).total_seconds()))
    world.post("/Users", a_user("new"))
    assert sweep_security_events(world.services) == 1
    assert sweep_security_events(world.services) == 0
    assert waiting(world) == 1
    assert disable_overfull_streams(world.services) == 0
    few = world.services.settings.model_copy(update={bound: most})
    object.__setattr__(world.services, "settings", few)
    assert disable_overfull_streams(world.services) == 0
    world.post("/Users", a_user("more"))
    assert disable_overfull_streams(world.services) == 1
    ((stream, left),) = event_streams(world.services)
    assert (stream.status, stream.reason, left) == (StreamStatus.DISABLED, OVERFULL, 0)


def test_a_poll_may_be_held_open_and_ends_though_nothing_comes(sqlite_world: ScimWorld) -> None:
    """RFC 8936 §2.5: long polling, bounded."""
    short = sqlite_world.services.settings.model_copy(
        update={"event_poll_wait": dt.timedelta(milliseconds=1)}
    )
    object.__setattr__(sqlite_world.services, "settings", short)
    hears(sqlite_world, Payload.FULL)
    answer = Receiver(sqlite_world).ask({})
    assert (answer.status, answer["sets"]) == (200, {})


def test_a_process_without_a_thread_to_spare_holds_no_poll_open(sqlite_world: ScimWorld) -> None:
    """RFC 8936 §2.5: it answers at once; held for an hour, this test would not end."""
    patient = sqlite_world.services.settings.model_copy(update={"event_poll_wait": dt.timedelta(hours=1)})
    sqlite_world.services = replace(sqlite_world.services, settings=patient, held_requests=0)
    hears(sqlite_world)
    assert Receiver(sqlite_world).ask({})["sets"] == {}
