"""Many requests at one moment, each in a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.scim import Answer


def together(count: int, act: Callable[[int], Answer]) -> list[Answer]:
    """Run ``act`` in ``count`` threads that start at the same moment; return the answers in order."""
    barrier = threading.Barrier(count)
    answers: list[Any] = [None] * count

    def run(number: int) -> None:
        barrier.wait(timeout=60)
        try:
            answers[number] = act(number)
        except BaseException as error:  # noqa: BLE001 - a thread tells the test what it met
            answers[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers


def statuses(answers: list[Answer]) -> list[int]:
    """Return the statuses in order of size."""
    return sorted(answer.status for answer in answers)
