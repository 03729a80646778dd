"""Threads that Python did not start (the server's own) read, end, and take nothing down with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import ctypes, sys
from kernel.database import Database

database = Database(sys.argv[1])
seen = []

@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
def work(_):
    seen.append(id(database.reader()))
    database.reader().execute("select 1").fetchone()

pthread = ctypes.CDLL(None)
for _ in range(5):
    thread = ctypes.c_ulong()
    assert pthread.pthread_create(ctypes.byref(thread), None, work, None) == 0
    pthread.pthread_join(thread, None)
print(len(seen), len(set(seen)))
database.dispose()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="starts threads by the C library of Linux")
def test_a_thread_of_the_server_that_ends_does_not_end_the_process(tmp_path: Path) -> None:
    """Closing SQLite while a thread's state is taken down crashes CPython 3.11; the next thread reads on instead."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, f"sqlite:///{tmp_path / 'any.db'}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, "5 1"), ran.stderr
