"""What a run says of its goals: each is named with what was found, what was wanted, and whether it is met."""

from __future__ import annotations

import pytest

from bench.goals import goals, goals_table
from bench.measuring import Line
from bench.workloads import Bound


@pytest.mark.parametrize(
    ("database", "rate", "met"),
    [
        ("sqlite", 1000, True),
        ("sqlite", 999, False),
        ("postgresql", 700, True),
        ("postgresql", 699, False),
    ],
)
def test_postgresql_is_to_do_seven_tenths_of_a_rate(database: str, rate: float, *, met: bool) -> None:
    found = goals([Line("W3", "token", 1000, [rate])], database)[0]
    assert (found.name, found.met) == ("W3", met)
    assert found.found == f"{rate:,.0f}/s, {rate / 1000:.0%}"


def test_the_median_of_the_rounds_counts() -> None:
    assert goals([Line("W3", "token", 100, [10, 120, 101])], "sqlite")[0].met


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_bound_holds_for_both_databases(database: str) -> None:
    bounds = (Bound("p50", 3), Bound("p99", 50), Bound("cpu", 3), Bound("memory", 120))
    line = Line("W8/rest", "rest", rates=[30], p50=3.0, p99=50.1, cpu=3001, memory=120, bounds=bounds)
    assert [goal.met for goal in goals([line], database)[:4]] == [True, False, False, True]
    assert goals([line], database)[2].found == "3.00 ms"
    assert goals([line], database)[2].wanted == "at most 3 ms"


def test_a_fifth_may_be_lost_from_the_smallest_size_to_the_largest() -> None:
    lines = [
        Line("S3", "GET, 1,000 users", rates=[100]),
        Line("S3", "GET, 10,000 users", rates=[50]),
        Line("S3", "GET, 100,000 users", rates=[80]),
        Line("S6/10", "PATCH one member of 10", rates=[100]),
        Line("S6/100000", "PATCH one member of 100,000", rates=[79]),
    ]
    flat = [goal for goal in goals(lines, "sqlite") if "beside smallest" in goal.what]
    assert [(goal.name, goal.found, goal.met) for goal in flat] == [
        ("S3", "0.80", True),
        ("S6", "0.79", False),
    ]
    assert flat[0].what.startswith("GET, users (1,000; 10,000; 100,000)")


def test_sizes_are_set_beside_each_other_round_by_round() -> None:
    """A minute in which the machine was slow was so for all sizes."""
    lines = [
        Line("S3", "GET, 1,000 users", rates=[200, 90, 100]),
        Line("S3", "GET, 100,000 users", rates=[180, 90, 50]),
    ]
    flat = next(goal for goal in goals(lines, "sqlite") if "beside smallest" in goal.what)
    assert (flat.found, flat.met) == ("0.90", True)


def test_each_size_is_to_reach_what_is_wanted() -> None:
    """All sizes of a kind are one goal, and the worst of them decides."""
    bounds = (Bound("p50", 10),)
    lines = [
        Line("S6/10", "add one, 10 members, 1 client", 100, [130], p50=4, bounds=bounds),
        Line("S6/1000", "add one, 1,000 members, 1 client", 100, [99], p50=11, bounds=bounds),
    ]
    rate, p50 = goals(lines, "sqlite")[:2]
    assert (rate.name, rate.found, rate.met) == ("S6", "130; 99/s, 99%", False)
    assert (p50.what, p50.found, p50.met) == (
        "add one, members, 1 client (10; 1,000): p50",
        "4.00; 11.00 ms",
        False,
    )


def test_clients_who_wait_for_each_other_are_judged_by_turns() -> None:
    """Twenty who change one group: each waits for nineteen, and the bound is of a change."""
    bounds = (Bound("p50", 10, turns=20),)
    lines = [
        Line("S6/10", "add one, 10 members, 20 clients", p50=200, bounds=bounds),
        Line("S6/1000", "add one, 1,000 members, 20 clients", p50=201, bounds=bounds),
    ]
    within, beyond = goals(lines[:1], "postgresql")[0], goals(lines, "postgresql")[0]
    assert (within.found, within.wanted, within.met) == ("10.00 ms", "at most 10 ms", True)
    assert (beyond.what, beyond.met) == (
        "add one, members, 20 clients (10; 1,000): p50 by turn, of 20",
        False,
    )


def test_one_size_says_nothing_about_growth() -> None:
    found = goals([Line("S3", "GET, 1,000 users", rates=[100])], "sqlite")
    assert [goal for goal in found if "beside smallest" in goal.what] == []


def test_the_greatest_memory_of_the_worker_is_told_with_where_it_was() -> None:
    """The floors have servers of their own, and limits a process."""
    lines = [Line("F-wsgi", "bare", memory=300), Line("W8", "login", memory=133), Line("M", "", memory=110)]
    found = goals(lines, "sqlite")
    assert [(goal.what, goal.found, goal.met) for goal in found] == [
        ("greatest memory, right after W8", "133 MB", False)
    ]


def test_the_table_ends_nobodys_doubt() -> None:
    table = goals_table(goals([Line("W3", "token", 100, [90]), Line("W4", "refresh", 100, [110])], "sqlite"))
    assert table.startswith("2 of 3 goals met.")
    assert "| W3 | token | 90/s, 90% | 100/s | NOT met |" in table
    assert "| W4 | refresh | 110/s, 110% | 100/s | met |" in table
