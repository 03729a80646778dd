"""Failpoints: a crash at a named point, only where it is allowed."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("allowed", "reached", "code"),
    [(True, "after-2xx", -9), (True, "after-mark", 0), (False, "after-2xx", 0)],
)
def test_a_process_dies_at_the_named_point_only_where_that_is_allowed(
    *, allowed: bool, reached: str, code: int
) -> None:
    script = (
        "from switchyard.failpoints import failpoint_from; "
        f"failpoint_from({{'SWITCHYARD_FAILPOINT': 'after-2xx'}}, allowed={allowed})({reached!r})"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == code
