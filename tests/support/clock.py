"""Time and chance for tests: a clock that stands until it is moved, and chance that repeats itself."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from kernel.clock import FrozenClock
from kernel.crypto import KeyRing, Sealer
from kernel.randomness import SeededRandomness, SystemRandomness
from kernel.store import Store

if TYPE_CHECKING:
    from kernel.audit import Told
    from kernel.clock import Clock
    from kernel.database import Database
    from kernel.randomness import Randomness

NOON = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)
TEST_KEYS = KeyRing({1: b"k" * 32})


def a_sealer(randomness: Randomness | None = None) -> Sealer:
    """Return a sealer under the key of the tests."""
    return Sealer(TEST_KEYS, randomness or SystemRandomness())


def a_store(
    database: Database,
    *,
    clock: Clock | None = None,
    seed: int | None = None,
    node: str = "test",
    told: Told | None = None,
) -> Store:
    """Return a store over `database`: the clock stands at noon, chance is real unless a seed is given."""
    randomness: Randomness = SystemRandomness() if seed is None else SeededRandomness(seed)
    return Store(database, clock or FrozenClock(NOON), randomness, a_sealer(randomness), node=node, told=told)


@pytest.fixture
def clock() -> FrozenClock:
    """Give a clock that stands at noon of 1 June 2026 UTC until it is moved."""
    return FrozenClock(NOON)
