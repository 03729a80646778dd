"""What a password login takes beside its hash: its requests from first to last, less the one verification.

One connection signs in again and again, so nobody waits for anybody. The processor's time is that of all
processes of the server while it does, less what the verifications took of it; the clock's is what the client
waited for its answers, less what the verification of the same login took. Both are told by the server about
the very hashes that it made (:mod:`bench.hash_times`): two figures of some 20 ms, measured apart, would
differ by more than what is left. So caches that a hash leaves full of its own belong to that rest.

After each round there is one in which the server leaves the hash out: what a login costs by itself.
On PostgreSQL the processor time is the Gateway's; that of the database's server shows in the clock's.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field, replace

import psutil

from bench import hash_times, load
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
    rates: list[float] = field(default_factory=list)
    """Logins a second, round by round."""
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
    """Sign in for all rounds; return lines for a login by itself, for what is beside a hash, for the hash."""
    file = driven.world.hash_times
    load.aim(driven.port)
    alone, hashing = Logins(), Logins()
    connection = Connection(driven.port, Lane(0))
    try:
        _sign_in(connection, workload, driven.world, WARM_UP, Logins())
        for _ in range(driven.options.rounds):
            _round(connection, workload, driven, hashing)
            hash_times.leave_out(file, left_out=True)
            _round(connection, workload, driven, alone)
            hash_times.leave_out(file, left_out=False)
    finally:
        hash_times.leave_out(file, left_out=False)
        connection.socket.close()
    line = Line(
        workload.name,
        workload.what,
        statements=counts.statements,
        signatures=counts.signatures,
        memory=resident(driven.process),
        bounds=workload.bounds,
    )
    return lines_of(alone, hashing, line)


def lines_of(alone: Logins, hashing: Logins, line: Line) -> list[Line]:
    """Return ``line`` with what logins took ``alone``, and lines of those that were ``hashing``."""
    return [
        _line(replace(line, faults=alone.faults[:2]), alone.rates, alone.rest, alone.processor),
        _line(
            Line(
                "W8/rest",
                "the same beside its hash, caches cold",
                faults=hashing.faults[:2],
                memory=line.memory,
            ),
            hashing.rates,
            hashing.rest,
            hashing.processor,
        ),
        _line(
            Line("W8/hash", "its hash, as the server has it", memory=line.memory),
            hashing.rates,
            hashing.hashes,
            hashing.hash_processor,
        ),
    ]


def _line(line: Line, rates: list[float], times: list[float], processor: float) -> Line:
    many = len(times) or 1
    found = Result(many, 1, times)
    return replace(
        line, rates=rates, p50=found.quantile(0.5), p99=found.quantile(0.99), cpu=processor / many * 1e6
    )


def _round(connection: Connection, workload: Workload, driven: Driven, logins: Logins) -> None:
    file, process = driven.world.hash_times, driven.process
    before, spent, begin = told(file), processor_time(process), time.perf_counter()
    _sign_in(connection, workload, driven.world, driven.options.seconds, logins)
    seconds = time.perf_counter() - begin
    hashed = told(file).since(before)
    logins.add_round(processor_time(process) - spent, hashed)
    logins.rates.append(hashed.ended / seconds)


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
