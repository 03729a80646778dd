"""One line of the table: a workload, driven round by round, and what that showed."""

from __future__ import annotations

import argparse
import re
import statistics
from dataclasses import dataclass

import psutil

from bench import load
from bench.load import Result
from bench.server import processor_time, resident
from bench.workloads import Workload
from bench.world import World, count_statements

CONNECTIONS = 16
WARM_UP = 0.5
_ABOVE_FLASK = frozenset({"W1", "W2", "W6", "W7"})
_FIRST_SHARE = {"W3": 0.6, "W4": 0.6}
_NUMBERED = re.compile(r"[\d,]+ (?=users|members)|(?<= of )[\d,]+$")


@dataclass(slots=True)
class Line:
    """What was measured of one workload."""

    name: str
    what: str
    target: float
    rates: list[float]
    p50: float
    p99: float
    cpu: float
    statements: str
    memory: float
    faults: list[str]

    @property
    def rate(self) -> float:
        """The median of the rounds, per second."""
        return statistics.median(self.rates)

    @property
    def reached(self) -> str:
        """How much of the target was reached."""
        return f"{self.rate / self.target:.0%}" if self.target else ""

    @property
    def kind(self) -> str:
        """What is measured, whatever the size: lines of one kind should be flat."""
        return _NUMBERED.sub("", self.what)

    def first(self, flask: Line | None, smallest: float) -> str:
        """Say whether the goal of the first round was met; ``smallest`` is the rate at the least size."""
        if self.name in _ABOVE_FLASK and flask is not None:
            return f"{self.rate / flask.rate:.2f} x bare Flask"
        if self.name in _FIRST_SHARE:
            share = _FIRST_SHARE[self.name]
            return f"{share:.0%} {'met' if self.rate >= share * self.target else 'missed'}"
        return f"{self.rate / smallest:.2f} x smallest" if self.name.startswith("S") and smallest else ""


class Measured:
    """A workload against its server; every round adds to the line."""

    def __init__(self, workload: Workload, process: psutil.Process, port: int, statements: str) -> None:
        self._workload, self._process, self._port, self._statements = workload, process, port, statements
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
        done: Result = load.run(
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
            self._statements,
            resident(self._process),
            self._faults[:2],
        )


def measure(
    workload: Workload, process: psutil.Process, port: int, options: argparse.Namespace, statements: str
) -> Line:
    """Run one workload for all its rounds."""
    measured = Measured(workload, process, port, statements)
    measured.prepare()
    for _ in range(options.rounds):
        measured.round(options.seconds)
    return measured.line()


def counted(world: World, chosen: list[Workload], *, database: str) -> dict[str, str]:
    """Return how many statements each workload takes, by what it is; its server is not driven meanwhile.

    Only SQLite tells them; S7 has nothing to delete yet.
    """
    told = count_statements if database == "sqlite" else lambda *_: "-"
    found: dict[str, str] = {}
    for each in chosen:
        try:
            found[each.what] = "-" if each.name == "S7" else told(world, each)
        except AssertionError as error:
            found[each.what] = f"? {error}"
    return found


def show(lines: list[Line]) -> None:
    """Print lines as they come."""
    for line in lines:
        spread = f"{min(line.rates):,.0f}-{max(line.rates):,.0f}"
        print(
            f"{line.name:9} {line.what:44} {line.rate:>9,.0f}/s {spread:>17} p50 {line.p50:8.2f} ms"
            f" p99 {line.p99:8.2f} ms {line.cpu:8.0f} us CPU"
            f"  {line.statements:>9} statements {line.memory:5.0f} MB"
            f"{'  FAULTS ' + '; '.join(line.faults) if line.faults else ''}",
            flush=True,
        )


def table(lines: list[Line], options: argparse.Namespace) -> str:
    """Return the measured lines as a Markdown table."""
    how = (
        f"Database: {options.database}; one worker on one processor, {CONNECTIONS} connections, "
        f"median of {options.rounds} rounds of {options.seconds:g} s."
    )
    head = (
        "| | workload | per second | min-max | p50 ms | p99 ms | CPU us | statements | MB | target | reached "
        "| first round |"
    )
    rows = [how, "", head, "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|"]
    flask = next((line for line in lines if line.name == "F-flask"), None)
    smallest: dict[str, float] = {}
    for line in lines:
        smallest.setdefault(line.kind, line.rate)
        target = f"{line.target:,.0f}" if line.target else ""
        rows.append(
            f"| {line.name} | {line.what} | {line.rate:,.0f} "
            f"| {min(line.rates):,.0f}-{max(line.rates):,.0f} | {line.p50:.2f} | {line.p99:.2f} "
            f"| {line.cpu:.0f} | {line.statements} | {line.memory:.0f} | {target} "
            f"| {line.reached} | {line.first(flask, smallest[line.kind])} |"
        )
    return "\n".join(rows) + "\n"
