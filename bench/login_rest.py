"""What a password login takes beside its hash: its requests from first to last, less the one verification.

One connection signs in again and again, so nobody waits for anybody. The processor's time is that of all
processes of the server while it does, less what the verifications took of it; the clock's is what the client
waited for its answers, less what the verification of the same login took. Both are told by the server about
the very hashes that it made (:mod:`bench.hash_times`): two figures of some 20 ms, measured apart, would
differ by more than what is left. So caches that a hash leaves full of its own belong to the rest.
On PostgreSQL the processor time is the Gateway's; that of the database's server shows in the clock's.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field, replace

import psutil

from bench import load
from bench.counting import Told
from bench.hash_times import HashTimes, told
from bench.load import Connection, Lane, Result, judged
from bench.measuring import WARM_UP, Line
from bench.server import processor_time, resident
from bench.workloads import Workload
from bench.world import SESSIONS, World


@dataclass(slots=True)
class Logins:
    """Logins one after the other: how long each took, beside its hash and with it."""

    rest: list[float] = field(default_factory=list)
    hashes: list[float] = field(default_factory=list)
    processor: float = 0.0
    """Seconds of a processor that all of them took, the hashes apart."""
    hash_processor: float = 0.0
    faults: list[str] = field(default_factory=list)

    def add(self, waited: float, hashed: HashTimes) -> None:
        """Add one login, whose client waited so long for its answers."""
        if hashed.ended != 1:
            self.faults.append(f"{hashed.ended} verifications in one login")
        self.rest.append(waited - hashed.clock)
        self.hashes.append(hashed.clock)

    def add_round(self, processor: float, hashed: HashTimes) -> None:
        """Add what all logins of a round took of the processor, their hashes among it."""
        self.processor += processor - hashed.processor
        self.hash_processor += hashed.processor


@dataclass(frozen=True, slots=True)
class Driven:
    """A world with the server that is driven, and how."""

    world: World
    process: psutil.Process
    port: int
    options: argparse.Namespace


def measure_rest(workload: Workload, driven: Driven, counts: Told) -> list[Line]:
    """Sign in for all rounds; return a line for what is beside the hash, and one for the hash."""
    world, process, options = driven.world, driven.process, driven.options
    load.aim(driven.port)
    logins, rates = Logins(), []
    connection = Connection(driven.port, Lane(0))
    try:
        _sign_in(connection, workload, world, WARM_UP, Logins())
        for _ in range(options.rounds):
            before, spent, begin = told(world.hash_times), processor_time(process), time.perf_counter()
            _sign_in(connection, workload, world, options.seconds, logins)
            seconds = time.perf_counter() - begin
            hashed = told(world.hash_times).since(before)
            logins.add_round(processor_time(process) - spent, hashed)
            rates.append(hashed.ended / seconds)
    finally:
        connection.socket.close()
    line = Line(
        workload.name,
        workload.what,
        rates=rates,
        statements=counts.statements,
        signatures=counts.signatures,
        memory=resident(process),
        faults=logins.faults[:2],
        bounds=workload.bounds,
    )
    return lines_of(logins, line)


def lines_of(logins: Logins, line: Line) -> list[Line]:
    """Return ``line`` with what the logins took beside their hashes, and a line of the hashes."""
    many = len(logins.rest) or 1
    rest, hashes = Result(many, 1, logins.rest), Result(many, 1, logins.hashes)
    return [
        replace(line, p50=rest.quantile(0.5), p99=rest.quantile(0.99), cpu=logins.processor / many * 1e6),
        Line(
            "W8/hash",
            "its hash, as the server has it",
            rates=line.rates,
            p50=hashes.quantile(0.5),
            p99=hashes.quantile(0.99),
            cpu=logins.hash_processor / many * 1e6,
            memory=line.memory,
        ),
    ]


def _sign_in(
    connection: Connection, workload: Workload, world: World, seconds: float, logins: Logins
) -> None:
    end, number = time.perf_counter() + seconds, 0
    while time.perf_counter() < end and not logins.faults:
        connection.lane = Lane(number % SESSIONS)
        number += 1
        before = told(world.hash_times)
        waited = _one_login(connection, workload, logins.faults)
        logins.add(waited, told(world.hash_times).since(before))


def _one_login(connection: Connection, workload: Workload, faults: list[str]) -> float:
    """Sign in once; return for how many seconds answers were waited for."""
    waited = 0.0
    while True:
        request = workload.next(connection.lane)
        begin = time.perf_counter()
        connection.socket.sendall(request)
        while (answer := connection.receive()) is None:
            pass
        waited += time.perf_counter() - begin
        if judged(workload.seen, connection.lane, answer, faults):
            return waited
