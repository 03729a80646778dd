"""The audit never makes two deeds wait for each other: rows first, the chain last."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from kernel.audit import SYSTEM, verify_chains
from kernel.ratelimit import Limit, take
from tests.support.clock import a_store

if TYPE_CHECKING:
    from tests.support.databases import Databases

pytestmark = pytest.mark.race


@pytest.mark.timeout(60)
def test_a_deed_that_records_first_and_one_that_records_last_both_end(
    postgresql_databases: Databases,
) -> None:
    """I11: a row's lock and the chain's lock taken crosswise in one process would never be let go."""
    import datetime as dt

    store = a_store(postgresql_databases.new("kernel"))
    limit = Limit("one-row", 100, dt.timedelta(hours=1))
    with store.write() as unit:
        take(unit.connection, limit, "", now=unit.now)
    recorded, taken = threading.Event(), threading.Event()

    def records_first() -> None:
        with store.write() as unit:
            unit.audit.record("test:deed:first", actor=SYSTEM)
            recorded.set()
            assert taken.wait(20)
            take(unit.connection, limit, "", now=unit.now)

    def records_last() -> None:
        assert recorded.wait(20)
        with store.write() as unit:
            take(unit.connection, limit, "", now=unit.now)
            taken.set()
            unit.audit.record("test:deed:last", actor=SYSTEM)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(records_first), threads.submit(records_last)]:
            done.result(timeout=30)
    report = verify_chains(store.database)
    assert (report.events, report.faults) == (2, [])
