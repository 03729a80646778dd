"""The demonstration as a process: how it ends when somebody has seen enough."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from switchyard.local import command_line
from tests.support.ports import free_base_port
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demonstration_that_is_stopped_while_it_starts_ends(tmp_path: Path, number: signal.Signals) -> None:
    """It took its processes down and then waited three minutes for them to be ready."""
    base = free_base_port(0, 1, 2, 3, 25)
    folder = tmp_path / "demo"
    command = command_line("demo", "--once", "--base-port", str(base), "--directory", str(folder))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until((folder / "logs" / "gateway.log").exists, "the processes")
            process.send_signal(number)
            _, told = process.communicate(timeout=100)
        finally:
            process.kill()
    assert process.returncode == 1
    assert told == "Stopped before step 1 was done.\n"
