"""What Prometheus is told: of all processes of a node, and of what waits in the database."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from kernel.clock import FrozenClock
from kernel.counters import Counters, shared_file
from kernel.database import Database
from kernel.settings import KernelSettings
from kernel.web.http import Response
from registration.domain.outbox import Aggregate, Health, Lane, after_failure
from registration.storage.outbox import enqueue, put_health
from switchyard import counted, metrics
from switchyard.metrics import WAITING, NodeMetrics
from tests.support.clock import NOON, a_store
from tests.support.ports import free_base_port
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.store import Store
    from switchyard.revisions import System
    from tests.support.databases import Databases


def told(store: Store, system: System, handle: int | None = None) -> dict[str, float]:
    """Return what a node says, by series."""
    registry = CollectorRegistry()
    registry.register(NodeMetrics(store, WAITING[system], handle))
    return _read(generate_latest(registry).decode())


def _read(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(number) for name, _, number in lines}


def test_what_waits_in_registration_is_told_by_lane_with_its_lag(registration_database: Database) -> None:
    """I-16: a worker that stands still shows: nothing else tells of it until somebody misses her access."""
    clock = FrozenClock(NOON)
    store = a_store(registration_database, clock=clock)
    assert "switchyard_deliveries_waiting" not in str(told(store, "registration"))
    with store.write() as unit:
        for number, lane in enumerate((Lane.DENY, Lane.GRANT, Lane.GRANT)):
            enqueue(
                unit.connection,
                unit.randomness,
                kind=Aggregate.USER,
                aggregate_id=str(number),
                lane=lane,
                now=unit.now,
                request_id=None,
            )
        unit.courier.post_email(to="somebody@x.example", subject="s", text="t")
    clock.advance(dt.timedelta(minutes=2))
    found = told(store, "registration")
    assert found['switchyard_deliveries_waiting{lane="deny"}'] == 1
    assert found['switchyard_deliveries_waiting{lane="grant"}'] == 2
    assert found['switchyard_deliveries_waiting_oldest_seconds{lane="grant"}'] == 120
    assert found['switchyard_messages_waiting{channel="email"}'] == 1
    assert found['switchyard_messages_waiting_oldest_seconds{channel="email"}'] == 120
    assert found["switchyard_database_answers"] == 1
    assert "somebody" not in str(found)


def test_a_gateway_that_fails_is_told_with_the_time_since(registration_database: Database) -> None:
    """What waits is tried again and again, so that nothing is overdue for long: the first failure counts."""
    clock = FrozenClock(NOON)
    store = a_store(registration_database, clock=clock)
    with store.write() as unit:
        put_health(unit.connection, after_failure(Health(), now=unit.now, cause="unreachable"))
    clock.advance(dt.timedelta(minutes=5))
    found = told(store, "registration")
    assert found['switchyard_delivery_targets_failing{cause="unreachable"}'] == 1
    assert found['switchyard_delivery_targets_failing_oldest_seconds{cause="unreachable"}'] == 300
    with store.write() as unit:
        put_health(unit.connection, Health())
    assert "targets_failing" not in str(told(store, "registration"))


def test_what_the_gateway_refused_for_good_is_told_apart(registration_database: Database) -> None:
    store = a_store(registration_database)
    with store.write() as unit:
        enqueue(
            unit.connection,
            unit.randomness,
            kind=Aggregate.USER,
            aggregate_id="1",
            lane=Lane.GRANT,
            now=unit.now,
            request_id=None,
        )
        unit.connection.exec_driver_sql("UPDATE outbox SET state = 'dead'")
    found = told(store, "registration")
    assert found['switchyard_deliveries_failed{state="dead"}'] == 1
    assert not [series for series in found if series.startswith("switchyard_deliveries_waiting")]


def test_a_gateway_tells_of_its_own_queues(gateway_database: Database) -> None:
    found = told(a_store(gateway_database), "gateway")
    assert found["switchyard_events_waiting"] == found["switchyard_deferred_requests_waiting"] == 0
    assert not [series for series in found if "deliveries" in series]


def test_a_database_that_is_away_is_told_and_the_counters_with_it() -> None:
    """What is counted is known all the same; of what waits nothing is made up."""
    database = Database("postgresql://nobody@/none?host=/nowhere")
    with shared_file() as handle:
        counters = Counters()
        counters.keep(handle)
        counters.add((counted.DEEDS, "gateway:sign-in:refused", "refused"))
        found = told(a_store(database), "gateway", handle)
    database.dispose()
    assert found == {
        'switchyard_deeds_total{deed="gateway:sign-in:refused",outcome="refused"}': 1,
        "switchyard_database_answers": 0,
    }


def test_everything_that_is_counted_is_told(
    sqlite_gateway_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests, their times, deeds, tokens by grant, waits for hashes, writers in each other's way."""
    with shared_file() as handle:
        counters = Counters()
        counters.keep(handle)
        monkeypatch.setattr(counted, "COUNTERS", counters)
        counted.deeds(
            [{"tag": "gateway:token:issued", "outcome": "done", "details": {"grant_type": "refresh_token"}}]
        )
        counted.waited(0.3)
        counted.stood_in_the_way("late")
        counted.counting(lambda _path, status: Response(status))("/secret", 408)
        found = told(a_store(sqlite_gateway_database), "gateway", handle)
    assert found['switchyard_tokens_issued_total{grant_type="refresh_token"}'] == 1
    assert found['switchyard_deeds_total{deed="gateway:token:issued",outcome="done"}'] == 1
    assert found['switchyard_password_hash_wait_seconds_bucket{le="0.25"}'] == 0
    assert found['switchyard_password_hash_wait_seconds_bucket{le="0.5"}'] == 1
    assert found["switchyard_password_hash_wait_seconds_count"] == 1
    assert found["switchyard_password_hash_wait_seconds_sum"] == pytest.approx(0.3)
    assert found['switchyard_contention_total{how="late"}'] == 1
    assert found['switchyard_requests_total{face="other",method="other",route="other",status="408"}'] == 1


def test_nothing_is_served_where_nobody_asks_for_it(sqlite_gateway_database: Database) -> None:
    """The default: no address, no thread, nothing counted."""
    assert metrics.metrics_background(KernelSettings(), a_store(sqlite_gateway_database), ()) == {}


@pytest.fixture
def node(sqlite_databases: Databases, tmp_path: Path) -> Iterator[tuple[str, str, int]]:
    """Give a Gateway of two workers, as it is run: its address, that of its metrics, and its process."""
    base = free_base_port(1)
    environ = {
        "PUBLIC_URL": f"http://127.0.0.1:{base}",
        "DATABASE_URL": sqlite_databases.url("empty"),
        "KEY_FILE": str(tmp_path / "kek.txt"),
        "WORKERS": "2",
        "METRICS_ADDRESS": f"127.0.0.1:{base + 1}",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "switchyard", "gateway"],
        env={
            **os.environ,
            **{f"SWITCHYARD_GATEWAY__KERNEL__{name}": value for name, value in environ.items()},
        },
        stderr=subprocess.DEVNULL,
    )
    gateway, place = environ["PUBLIC_URL"], f"http://127.0.0.1:{base + 1}/metrics"
    try:
        wait_until(lambda: _answers(f"{gateway}/readyz") and _answers(place), "the node", seconds=90)
        yield gateway, place, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def _served(place: str) -> float:
    return _read(httpx.get(place).text).get(
        'switchyard_requests_total{face="oidc",method="GET",route="/.well-known/openid-configuration",status="200"}',
        0.0,
    )


@pytest.mark.timeout(180)
def test_all_workers_of_a_node_are_told_together_and_outlived(node: tuple[str, str, int]) -> None:
    """Whichever served a request; a worker that is killed takes nothing of it along."""
    gateway, place, pid = node
    discovery = f"{gateway}/.well-known/openid-configuration"
    for _ in range(40):  # each on a connection of its own, which the system hands to any worker
        assert httpx.get(discovery).json()["issuer"] == gateway
    assert _served(place) == 40
    web = next(each for each in psutil.Process(pid).children() if "web" in each.cmdline())
    killed = web.children()
    for worker in killed:
        worker.kill()
    wait_until(
        lambda: _answers(discovery) and not set(killed) & set(web.children()), "other workers", seconds=90
    )
    before = _served(place)
    assert before >= 41
    assert httpx.get(discovery).is_success
    assert _served(place) == before + 1
    assert httpx.get(f"{gateway}/metrics").status_code == 404


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_who_says_nothing_makes_room_for_who_asks(sqlite_gateway_database: Database, host: str) -> None:
    """Each had a thread of its own, for as long as it liked: whoever reaches the address had all of the memory."""
    port = free_base_port(0)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    kernel = KernelSettings(metrics_address=place)
    serve = metrics.metrics_background(kernel, a_store(sqlite_gateway_database), WAITING["gateway"])[
        "metrics"
    ]
    stop = threading.Event()
    server = threading.Thread(target=serve, args=(stop,))
    before = threading.active_count()
    server.start()
    with ExitStack() as held:
        held.callback(server.join)
        held.callback(stop.set)
        wait_until(lambda: _answers(f"http://{place}/metrics"), "the server")
        silent = [held.enter_context(socket.create_connection((host, port))) for _ in range(50)]
        for each in silent:
            each.sendall(b"GET /metrics HTTP/1.1\r\nHost: a")
        assert "switchyard_database_answers 1.0" in httpx.get(f"http://{place}/metrics").text
        assert silent[0].recv(1) == b"", "the first of them was ended"
        assert threading.active_count() <= before + 2 + 8
        assert httpx.get(f"http://{place}/metrics").is_success


def test_a_place_that_is_taken_is_named(sqlite_databases: Databases, tmp_path: Path) -> None:
    """As that of the web server: the sentence names it, and the code says that it may go well another time."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "switchyard", "gateway", "--only", "background"],
            env={
                **os.environ,
                "SWITCHYARD_GATEWAY__KERNEL__DATABASE_URL": sqlite_databases.url("empty"),
                "SWITCHYARD_GATEWAY__KERNEL__KEY_FILE": str(tmp_path / "kek.txt"),
                "SWITCHYARD_GATEWAY__KERNEL__METRICS_ADDRESS": place,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 75, done.stderr
    assert place.replace(":", " port ") in done.stderr
