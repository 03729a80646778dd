"""Only so many at once, in the order in which they came."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from kernel.errors import BusyError
from kernel.turns import Turns


def in_line(turns: Turns, count: int) -> None:
    """Return once ``count`` stand in line."""
    until = time.monotonic() + 60
    while turns.waiting < count:
        assert time.monotonic() < until


def test_whoever_came_first_is_next() -> None:
    turns = Turns(1, patience=60)
    order: list[int] = []

    def take(number: int) -> None:
        with turns.turn():
            order.append(number)

    with ThreadPoolExecutor(4) as pool:
        with turns.turn():
            deeds: list[Future[None]] = []
            for number in range(4):
                deeds.append(pool.submit(take, number))
                in_line(turns, number + 1)
        for deed in deeds:
            deed.result(timeout=60)
    assert order == [0, 1, 2, 3]
    assert turns.waiting == 0


def test_no_more_than_the_places_are_taken_at_once_and_all_come_back() -> None:
    turns = Turns(2, patience=60)
    inside, most = [0], [0]
    guard = threading.Lock()

    def take(_number: int) -> None:
        with turns.turn():
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            with guard:
                inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(400)))
    assert 1 <= most[0] <= 2
    with turns.turn(), turns.turn():
        assert turns.waiting == 0


def test_whoever_gives_up_leaves_the_line_and_harms_nobody_behind() -> None:
    turns = Turns(1, patience=0.01)
    with turns.turn():
        with pytest.raises(BusyError):
            turns.turn().__enter__()
        assert turns.waiting == 0
    with turns.turn():
        pass


def test_a_place_is_given_back_by_who_fails() -> None:
    turns = Turns(1, patience=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.turn():
            raise ZeroDivisionError
    with turns.turn():
        pass
