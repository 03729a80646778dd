"""Notices to many receivers: one that does not answer is nobody's trouble but its own."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from kernel.clock import FrozenClock
from kernel.courier.carriers import PermanentFailure, TransientFailure
from kernel.courier.fair_worker import LONGEST_WAIT, FairWorker
from kernel.courier.memory import MemoryCarrier
from kernel.courier.outbox import Share
from kernel.courier.worker import CourierWorker
from kernel.crypto import KeyRing, Sealer
from kernel.randomness import SystemRandomness
from kernel.store import Store
from kernel.sweeping import BATCH
from kernel.tables import courier_message
from tests.support.clock import NOON

if TYPE_CHECKING:
    from kernel.courier.carriers import Carrier
    from kernel.courier.outbox import Envelope
    from kernel.database import Database

PLACES = 3


def a_store(database: Database, clock: FrozenClock) -> Store:
    chance = SystemRandomness()
    return Store(database, clock, chance, Sealer(KeyRing({1: b"k" * 32}), chance))


def post(store: Store, *receivers: str, channel: str = "notice") -> None:
    with store.write() as unit:
        for receiver in receivers:
            unit.courier.post(channel=channel, payload={"to": receiver}, recipient=receiver)


def states(database: Database) -> dict[str, int]:
    with database.read() as connection:
        counted = select(courier_message.c.state, func.count()).group_by(courier_message.c.state)
        return {row[0]: row[1] for row in connection.execute(counted)}


class Receivers:
    """Counts who is asked. The silent hold their caller until they may answer; the dead refuse at once."""

    def __init__(self, *, silent: tuple[str, ...] = (), dead: tuple[str, ...] = ()) -> None:
        self.silent = silent
        self.dead = dead
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.changed = threading.Condition()
        self.answer = threading.Event()

    def deliver(self, envelope: Envelope) -> None:
        to = str(envelope.payload["to"])
        with self.changed:
            self.asked[to] += 1
            self.changed.notify_all()
        if to in self.silent:
            assert self.answer.wait(60)
        if to in self.dead:
            raise TransientFailure("away")
        with self.changed:
            self.answered[to] += 1
            self.changed.notify_all()

    def until(self, expected: dict[str, int]) -> None:
        """Wait until these were answered, as often as this."""
        with self.changed:
            assert self.changed.wait_for(lambda: dict(self.answered) == expected, 60), self.answered


def a_worker(store: Store, carrier: Carrier) -> FairWorker:
    return FairWorker(store, "notice", carrier, node="n1", places=PLACES)


def test_silent_receivers_keep_nobody_else_waiting(kernel_database: Database) -> None:
    """LO-07: each holds one place for one attempt, however much waits for it; the others hear meanwhile."""
    silent = tuple(f"silent-{n}" for n in range(PLACES - 1))
    store = a_store(kernel_database, FrozenClock(NOON))
    receivers = Receivers(silent=silent)
    post(store, *silent * 4)
    post(store, *(f"live-{n}" for n in range(6)), "live-0")
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(a_worker(store, receivers).run, stop, idle=0.01)
        try:
            receivers.until({"live-0": 2, **{f"live-{n}": 1 for n in range(1, 6)}})
            assert {name: receivers.asked[name] for name in silent} == dict.fromkeys(silent, 1)
            receivers.answer.set()
            receivers.until({**receivers.answered, **dict.fromkeys(silent, 4)})
        finally:
            receivers.answer.set()
            stop.set()
        running.result(60)
    assert states(kernel_database) == {"sent": 7 + 4 * len(silent)}


def test_a_receiver_that_is_away_is_left_alone_for_longer_and_longer(kernel_database: Database) -> None:
    """LO-07: one attempt at a time whatever waits or comes anew; at least every ten minutes, and all hear."""
    clock = FrozenClock(NOON)
    store = a_store(kernel_database, clock)
    receivers = Receivers(dead=("dead",))
    worker = a_worker(store, receivers)

    def work() -> None:
        while worker.run_once():
            pass

    post(store, *["dead"] * 3, "live")
    tried = []
    for wait in (0, 1, 5, 30, 120, 600, 600, 600):
        clock.advance(dt.timedelta(seconds=wait) - dt.timedelta(milliseconds=1 if wait else 0))
        work()
        before = receivers.asked["dead"]
        clock.advance(dt.timedelta(milliseconds=1 if wait else 0))
        post(store, "dead", "live")
        work()
        tried.append((before, receivers.asked["dead"]))
    assert tried == [(1, 1), *((n, n + 1) for n in range(1, 8))]
    assert receivers.answered == {"live": 9}
    receivers.dead = ()
    clock.advance(dt.timedelta(hours=1) + LONGEST_WAIT)
    work()
    assert states(kernel_database) == {"sent": 9 + 11}


def test_what_waits_too_long_is_given_up_though_its_turn_never_came(kernel_database: Database) -> None:
    """A receiver that is gone for good leaves no heap: its other notices go with the one that was tried."""
    clock = FrozenClock(NOON)
    store = a_store(kernel_database, clock)
    post(store, *["dead"] * (BATCH + 2), "live")
    post(store, "dead", channel="email")
    with kernel_database.write() as connection:
        live = courier_message.c.recipient.in_(
            select(courier_message.c.recipient)
            .group_by(courier_message.c.recipient)
            .having(func.count() == 1)
        )
        later = NOON + dt.timedelta(days=9)
        connection.execute(update(courier_message).where(live).values(next_at=later))
    clock.advance(dt.timedelta(hours=73))
    worker = a_worker(store, Receivers(dead=("dead",)))
    assert (worker.run_once(), worker.run_once()) == (True, False)
    assert states(kernel_database) == {"abandoned": BATCH + 1, "queued": 3}


def test_a_refusal_is_an_answer(kernel_database: Database) -> None:
    """Who refuses one notice for good is there, and is told the next at once."""

    class Refusing:
        def deliver(self, envelope: Envelope) -> None:
            raise PermanentFailure("no")

    store = a_store(kernel_database, FrozenClock(NOON))
    post(store, "rp", "rp")
    worker = a_worker(store, Refusing())
    assert (worker.run_once(), worker.run_once(), worker.run_once()) == (True, True, False)
    assert states(kernel_database) == {"abandoned": 2}


def test_each_courier_takes_its_own_channels(kernel_database: Database) -> None:
    """Mail waits for no notice, and no notice for mail."""
    store, carrier = a_store(kernel_database, FrozenClock(NOON)), MemoryCarrier()
    post(store, "a", channel="email")
    post(store, "b", channel="sms")
    post(store, "c")
    mail = CourierWorker(
        store, {"email": carrier}, node="n", share=Share(but_channels=frozenset({"sms", "notice"}))
    )
    text = CourierWorker(store, {"sms": carrier}, node="n", share=Share(frozenset({"sms"})))
    assert (mail.run_once(), mail.run_once(), text.run_once()) == (1, 0, 1)
    assert a_worker(store, carrier).run_once()
    assert [envelope.payload["to"] for envelope in carrier.sent] == ["a", "b", "c"]


def test_a_slow_relay_never_lets_two_nodes_send_the_same_mail(kernel_database: Database) -> None:
    """What is not begun within half of its lease is given back, uncounted."""
    clock = FrozenClock(NOON)
    store, other = a_store(kernel_database, clock), MemoryCarrier()

    class Slow:
        sent = 0

        def deliver(self, envelope: Envelope) -> None:
            self.sent += 1
            clock.advance(dt.timedelta(seconds=31))

    slow = Slow()
    post(store, *"abc", channel="email")
    assert CourierWorker(store, {"email": slow}, node="n1").run_once() == 1
    assert CourierWorker(store, {"email": other}, node="n2").run_once() == 2
    assert (slow.sent, len(other.sent)) == (1, 2)
    with kernel_database.read() as connection:
        assert connection.scalars(select(courier_message.c.attempts)).all() == [1, 1, 1]


def test_a_worker_that_is_told_to_stop_begins_no_other_mail(kernel_database: Database) -> None:
    """A relay may take many seconds over each; whoever goes on has them at once, and uncounted."""
    store, stop, other = a_store(kernel_database, FrozenClock(NOON)), threading.Event(), MemoryCarrier()

    class Told:
        sent = 0

        def deliver(self, envelope: Envelope) -> None:
            self.sent += 1
            stop.set()

    told = Told()
    post(store, *"abc", channel="email")
    CourierWorker(store, {"email": told}, node="n1").run(stop)
    assert (told.sent, states(kernel_database)) == (1, {"queued": 2, "sent": 1})
    assert CourierWorker(store, {"email": other}, node="n2").run_once() == 2
    with kernel_database.read() as connection:
        assert connection.scalars(select(courier_message.c.attempts)).all() == [1, 1, 1]


def test_a_worker_that_is_told_to_stop_while_it_claims_begins_none(kernel_database: Database) -> None:
    store, carrier, stop = a_store(kernel_database, FrozenClock(NOON)), MemoryCarrier(), threading.Event()
    stop.set()
    post(store, *"ab", channel="email")
    assert CourierWorker(store, {"email": carrier}, node="n1").run_once(stop) == 0
    assert CourierWorker(store, {"email": carrier}, node="n2").run_once() == 2
