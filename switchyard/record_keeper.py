"""Writes the provisioning requests that a web process gathered: every second, and when the process ends.

A process that is killed without a word (SIGKILL, loss of power) loses the reads and refusals of its last
second; what changed something was recorded with its deed.
"""

from __future__ import annotations

import threading
from multiprocessing.util import Finalize

from idp.usecases.provisioning_log import flush_requests
from idp.usecases.services import IdpServices

_SECONDS = 1.0
_LONGEST_WAIT = 5.0


def keep_recording(services: IdpServices) -> None:
    """Start to write what waits, in a thread of this process, until the process ends."""
    stop = threading.Event()

    def keep() -> None:
        while not stop.wait(_SECONDS):
            if len(services.requests):
                flush_requests(services)

    keeper = threading.Thread(target=keep, name="request record", daemon=True)

    def end() -> None:
        stop.set()
        keeper.join(_LONGEST_WAIT)
        flush_requests(services)

    keeper.start()
    # A worker of the server is a child of multiprocessing, which runs these and no other handlers at its end.
    Finalize(None, end, exitpriority=100)
