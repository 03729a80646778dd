"""What a process keeps in memory: nothing of a burst that is over, and few pages of its database."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kernel.crypto import PasswordHasher
from kernel.database import Database
from kernel.heap import Afterwards
from kernel.randomness import SeededRandomness
from kernel.web.http import Response, Route
from kernel.web.lane import LONG_ANSWER, Lane, call

if TYPE_CHECKING:
    from pathlib import Path

_HASHES = """
import os
from kernel.crypto import PasswordHasher
from kernel.heap import Afterwards, share_one_heap

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

share_one_heap()
afterwards = Afterwards(quiet=0)
hasher = PasswordHasher(parallel=1)
for _ in range(2):  # the first tells the C library how much is wanted, which it keeps from then on
    hasher.hash("correct horse")
kept = resident()
afterwards.used()
waiter = afterwards.waiter
if waiter is not None:
    waiter.join()
print(kept, resident())
"""


def test_what_hashes_took_is_given_back_when_no_more_follow() -> None:
    """A worker does not hold the 19 MB of a hash for ever."""
    told = subprocess.run([sys.executable, "-c", _HASHES], capture_output=True, check=True, text=True)
    kept, left = (int(number) for number in told.stdout.split())
    assert kept - left > 15_000_000


def test_one_thread_at_most_waits_for_the_quiet() -> None:
    """Every hash says that it was there, and whoever waits hears the last of them."""
    afterwards = Afterwards(quiet=3600)
    hasher = PasswordHasher(memory_kib=8, passes=1, used=afterwards.used)
    before_any_hash = afterwards.waiter
    assert before_any_hash is None
    stored = hasher.hash("correct horse")
    waiter = afterwards.waiter
    assert waiter is not None
    assert waiter.daemon, "nobody waits for it when the process ends"
    assert hasher.verify(stored, "correct horse")
    assert not hasher.verify(stored, "wrong")
    assert afterwards.waiter is waiter


def test_a_process_that_was_forked_off_waits_for_itself() -> None:
    """Its parent's thread is not there."""
    afterwards = Afterwards(quiet=3600)
    afterwards.used()
    inherited = afterwards.waiter
    afterwards.renew()
    at_first = afterwards.waiter
    assert at_first is None
    afterwards.used()
    assert afterwards.waiter not in {None, inherited}


@pytest.mark.parametrize(("length", "told"), [(LONG_ANSWER, 0), (LONG_ANSWER + 1, 1)])
def test_the_heap_hears_of_answers_that_took_much_memory_and_of_no_other(length: int, told: int) -> None:
    """Eight threads that make long pages at once leave holes, which are given back when no more follow."""
    heard: list[int] = []
    lane = Lane(
        lambda _environ, _start: [],
        [Route(("GET",), "/page", lambda _request: Response(200, b"x" * length), "page", hot=True)],
        randomness=SeededRandomness(1),
        peer=lambda _environ: "192.0.2.1",
        host_is_ours=lambda _host: True,
        long_answer=lambda: heard.append(1),
    )
    status, _, body = call(lane, {"REQUEST_METHOD": "GET", "PATH_INFO": "/page"})
    assert (status, len(body)) == ("200 OK", length)
    assert len(heard) == told


def test_a_connection_keeps_few_pages_and_the_writer_what_it_changed(tmp_path: Path) -> None:
    """Each thread of each worker reads on a connection of its own; the system has the file in memory anyway."""
    database = Database(f"sqlite:///{tmp_path / 'pages.db'}")
    try:
        with database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == -250
        with database.write() as connection:
            assert connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == -2000
    finally:
        database.dispose()
