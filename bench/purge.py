"""The purge: what the token endpoint feels while a million rows that are over are removed.

`python -m bench.purge --database sqlite` makes two worlds, each with a web server and the Gateway's
background process on one processor, and fills the tables of one with tokens, codes, grants, proofs, sessions
and flows that ended long ago. The token endpoint of both is measured in turn, round by round, so that the
hour falls on both alike; who is not measured stands still. It prints the medians of the rounds, and ends
with 1 if a p99 more than doubled.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import psutil
from sqlalchemy import Connection, Table, func, select

from bench import load
from bench.server import databases, free_port, served
from bench.workloads import Workload, workloads
from bench.world import make_world, settle
from idp.domain.session import Acr
from idp.storage import tables
from idp.usecases.services import IdpServices
from switchyard import wiring
from switchyard.settings import read_settings

LONG_AGO = dt.timedelta(days=400)
CHUNK = 10_000
MOST = 2.0
WATCHED = ("W3", "W4")
_SHARES = {
    tables.access_token: 40,
    tables.authorization_code: 15,
    tables.grant: 5,
    tables.refresh_token: 15,
    tables.spent_proof: 10,
    tables.session: 5,
    tables.login_flow: 10,
}
_chance = random.Random(7)


@dataclass(slots=True)
class _Side:
    """A world with its servers; the background process stands still until it is this side's turn."""

    services: IdpServices
    port: int
    watched: list[Workload]
    background: psutil.Process
    rounds: dict[str, list[load.Result]] = field(default_factory=dict)

    def take_turn(self, name: str, options: argparse.Namespace) -> None:
        """Measure one workload for a round, beside the background process."""
        load.aim(self.port)
        workload = next(each for each in self.watched if each.name == name)
        self.background.resume()
        try:
            self.rounds.setdefault(name, []).append(_run(workload, self.port, options))
        finally:
            self.background.suspend()

    def middle(self, name: str, of: Callable[[load.Result], float]) -> float:
        """Return the median of the rounds of one workload."""
        return statistics.median(of(each) for each in self.rounds[name])


def main() -> int:
    """Fill, measure, and print the table."""
    parser = argparse.ArgumentParser(prog="bench.purge", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=4)
    options = parser.parse_args()
    os.sched_setaffinity(0, {1 % (os.cpu_count() or 1)})
    with ExitStack() as stack:
        database = stack.enter_context(databases(options.database))
        usual = _side(stack, database("usual"), 0)
        purging = _side(stack, database("purging"), options.rows)
        before = _left(purging.services)
        print(f"{before:,} rows that are over, {options.database}", flush=True)
        for name in WATCHED:
            for number in range(options.rounds):
                for side in (usual, purging) if number % 2 == 0 else (purging, usual):
                    side.take_turn(name, options)
        after = _left(purging.services)
    grown = [_told(name, usual, purging) for name in WATCHED]
    print(f"{before - after:,} of {before:,} rows were removed meanwhile; {after:,} are left")
    return int(max(grown) > MOST or after >= before)


def _side(stack: ExitStack, database_url: str, rows: int) -> _Side:
    folder = Path(tempfile.mkdtemp(prefix="switchyard-purge-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    port = free_port()
    load.aim(port)
    world = make_world(folder, port, users=50, group_sizes=(10,), database_url=database_url)
    services = wiring.gateway_services(read_settings(world.settings_file, {}).gateway)
    stack.callback(services.store.database.dispose)
    filled = _fill(services, world.user_ids[0], rows)
    settle(services.store.database)
    command = [sys.executable, "-m", "switchyard", "gateway"]
    environ = {"SWITCHYARD_SETTINGS": str(world.settings_file)}
    web = [*command, "--only", "web", "--port", str(port)]
    stack.enter_context(served(web, port, environ, path="/readyz"))
    background = stack.enter_context(_background(command, environ))
    while filled and _left(services) == filled:
        time.sleep(0.5)
    background.suspend()
    return _Side(services, port, [each for each in workloads(world) if each.name in WATCHED], background)


def _told(name: str, usual: _Side, purging: _Side) -> float:
    """Print what one workload did on both sides, and return by how much its p99 grew."""

    def p99(done: load.Result) -> float:
        return done.quantile(0.99)

    def line(side: _Side) -> str:
        rate, p50 = (
            side.middle(name, of) for of in (lambda done: done.rate, lambda done: done.quantile(0.5))
        )
        return f"{rate:7,.0f}/s p50 {p50:6.2f} p99 {side.middle(name, p99):6.2f} ms"

    grown = purging.middle(name, p99) / usual.middle(name, p99)
    single = sorted(
        p99(busy) / p99(calm) for calm, busy in zip(usual.rounds[name], purging.rounds[name], strict=True)
    )
    print(
        f"{name} usual {line(usual)} | purging {line(purging)} | p99 {grown:.2f} x"
        f" (rounds {single[0]:.2f} to {single[-1]:.2f})"
    )
    return grown


@contextmanager
def _background(command: list[str], environ: dict[str, str]) -> Iterator[psutil.Process]:
    """Run what runs beside the web server, on its processor, for the body of the ``with``."""
    process = subprocess.Popen(
        [*command, "--only", "background"],
        env={**os.environ, **environ},
        preexec_fn=lambda: os.sched_setaffinity(0, {0}),  # noqa: PLW1509 - before it starts threads
    )
    try:
        time.sleep(8.0)  # until it has started
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _run(workload: Workload, port: int, options: argparse.Namespace) -> load.Result:
    if workload.prepare is not None:
        workload.prepare()
    done = load.run(
        port, workload.next, workload.seen, seconds=options.seconds, connections=options.connections
    )
    assert not done.faults, done.faults[0][:300]
    return done


def _left(services: IdpServices) -> int:
    """Return how many rows are over, as the planted ones are."""
    over = services.store.clock.now() - LONG_AGO
    with services.store.read() as connection:
        return sum(
            connection.scalar(select(func.count()).select_from(table).where(table.c.expires_at <= over)) or 0
            for table in _SHARES
        )


def _fill(services: IdpServices, account_id: str, rows: int) -> int:
    ended = services.store.clock.now() - LONG_AGO - dt.timedelta(days=1)
    number = rows * _SHARES[tables.grant] // 100
    grants = [services.store.randomness.ulid(ended) for _ in range(number)]
    filled = 0
    with services.store.database.write() as connection:
        _store(connection, tables.grant, (_a_grant(each, account_id, ended) for each in grants))
        filled += len(grants)
        for table, share in _SHARES.items():
            if table is tables.grant:
                continue
            count = rows * share // 100
            _store(connection, table, (_a_row(table, account_id, grants, ended) for _ in range(count)))
            filled += count
    return filled


def _store(connection: Connection, table: Table, rows: Iterator[dict[str, object]]) -> None:
    while chunk := list(islice(rows, CHUNK)):
        connection.execute(table.insert(), chunk)


def _a_grant(grant_id: str, account_id: str, ended: dt.datetime) -> dict[str, object]:
    return {
        "id": grant_id,
        "client_id": "web",
        "account_id": account_id,
        "scope": "openid",
        "subject": account_id,
        "created_at": ended,
        "revoked_reason": "",
        "expires_at": ended,
    }


def _a_row(table: Table, account_id: str, grants: list[str], ended: dt.datetime) -> dict[str, object]:
    """Return a row that ended long ago, with every column that it needs."""
    values: dict[str, object] = {
        "digest": _chance.randbytes(32),
        "browser": _chance.randbytes(32),
        "grant_id": _chance.choice(grants),
        "account_id": account_id,
        "client_id": "web",
        "client_name": "Web",
        "subject": account_id,
        "scope": "openid profile",
        "audience": "https://example.org",
        "redirect_uri": "https://example.org/callback",
        "request": {"scope": "openid profile", "nonce": "n" * 22, "state": "s" * 22},
        "demands": {},
        "achieved": [],
        "kind": "sign-in",
        "login_hint": "",
        "step": 0,
        "tries": 0,
        "acr": Acr.TWO_FACTORS,
        "amr": ["pwd", "otp"],
        "address": "192.0.2.1",
        "user_agent": "bench",
        "ended_reason": "",
    }
    moments = ("created_at", "issued_at", "started_at", "authenticated_at", "last_seen_at", "expires_at")
    values |= dict.fromkeys(moments, ended)
    row = {name: values[name] for name in table.columns.keys() & values.keys()}
    if "id" in table.columns:
        row["id"] = _chance.randbytes(32) if table is tables.login_flow else _chance.randbytes(13).hex()
    return row


if __name__ == "__main__":
    sys.exit(main())
