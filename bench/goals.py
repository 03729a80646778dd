"""What was to be reached, and whether it was: every goal of a run, in a few words each.

A rate is a goal for SQLite; PostgreSQL is to do 70 % of it. What a bound says holds for both. What grows with
the number of users or members may lose a fifth from the smallest size to the largest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench.measuring import LARGEST, Line
from bench.workloads import Bound

CHANGE_OF_MEMBERS = {"sqlite": 25.0, "postgresql": 10.0}
"""Milliseconds that a change of a group's members takes at most, in the middle (p50), by turns."""
_SHARE = {"sqlite": 1.0, "postgresql": 0.7}
_FLAT = 0.8
_FIGURES = {"p50": "p50", "p99": "p99", "cpu": "processor time"}


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal: what was found, what was wanted, and whether that is good enough."""

    name: str
    what: str
    found: str
    wanted: str
    met: bool


def goals(lines: list[Line], database: str) -> list[Goal]:
    """Return every goal that ``lines`` say something about: one for all sizes of a kind."""
    kinds: dict[str, list[Line]] = {}
    for line in lines:
        kinds.setdefault(line.kind, []).append(line)
    found: list[Goal] = []
    for same in kinds.values():
        if same[0].target:
            found.append(_rate(same, _SHARE[database]))
        found += [_bounded(same, bound) for bound in same[0].bounds]
        if len(same) > 1 and same[0].rates:
            found.append(_flat(same))
    return [*found, *_greatest(lines)]


def goals_table(found: list[Goal]) -> str:
    """Return the goals as a Markdown table, and how many were met."""
    rows = [
        f"| {goal.name} | {goal.what} | {goal.found} | {goal.wanted} | {'met' if goal.met else 'NOT met'} |"
        for goal in found
    ]
    met = f"{sum(goal.met for goal in found)} of {len(found)} goals met."
    return "\n".join([met, "", "| | goal | measured | wanted | |", "|---|---|---:|---:|---|", *rows]) + "\n"


def _name(same: list[Line]) -> str:
    return same[0].name if len(same) == 1 else same[0].name.partition("/")[0]


def _what(same: list[Line]) -> str:
    return same[0].what if len(same) == 1 else f"{same[0].kind} ({'; '.join(line.size for line in same)})"


def _rate(same: list[Line], share: float) -> Goal:
    target, slowest = same[0].target, min(same, key=lambda line: line.rate)
    rates = "; ".join(f"{line.rate:,.0f}" for line in same)
    wanted = f"{target * share:,.0f}/s" + (f", {share:.0%} of {target:,.0f}" if share < 1 else "")
    met = slowest.rate >= target * share
    return Goal(_name(same), _what(same), f"{rates}/s, {slowest.reached}", wanted, met)


def _bounded(same: list[Line], bound: Bound) -> Goal:
    unit, figure = ("MB", "") if bound.figure == "memory" else ("ms", f": {_FIGURES[bound.figure]}")
    figure += f" by turn, of {bound.turns}" if bound.turns > 1 else ""
    values = [_value(line, bound) for line in same]
    found = "; ".join(f"{value:,.0f}" if unit == "MB" else f"{value:.2f}" for value in values)
    return Goal(
        _name(same),
        _what(same) + figure,
        f"{found} {unit}",
        f"at most {bound.most:g} {unit}",
        max(values) <= bound.most,
    )


def _value(line: Line, bound: Bound) -> float:
    found = {"p50": line.p50, "p99": line.p99, "cpu": line.cpu / 1000, "memory": line.memory}[bound.figure]
    return found / bound.turns


def _flat(same: list[Line]) -> Goal:
    """Return the share of the smallest size's rate that the largest reaches, in the middle of the rounds.

    Round by round, because those of all sizes follow one another: what else the machine does falls on both.
    """
    pairs = zip(same[0].rates, same[-1].rates, strict=False)
    share = median(largest / smallest if smallest else 0.0 for smallest, largest in pairs)
    what = f"{_what(same)}: largest beside smallest"
    return Goal(_name(same), what, f"{share:.2f}", f"at least {_FLAT:.2f}", share >= _FLAT)


def _greatest(lines: list[Line]) -> Iterator[Goal]:
    """Give the memory that the worker took after any workload: with what hashes left in it."""
    ours = [line for line in lines if not line.name.startswith("F")]
    if ours:
        line = max(ours, key=lambda each: each.memory)
        what = f"greatest memory, right after {line.name}"
        yield Goal("M", what, f"{line.memory:,.0f} MB", f"at most {LARGEST:g} MB", line.memory <= LARGEST)
