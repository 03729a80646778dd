"""Named points at which a test lets a process die as in a crash.

A point does nothing unless the settings allow failpoints (production refuses that) and the environment names
it: `SWITCHYARD_FAILPOINT=after-2xx` kills the process, as `kill -9` would, when it comes there.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FAILPOINT = "SWITCHYARD_FAILPOINT"


def failpoint_from(environ: Mapping[str, str], *, allowed: bool) -> Callable[[str], None]:
    """Return what a process calls at each named point."""
    wanted = environ.get(FAILPOINT, "") if allowed else ""

    def reach(name: str) -> None:
        if wanted and name == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return reach
