"""How many processors this process may use, which a container bounds in more ways than one."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def usable_processors(cgroups: Path = _CGROUPS, own: Path = _OWN) -> int:
    """Return how many threads of this process can run at once: what it is pinned to, within its quotas.

    Linux tells a quota in microseconds of each period, for the control group of the process and for each
    above it: below ``cgroups``, in ``cpu.max`` (version 2) or in ``cpu.cfs_quota_us`` of the controller
    ``cpu`` (version 1). ``own`` names that group; in a container it is often the root of what one sees.
    """
    pinned = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quotas = (_quota(folder) for folder in _groups(cgroups, own))
    return max(1, min([pinned, *(each for each in quotas if each is not None)]))


def _groups(cgroups: Path, own: Path) -> Iterator[Path]:
    """Give the folder of the process's group in each hierarchy that may bound processors, and those above."""
    try:
        lines = own.read_text().splitlines()
    except (OSError, ValueError):  # not there, or a group whose name is no UTF-8
        lines = []
    for line in (*lines, "0::/", "0:cpu:/"):
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            mounted = [cgroups, cgroups / "unified"]
        elif "cpu" in controllers.split(","):
            mounted = [cgroups / controllers, cgroups / "cpu"]
        else:
            continue
        group = PurePosixPath(path.lstrip("/"))
        for root in mounted:
            yield from (root / each for each in (group, *group.parents))


def _quota(folder: Path) -> int | None:
    """Return how many processors the group has time for, in whole ones; None if it has no bound."""
    try:
        granted, period = _told(folder)
        return math.ceil(int(granted) / int(period)) if int(granted) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # no quota, or no such file
        return None


def _told(folder: Path) -> tuple[str, str]:
    try:
        granted, period = (folder / "cpu.max").read_text().split()
    except FileNotFoundError:
        return (folder / "cpu.cfs_quota_us").read_text(), (folder / "cpu.cfs_period_us").read_text()
    return granted, period
