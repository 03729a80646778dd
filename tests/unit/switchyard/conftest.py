"""What the tests of the command line share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import CommandLine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """Give the command line over a Gateway of its own, on SQLite."""
    return CommandLine(tmp_path)
