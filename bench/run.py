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
from dataclasses import asdict
from pathlib import Path

from bench import limits, load
from bench.counting import Told, counted
from bench.goals import goals, goals_table
from bench.load import Answer, Lane
from bench.login_rest import Driven, measure_rest
from bench.measuring import Line, measure, memory_at_rest, show, table
from bench.server import databases, free_port, gateway, served
from bench.side_by_side import run_side_by_side
from bench.workloads import BESIDE_THE_HASH, Workload, workloads
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
        return measure(Workload(name, what, 0, lambda _lane: request, seen), process, port, options, Told())


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
        *limits.look(options),
    ]


def _run_one_by_one(options: argparse.Namespace, wanted: set[str]) -> list[Line]:
    """Build the worlds and start their servers one after the other."""
    port = options.port or free_port()
    load.aim(port)
    lines: list[Line] = []
    with databases(options.database, beside=options.beside) as database:
        for users in options.users:
            folder = Path(tempfile.mkdtemp(prefix="switchyard-bench-"))
            try:
                largest = users == max(options.users)
                sizes = tuple(size for size in _SIZES if size <= users) if largest else ()
                address = database(f"bench_{users}")
                world = make_world(folder, port, users=users, group_sizes=sizes, database_url=address)
                chosen = [each for each in _chosen(world, largest=largest) if _is_wanted(each, wanted)]
                told = counted(world, chosen, database=options.database)
                with gateway(world, port) as process:
                    driven = Driven(world, process, port, options)
                    for workload in chosen:
                        found = _lines_of(workload, driven, told[workload.what], lines)
                        lines += found
                        show(found)
                    if largest:
                        lines.append(memory_at_rest(process))
                        show(lines[-1:])
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return lines


def _is_wanted(workload: Workload, wanted: set[str]) -> bool:
    return not wanted or workload.name in wanted or workload.name.partition("/")[0] in wanted


def _lines_of(workload: Workload, driven: Driven, told: Told, before: list[Line]) -> list[Line]:
    """Measure one workload in its own way; ``before`` are the lines of this run so far."""
    if workload.name == BESIDE_THE_HASH:
        return measure_rest(workload, driven, told)
    offered = 0.0
    if workload.offered:
        whole = workload.name.partition("/")[0]
        offered = workload.offered * next((line.rate for line in before if line.name == whole), 0.0)
        if not offered:
            raise SystemExit(f"{workload.name} offers a share of what {whole} reaches: measure that, too")
    return [measure(workload, driven.process, driven.port, driven.options, told, offered=offered)]


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Read the options, measure, print the table and keep it."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--beside", choices=("load", "worker"), default="load", help="whose processor PostgreSQL has"
    )
    parser.add_argument("--only", default="", help="names like W1,S6; F are the floors and limits")
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
    summary = goals_table(goals(lines, options.database))
    print(f"\n{text}\n{summary}")
    results = _HERE / "results"
    results.mkdir(exist_ok=True)
    today = f"{SystemClock().now():%Y-%m-%d}-{options.database}{'-large' if options.large else ''}"
    (results / f"{today}.md").write_text(f"{text}\n{summary}")
    (results / f"{today}.json").write_text(json.dumps([asdict(line) for line in lines], indent=1))
    if any(line.faults for line in lines):
        raise SystemExit("some answers were wrong")
