"""Units of work: data, audit and messages are committed together or not at all."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text, update

from kernel.audit import SYSTEM, Actor, verify_chains
from kernel.clock import FrozenClock
from kernel.courier import outbox
from kernel.courier.carriers import Carrier, PermanentFailure, TransientFailure
from kernel.courier.memory import MemoryCarrier
from kernel.courier.outbox import Envelope
from kernel.courier.worker import CourierWorker
from kernel.crypto import KeyRing, Sealer
from kernel.database import Database
from kernel.errors import AuditError, NestedUnitError
from kernel.origin import Origin, origin
from kernel.randomness import SystemRandomness
from kernel.ratelimit import Limit, forget, give_back_at_last, sweep, take
from kernel.store import Store
from kernel.sweeping import BATCH
from kernel.tables import audit_chain, audit_event, courier_message, rate_limit
from tests.support.statements import recorded, whole_reads
from tests.support.together import done_or_waiting

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
CLERK = Actor("account", "01A", "01S")


def a_store(database: Database, clock: FrozenClock | None = None) -> Store:
    chance = SystemRandomness()
    return Store(database, clock or FrozenClock(NOON), chance, Sealer(KeyRing({1: b"k" * 32}), chance))


def deed(store: Store, number: int = 1) -> None:
    with store.write() as unit:
        unit.audit.record("test:thing:made", actor=CLERK, target=str(number), details={"number": number})


def test_a_deed_that_fails_leaves_no_trace(kernel_database: Database) -> None:
    """I-12: nothing is delivered and nothing is audited for a rolled-back transaction."""
    store = a_store(kernel_database)
    with pytest.raises(RuntimeError), store.write() as unit:
        unit.audit.record("test:thing:made", actor=CLERK)
        unit.courier.post_email(to="a@x.example", subject="s", text="t")
        raise RuntimeError
    with store.read() as connection:
        for table in (audit_event, audit_chain, courier_message):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
    deed(store)
    assert verify_chains(kernel_database).faults == []


def test_a_unit_within_a_unit_of_the_same_thread_is_told_at_once(kernel_database: Database) -> None:
    """It would wait for itself for ever, or not see it. The outer one goes on, and so do this thread and others."""
    store = a_store(kernel_database)
    with ThreadPoolExecutor(1) as others:
        with store.write() as outer:
            outer.audit.record("test:thing:made", actor=CLERK, target="1")
            with pytest.raises(NestedUnitError, match="write in that one"):
                deed(store, 2)
            outer.audit.record("test:thing:made", actor=CLERK, target="3")
            beside = others.submit(deed, store, 4)
        beside.result(60)
    with pytest.raises(RuntimeError), store.write():
        raise RuntimeError
    deed(store, 5)
    with store.read() as connection:
        targets = connection.execute(select(audit_event.c.target)).scalars().all()
    assert sorted(targets) == ["1", "3", "4", "5"]


def test_a_chain_goes_on_after_a_failed_deed(kernel_database: Database) -> None:
    store = a_store(kernel_database)
    deed(store)
    with pytest.raises(RuntimeError), store.write() as unit:
        unit.audit.record("test:thing:made", actor=CLERK)
        raise RuntimeError
    deed(store)
    report = verify_chains(kernel_database)
    assert (report.chains, report.events, report.faults) == (1, 2, [])


def test_a_secret_named_in_the_audit_stops_the_deed(kernel_database: Database) -> None:
    """A deed that cannot be audited does not happen; secrets never enter the audit (LI)."""
    with pytest.raises(AuditError), a_store(kernel_database).write() as unit:
        unit.audit.record("test:thing:made", actor=SYSTEM, details={"new_password": "x"})


def test_a_snapshot_shows_one_state_and_a_plain_look_the_latest(kernel_database: Database) -> None:
    store = a_store(kernel_database)
    count = select(func.count()).select_from(audit_event)
    with store.snapshot() as seen, store.read() as latest:
        assert (seen.scalar(count), latest.scalar(count)) == (0, 0)
        deed(store)
        assert (seen.scalar(count), latest.scalar(count)) == (0, 1)
    with store.snapshot() as seen:
        assert seen.scalar(count) == 1
    deed(store, 2)  # the connection that looked writes again


def test_the_audit_names_where_the_request_came_from(kernel_database: Database) -> None:
    store = a_store(kernel_database)
    with origin(Origin("192.0.2.7", "R1", "UA")):
        deed(store)
    with store.read() as connection:
        row = connection.execute(select(audit_event)).one()
    assert (row.address, row.request_id, row.actor_id, row.session) == ("192.0.2.7", "R1", "01A", "01S")


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_event SET target = 'x' WHERE seq = 2",
        "UPDATE audit_event SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 2",
        "DELETE FROM audit_event WHERE seq = 2",
        "UPDATE audit_event SET seq = 9 WHERE seq = 2",
        "UPDATE audit_event SET chain = '01ARZ3NDEKTSV4RRFFQ69G5FAV' WHERE seq = 3",
        "UPDATE audit_chain SET node = 'other'",
        "DELETE FROM audit_chain",
    ],
)
def test_tampering_is_found(kernel_database: Database, tampering: str) -> None:
    """I-13, I8: editing, deleting or moving a row breaks the chain."""
    store = a_store(kernel_database)
    for number in range(3):
        deed(store, number)
    assert verify_chains(kernel_database).faults == []
    with kernel_database.write() as connection:
        connection.execute(text(tampering))
    assert verify_chains(kernel_database).faults


def test_writers_on_many_nodes_keep_sound_chains(kernel_database: Database) -> None:
    """Many nodes and threads write at once: no row is lost and every chain verifies.

    A node has one chain for each unit that is committed at the same time, so one on SQLite.
    """
    stores = [a_store(kernel_database) for _ in range(4)]
    barrier = threading.Barrier(16)

    def work(store: Store) -> None:
        barrier.wait()
        for number in range(5):
            deed(store, number)

    threads = [threading.Thread(target=work, args=(stores[index % 4],)) for index in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = verify_chains(kernel_database)
    assert (report.events, report.faults) == (80, [])
    assert report.chains in ({4} if kernel_database.dialect == "sqlite" else range(4, 17))


class Failing:
    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def deliver(self, envelope: Envelope) -> None:
        raise self.failure


def post(store: Store, key: str | None = None) -> None:
    with store.write() as unit:
        unit.courier.post_email(
            to="a@x.example", subject="s", text="see https://g.example/activate/abc", dedupe_key=key
        )


def states(store: Store) -> list[tuple[str, int, bool]]:
    with store.read() as connection:
        rows = connection.execute(select(courier_message).order_by(courier_message.c.id)).all()
    return [(row.state, row.attempts, row.payload is None) for row in rows]


def a_worker(store: Store, carrier: Carrier) -> CourierWorker:
    return CourierWorker(store, {"email": carrier}, node="n1")


def test_a_message_is_sent_once_and_its_text_is_wiped(kernel_database: Database) -> None:
    """OB-12: no link stays in the outbox."""
    store, carrier = a_store(kernel_database), MemoryCarrier()
    post(store)
    worker = a_worker(store, carrier)
    assert (worker.run_once(), worker.run_once()) == (1, 0)
    assert states(store) == [("sent", 1, True)]
    assert carrier.last_link_to("a@x.example") == "https://g.example/activate/abc"


def test_a_waiting_message_shows_neither_link_nor_address_in_the_database(kernel_database: Database) -> None:
    """OB-12: payloads are sealed at rest."""
    store = a_store(kernel_database)
    post(store)
    with store.read() as connection:
        row = connection.execute(select(courier_message)).one()
    assert b"activate" not in row.payload
    assert b"a@x" not in row.payload + row.recipient


def test_a_second_message_with_the_same_key_is_dropped(kernel_database: Database) -> None:
    store = a_store(kernel_database)
    post(store, "k")
    post(store, "k")
    assert len(states(store)) == 1


def test_a_passing_failure_is_tried_again_later(kernel_database: Database) -> None:
    clock = FrozenClock(NOON)
    store = a_store(kernel_database, clock)
    post(store)
    a_worker(store, Failing(TransientFailure("away"))).run_once()
    carrier = MemoryCarrier()
    assert a_worker(store, carrier).run_once() == 0
    clock.advance(dt.timedelta(seconds=1))
    assert a_worker(store, carrier).run_once() == 1
    assert states(store) == [("sent", 2, True)]


def test_a_final_failure_is_given_up_and_wiped(kernel_database: Database) -> None:
    store = a_store(kernel_database)
    post(store)
    a_worker(store, Failing(PermanentFailure("no such box"))).run_once()
    assert states(store) == [("abandoned", 1, True)]


def test_a_message_without_a_carrier_is_given_up(kernel_database: Database) -> None:
    store = a_store(kernel_database)
    post(store)
    CourierWorker(store, {}, node="n1").run_once()
    assert states(store) == [("abandoned", 1, True)]


def test_after_three_days_a_message_is_given_up(kernel_database: Database) -> None:
    clock = FrozenClock(NOON)
    store = a_store(kernel_database, clock)
    post(store)
    clock.advance(dt.timedelta(hours=73))
    a_worker(store, Failing(TransientFailure("away"))).run_once()
    assert states(store)[0][0] == "abandoned"


def test_a_carrier_that_crashes_does_not_stop_the_others(kernel_database: Database) -> None:
    store = a_store(kernel_database)
    post(store)
    a_worker(store, Failing(RuntimeError("bug"))).run_once()
    assert states(store) == [("queued", 1, False)]


def test_a_message_of_a_dead_worker_is_taken_over_after_its_lease(kernel_database: Database) -> None:
    clock = FrozenClock(NOON)
    store = a_store(kernel_database, clock)
    post(store)
    with kernel_database.write() as connection:
        connection.execute(
            update(courier_message).values(lease_owner="dead", lease_until=NOON + dt.timedelta(seconds=60))
        )
    carrier = MemoryCarrier()
    assert a_worker(store, carrier).run_once() == 0
    clock.advance(dt.timedelta(seconds=61))
    assert a_worker(store, carrier).run_once() == 1


def test_what_was_sent_or_given_up_long_ago_is_forgotten_in_bites(kernel_database: Database) -> None:
    """OB-12: the outbox stays bounded; what is not sent stays, however old, and nothing is read whole."""
    clock = FrozenClock(NOON)
    store = a_store(kernel_database, clock)
    post(store)
    a_worker(store, Failing(PermanentFailure("no such box"))).run_once()
    for _ in range(BATCH):
        post(store)
    with kernel_database.write() as connection:
        connection.execute(update(courier_message).values(state="sent", payload=None))
    post(store)
    clock.advance(dt.timedelta(days=30))
    post(store)

    def forget(before: dt.datetime) -> int:
        with kernel_database.write() as connection:
            return outbox.sweep(connection, posted_before=before)

    with kernel_database.write() as connection:
        newest = courier_message.c.created_at > NOON
        connection.execute(update(courier_message).where(newest).values(state="sent", payload=None))
    assert forget(NOON) == 0
    with recorded(kernel_database) as statements:
        assert [forget(NOON + dt.timedelta(days=1)) for _ in range(3)] == [BATCH, 1, 0]
    assert whole_reads(kernel_database, statements, courier_message.name, where_needed=True) == []
    assert states(store) == [("queued", 0, False), ("sent", 0, True)]


@pytest.mark.race
def test_of_many_workers_one_sends_each_message(kernel_database: Database) -> None:
    store, carrier = a_store(kernel_database), MemoryCarrier()
    for _ in range(40):
        post(store)
    workers = [a_worker(store, carrier) for _ in range(16)]
    barrier = threading.Barrier(16)

    def work(worker: CourierWorker) -> None:
        barrier.wait()
        while worker.run_once():
            pass

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(envelope.id for envelope in carrier.sent) == sorted(
        {envelope.id for envelope in carrier.sent}
    )
    assert len(carrier.sent) == 40


FIVE = Limit("test", 5, dt.timedelta(minutes=1))


def test_a_limit_refuses_what_goes_beyond_it_and_says_how_long(kernel_database: Database) -> None:
    with kernel_database.write() as connection:
        allowed = [take(connection, FIVE, "k", now=NOON + dt.timedelta(seconds=10)).allowed for _ in range(6)]
        more = take(connection, FIVE, "k", now=NOON + dt.timedelta(seconds=20))
    assert allowed == [True] * 5 + [False]
    assert (more.allowed, more.retry_after) == (False, dt.timedelta(seconds=50))


def test_a_limit_starts_anew_when_its_window_is_over(kernel_database: Database) -> None:
    with kernel_database.write() as connection:
        for _ in range(6):
            take(connection, FIVE, "k", now=NOON)
        assert take(connection, FIVE, "k", now=NOON + FIVE.per).used == 1


def test_keys_and_limits_are_counted_apart(kernel_database: Database) -> None:
    other = Limit("other", 5, dt.timedelta(minutes=1))
    with kernel_database.write() as connection:
        take(connection, FIVE, "k", now=NOON, cost=5)
        assert take(connection, FIVE, "l", now=NOON).used == 1
        assert take(connection, other, "k", now=NOON).used == 1
        forget(connection, FIVE, "k")
        assert take(connection, FIVE, "k", now=NOON).used == 1


def test_a_use_is_given_back_in_its_window_alone_and_only_what_was_used(kernel_database: Database) -> None:
    """LK-06: nobody gathers uses by proofs that turned out right."""
    store = a_store(kernel_database)

    def give_back(later: dt.timedelta = dt.timedelta(0), key: str = "k") -> None:
        with store.write() as unit:
            give_back_at_last(unit.transaction, FIVE, key, now=NOON + later)

    def used(later: dt.timedelta = dt.timedelta(0)) -> int:
        with store.write() as unit:
            return take(unit.connection, FIVE, "k", now=NOON + later, cost=0).used

    give_back()
    assert used() == 0, "what was never used is not given back"
    with store.write() as unit:
        for _ in range(3):
            take(unit.connection, FIVE, "k", now=NOON)
    give_back()
    give_back(key="another")
    assert used() == 2
    give_back(FIVE.per)
    assert used(FIVE.per) == 0, "a window that is over is not reckoned against the next"


@pytest.mark.race
def test_nobody_waits_for_a_counter_that_is_given_back_later(postgresql_gateway_database: Database) -> None:
    """LK-07: everybody's counter is not held while somebody's sign-in is concluded."""
    store = a_store(postgresql_gateway_database)
    with store.write() as unit:
        take(unit.connection, FIVE, "", now=NOON)
    with ThreadPoolExecutor(1) as pool, store.write() as unit:
        give_back_at_last(unit.transaction, FIVE, "", now=NOON)
        other = pool.submit(lambda: _take_one(store))
        done_or_waiting(postgresql_gateway_database, other)
        assert other.done()
    with store.write() as unit:
        assert take(unit.connection, FIVE, "", now=NOON, cost=0).used == 1


def _take_one(store: Store) -> int:
    with store.write() as unit:
        return take(unit.connection, FIVE, "", now=NOON).used


def test_what_is_over_is_swept(kernel_database: Database) -> None:
    with kernel_database.write() as connection:
        take(connection, FIVE, "k", now=NOON)
        assert sweep(connection, now=NOON + dt.timedelta(seconds=59)) == 0
        assert sweep(connection, now=NOON + dt.timedelta(minutes=1)) == 1
        assert connection.execute(select(func.count()).select_from(rate_limit)).scalar_one() == 0


@pytest.mark.race
def test_parallel_tries_cannot_slip_past_a_limit(kernel_database: Database) -> None:
    """CVE-2024-4629: simultaneous tries; exactly the allowed number passes."""
    barrier = threading.Barrier(16)
    passed: list[bool] = []

    def work() -> None:
        barrier.wait()
        for _ in range(2):
            with kernel_database.write() as connection:
                passed.append(take(connection, FIVE, "k", now=NOON).allowed)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed.count(True) == 5
