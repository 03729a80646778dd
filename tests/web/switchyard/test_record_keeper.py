"""What waits to be recorded is written when a process ends, and every second before."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from kernel.database import Database

if TYPE_CHECKING:
    from tests.support.databases import Databases

# A worker of the server is a child of multiprocessing; it ends as this one does.
_WORKER = """
import multiprocessing, sys
from kernel.database import Database
from switchyard.record_keeper import keep_recording
from tests.support.scim import a_scim_world

def work():
    world = a_scim_world(Database(sys.argv[1]))
    keep_recording(world.services)
    assert world.get("/Users/nobody").status == 404
    assert len(world.services.requests) == 1

multiprocessing.set_start_method(sys.argv[2])
if __name__ == "__main__":
    child = multiprocessing.Process(target=work)
    if sys.argv[2] == "fork":
        child.start()
        child.join()
        sys.exit(child.exitcode)
    work()
"""


def _recorded(url: str) -> list[tuple[str, int]]:
    database = Database(url)
    try:
        with database.read() as connection:
            rows = connection.exec_driver_sql("SELECT operation, status FROM provisioning_request").all()
            return [(row[0], row[1]) for row in rows]
    finally:
        database.dispose()


def test_a_worker_that_ends_writes_what_waits(sqlite_databases: Databases) -> None:
    """Audit: a refusal of the last second is not lost by a restart; in a worker, and in a process alone."""
    for method in ("fork", "spawn"):
        url = sqlite_databases.url("gateway")
        done = subprocess.run([sys.executable, "-c", _WORKER, url, method], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        assert _recorded(url) == [("read", 404)], method
