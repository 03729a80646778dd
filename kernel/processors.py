"""How many processors this process may use, which a container bounds in more ways than one."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_processors(quota: Path = _QUOTA) -> int:
    """Return how many threads of this process can run at once: what it is pinned to, within its quota.

    ``quota`` is the file in which Linux tells it: microseconds of each period, or ``max`` (cgroup v2).
    """
    pinned = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    try:
        granted, period = quota.read_text().split()
        within = math.ceil(int(granted) / int(period))
    except (OSError, ValueError, ZeroDivisionError):  # no quota, or no such file
        return pinned
    return max(1, min(pinned, within))
