"""Measures the Gateway: one worker on one processor, the load on the other, beside the bare framework.

The server is the one people run (``switchyard gateway --only web``), with SQLite's ``synchronous=FULL``
or a real PostgreSQL, audit and every check on; only the rate limits are off. Figures are medians of
the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import load
from bench.load import Answer, Lane
from bench.measuring import Line, counted, measure, show, table
from bench.server import databases, free_port, gateway, served
from bench.side_by_side import run_side_by_side
from bench.workloads import Workload, workloads
from bench.world import World, make_world
from kernel.clock import SystemClock

_SIZES = (10, 1_000, 10_000, 100_000)
_HERE = Path(__file__).parent


def _floor(name: str, what: str, application: str, options: argparse.Namespace) -> Line:
    port = free_port()
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


def _chosen(world: World, *, largest: bool) -> list[Workload]:
    """Return what is measured: everything in the largest world, else what must not grow with the users."""
    every = workloads(world)
    return every if largest else [each for each in every if each.name in ("S3", "S4")]


def run(options: argparse.Namespace) -> list[Line]:
    """Measure what the options name between two looks at the bare framework, and return every line."""
    os.sched_setaffinity(0, {1 % (os.cpu_count() or 1)})
    wanted = set(options.only.split(",")) if options.only else set()
    floors = not wanted or "F" in wanted
    lines = _floors(options) if floors else []
    show(lines)
    measured = run_side_by_side if options.large else _run_one_by_one
    lines += measured(options, wanted)
    if floors:  # once more: what else the machine did meanwhile falls on both sides
        for line, again in zip(lines, _floors(options), strict=False):
            line.rates += again.rates
    return lines


def _floors(options: argparse.Namespace) -> list[Line]:
    return [
        _floor("F-flask", "bare Flask route", "flask_app", options),
        _floor("F-wsgi", "bare WSGI callable", "wsgi_app", options),
    ]


def _run_one_by_one(options: argparse.Namespace, wanted: set[str]) -> list[Line]:
    """Build the worlds and start their servers one after the other."""
    port = options.port or free_port()
    load.aim(port)
    lines: list[Line] = []
    with databases(options.database) as database:
        for users in options.users:
            folder = Path(tempfile.mkdtemp(prefix="switchyard-bench-"))
            try:
                largest = users == max(options.users)
                sizes = tuple(size for size in _SIZES if size <= users) if largest else ()
                address = database(f"bench_{users}")
                world = make_world(folder, port, users=users, group_sizes=sizes, database_url=address)
                chosen = [
                    each
                    for each in _chosen(world, largest=largest)
                    if not wanted or each.name in wanted or each.name.partition("/")[0] in wanted
                ]
                statements = counted(world, chosen, database=options.database)
                with gateway(world, port) as process:
                    for workload in chosen:
                        lines.append(measure(workload, process, port, options, statements[workload.what]))
                        show(lines[-1:])
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return lines


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
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one, and --large always does")
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
