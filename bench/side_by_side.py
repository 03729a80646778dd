"""The same workload at several sizes, round by round in turn: what grows with the size, and nothing else.

Worlds that are measured one after the other differ by what the machine did meanwhile, which is more than
their size makes. So every world's server runs all the time, and a round at one size is followed by a round at
the next; a server that is not driven takes no processor time.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from bench import load
from bench.counting import Told, counted
from bench.goals import CHANGE_OF_MEMBERS
from bench.measuring import Line, Measured, memory_at_rest, show
from bench.server import databases, free_port, gateway
from bench.workloads import Workload, membership_workloads, one_member, workloads
from bench.world import World, add_groups, make_world

GROUPS = (10, 1_000, 10_000, 100_000)
SPARE = 1_000
"""Accounts beyond the largest group, for those who come and go: fifty for each of twenty clients."""


@dataclass(slots=True)
class _Running:
    """A world with its server."""

    world: World
    port: int
    process: psutil.Process
    workloads: dict[str, Workload]
    told: dict[str, Told]


def run_side_by_side(options: argparse.Namespace, wanted: set[str]) -> list[Line]:
    """Measure what accounts cost at each size in turn, and then the groups of the largest world."""
    lines: list[Line] = []
    with ExitStack() as stack:
        database = stack.enter_context(databases(options.database, beside=options.beside))
        running = [_started(stack, users, database, options) for users in sorted(options.users)]
        for name in running[0].workloads:
            if not wanted or name in wanted:
                lines += _in_turn([(each, each.workloads[name]) for each in running], options)
        largest = running[-1]
        if not wanted or "S6" in wanted:
            load.aim(largest.port)
            add_groups(largest.world, [size for size in GROUPS if size <= max(options.users)])
            p50 = CHANGE_OF_MEMBERS[options.database]
            for kind in [one_member(largest.world), *membership_workloads(largest.world, p50=p50)]:
                largest.told |= counted(largest.world, kind, database=options.database)
                lines += _in_turn([(largest, workload) for workload in kind], options)
        lines.append(memory_at_rest(largest.process))
        show(lines[-1:])
    return lines


def _started(
    stack: ExitStack, users: int, database: Callable[[str], str], options: argparse.Namespace
) -> _Running:
    folder = Path(tempfile.mkdtemp(prefix="switchyard-bench-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    port = free_port()
    load.aim(port)
    spare = SPARE if users == max(options.users) else 0
    address = database(f"bench_{users}")
    world = make_world(folder, port, users=users + spare, group_sizes=(), database_url=address)
    found = {each.name: each for each in workloads(world) if each.name.startswith("S")}
    found = {
        name: each
        if "users" in each.what
        else replace(each, what=f"{each.what}, {len(world.user_ids):,} users")
        for name, each in found.items()
    }
    told = counted(world, list(found.values()), database=options.database)
    return _Running(world, port, stack.enter_context(gateway(world, port)), found, told)


def _in_turn(each: list[tuple[_Running, Workload]], options: argparse.Namespace) -> list[Line]:
    measured = [
        Measured(workload, one.process, one.port, one.told.get(workload.what, Told()))
        for one, workload in each
    ]
    for one in measured:
        one.prepare()
    for number in range(options.rounds):
        for one in measured if number % 2 == 0 else reversed(measured):
            one.round(options.seconds)
    lines = [one.line() for one in measured]
    show(lines)
    return lines
