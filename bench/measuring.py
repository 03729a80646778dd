"""One line of the table: a workload, driven round by round, and what that showed."""

from __future__ import annotations

import argparse
import re
import statistics
import time
from dataclasses import dataclass, field
from functools import partial

import psutil

from bench import load
from bench.counting import Told
from bench.load import Result
from bench.offered import offer
from bench.server import processor_time, resident
from bench.workloads import Bound, Workload

CONNECTIONS = 16
WARM_UP = 0.5
LARGEST = 120.0
"""MB that a worker may take."""
_GIVEN_BACK = 2.5
"""Seconds after a hash, or a long answer, in which its memory goes back to the system."""
_BESIDE_FLASK = frozenset({"W1", "W2", "W6", "W7"})
_NUMBERED = re.compile(r"[\d,]+ (?=users|members)|(?<= of )[\d,]+$")


@dataclass(slots=True)
class Line:
    """What was measured of one workload."""

    name: str
    what: str
    target: float = 0
    rates: list[float] = field(default_factory=list)
    """Per second, of each round; none where nothing was driven."""
    p50: float = 0
    p99: float = 0
    cpu: float = 0
    """Microseconds of a processor for a unit."""
    statements: str = "-"
    signatures: str = "-"
    memory: float = 0
    faults: list[str] = field(default_factory=list)
    bounds: tuple[Bound, ...] = ()

    @property
    def rate(self) -> float:
        """The median of the rounds, per second."""
        return statistics.median(self.rates) if self.rates else 0.0

    @property
    def spread(self) -> str:
        """The slowest and the fastest round."""
        return f"{min(self.rates):,.0f}-{max(self.rates):,.0f}" if self.rates else ""

    @property
    def reached(self) -> str:
        """How much of the target was reached."""
        return f"{self.rate / self.target:.0%}" if self.target else ""

    @property
    def kind(self) -> str:
        """What is measured, whatever the size: lines of one kind should be flat."""
        return _NUMBERED.sub("", self.what).strip()

    @property
    def size(self) -> str:
        """The number of users or members, where there is one."""
        found = _NUMBERED.search(self.what)
        return found[0].strip() if found else ""

    def beside(self, flask: Line | None, smallest: float) -> str:
        """Set it beside the bare Flask route, or beside the rate at the smallest size."""
        if self.name in _BESIDE_FLASK and flask is not None:
            return f"{self.rate / flask.rate:.2f} x bare Flask"
        return f"{self.rate / smallest:.2f} x smallest" if self.name.startswith("S") and smallest else ""


class Measured:
    """A workload against its server; every round adds to the line.

    With ``offered`` so many units a second are offered, whatever the server makes of them.
    """

    def __init__(
        self, workload: Workload, process: psutil.Process, port: int, told: Told, *, offered: float = 0.0
    ) -> None:
        self._workload, self._process, self._port, self._told = workload, process, port, told
        self._drive = partial(offer, rate=offered) if offered else load.run
        self._rates: list[float] = []
        self._times: list[float] = []
        self._faults: list[str] = []
        self._units, self._spent = 0, 0.0

    def prepare(self) -> None:
        """Do what comes before the first round."""
        load.aim(self._port)
        if self._workload.prepare is not None:
            self._workload.prepare()

    def round(self, seconds: float) -> None:
        """Drive the workload for ``seconds`` after a short warm-up."""
        load.aim(self._port)
        if self._workload.stock is not None:
            self._workload.stock(seconds + WARM_UP)
        before = processor_time(self._process)
        done: Result = self._drive(
            self._port,
            self._workload.next,
            self._workload.seen,
            seconds=seconds,
            connections=self._workload.connections,
            warm_up=WARM_UP,
        )
        self._spent += (processor_time(self._process) - before) * seconds / (seconds + WARM_UP)
        self._units += done.units
        self._rates.append(done.rate)
        self._times += done.times
        self._faults += done.faults

    def line(self) -> Line:
        """Return what all rounds showed."""
        whole = Result(self._units, 1, self._times)
        return Line(
            self._workload.name,
            self._workload.what,
            self._workload.target,
            self._rates,
            whole.quantile(0.5),
            whole.quantile(0.99),
            self._spent / self._units * 1e6 if self._units else 0.0,
            self._told.statements,
            self._told.signatures,
            resident(self._process),
            self._faults[:2],
            self._workload.bounds,
        )


def measure(
    workload: Workload,
    process: psutil.Process,
    port: int,
    options: argparse.Namespace,
    told: Told,
    *,
    offered: float = 0.0,
) -> Line:
    """Run one workload for all its rounds."""
    measured = Measured(workload, process, port, told, offered=offered)
    measured.prepare()
    for _ in range(options.rounds):
        measured.round(options.seconds)
    return measured.line()


def memory_at_rest(process: psutil.Process) -> Line:
    """Wait until the server has given back what the last requests needed, and return what it keeps."""
    time.sleep(_GIVEN_BACK)
    bounds = (Bound("memory", LARGEST),)
    return Line("M", "memory of the worker, after it all", memory=resident(process), bounds=bounds)


def show(lines: list[Line]) -> None:
    """Print lines as they come."""
    for line in lines:
        if not line.rates:
            print(f"{line.name:10} {line.what:44} {line.memory:.0f} MB", flush=True)
            continue
        print(
            f"{line.name:10} {line.what:44} {line.rate:>9,.0f}/s {line.spread:>17} p50 {line.p50:8.2f} ms"
            f" p99 {line.p99:8.2f} ms {line.cpu:8.0f} us CPU"
            f"  {line.statements:>16} statements, signatures {line.signatures:22} {line.memory:5.0f} MB"
            f"{'  FAULTS ' + '; '.join(line.faults) if line.faults else ''}",
            flush=True,
        )


def table(lines: list[Line], options: argparse.Namespace) -> str:
    """Return the measured lines as a Markdown table."""
    beside = f", on the processor of the {options.beside}" if options.database == "postgresql" else ""
    how = (
        f"Database: {options.database}{beside}; one worker on one processor, {CONNECTIONS} connections, "
        f"median of {options.rounds} rounds of {options.seconds:g} s."
    )
    head = (
        "| | workload | per second | min-max | p50 ms | p99 ms | CPU us | statements | signatures | MB "
        "| target | reached | beside |"
    )
    rows = [how, "", head, "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|"]
    flask = next((line for line in lines if line.name == "F-flask"), None)
    smallest: dict[str, float] = {}
    for line in lines:
        smallest.setdefault(line.kind, line.rate)
        target = f"{line.target:,.0f}" if line.target else ""
        driven = (
            f"{line.rate:,.0f} | {line.spread} | {line.p50:.2f} | {line.p99:.2f} | {line.cpu:.0f} "
            f"| {line.statements} | {line.signatures}"
        )
        rows.append(
            f"| {line.name} | {line.what} | {driven if line.rates else ' | ' * 6}"
            f" | {line.memory:.0f} | {target} | {line.reached} | {line.beside(flask, smallest[line.kind])} |"
        )
    return "\n".join(rows) + "\n"
