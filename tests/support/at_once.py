"""Many threads that do the same thing at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def at_once(deed: Callable[[int], T], *, threads: int = 16) -> list[T]:
    """Let so many threads do ``deed``, each with its number, and return what each got."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> T:
        barrier.wait()
        return deed(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))
