"""How many processors a process may use: what it is pinned to, within the quotas of its control groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel.processors import usable_processors

if TYPE_CHECKING:
    from pathlib import Path

MANY = "99900000"
ALL = "all that it is pinned to"


def processors(folder: Path, own: str | None, files: dict[str, str]) -> int:
    """Return how many there are where the control groups hold ``files`` and the process is in ``own``."""
    groups, told = folder / "cgroup", folder / "own"
    groups.mkdir()
    for name, text in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(text)
    if own is not None:
        told.write_text(own)
    return usable_processors(groups, told)


@pytest.mark.parametrize("told", ["max 100000", "nonsense", "", "100000 0", f"{MANY} 100000"])
def test_without_a_quota_the_processors_are_those_the_process_is_pinned_to(tmp_path: Path, told: str) -> None:
    """So where the file says nothing that can be read, too."""
    none = usable_processors(tmp_path / "none", tmp_path / "none")
    assert processors(tmp_path, "0::/\n", {"cpu.max": told}) == none >= 1


QUOTA, PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"
BOUND = {
    "the root that a container sees": (None, {"cpu.max": "50000 100000"}),
    "the own group": ("0::/system.slice/our.service\n", {"system.slice/our.service/cpu.max": "50000 100000"}),
    "a group above": (
        "0::/pod/container\n",
        {"pod/cpu.max": "50000 100000", "pod/container/cpu.max": "max 100000"},
    ),
    "version 1": (
        "3:cpuset:/\n1:cpu,cpuacct:/docker/a\n",
        {f"cpu,cpuacct/docker/a/{QUOTA}": "50000\n", f"cpu,cpuacct/docker/a/{PERIOD}": "100000\n"},
    ),
    "version 1 in a container": (
        "1:cpu:/docker/a\n",
        {f"cpu/{QUOTA}": "50000\n", f"cpu/{PERIOD}": "100000\n"},
    ),
    "both versions": ("1:cpu:/a\n0::/\n", {"unified/cpu.max": "50000 100000", f"cpu/{QUOTA}": "-1\n"}),
}


@pytest.mark.parametrize("case", BOUND)
def test_a_process_has_no_more_processors_than_the_narrowest_quota_above_it(
    tmp_path: Path, case: str
) -> None:
    """Half a processor counts as one, which every process has."""
    own, files = BOUND[case]
    assert processors(tmp_path, own, files) == 1


@pytest.mark.parametrize("quota", ["-1\n", MANY, "nonsense"])
def test_version_1_says_that_there_is_no_quota_by_a_negative_one(tmp_path: Path, quota: str) -> None:
    """Documentation/scheduler/sched-bwc of Linux; and a group elsewhere bounds nobody here."""
    none = usable_processors(tmp_path / "none", tmp_path / "none")
    files = {f"cpu/{QUOTA}": quota, f"cpu/{PERIOD}": "100000", "other/cpu.max": "50000 100000"}
    assert processors(tmp_path, "1:cpu:/a\n0::/ours\nnonsense\n", files) == none


def test_a_group_whose_name_cannot_be_read_is_looked_for_no_further(tmp_path: Path) -> None:
    """Linux takes any bytes for the name of a control group; the root counts all the same."""
    (tmp_path / "own").write_bytes(b"0::/caf\xe9\n")
    (tmp_path / "cpu.max").write_text("50000 100000")
    assert usable_processors(tmp_path, tmp_path / "own") == 1
