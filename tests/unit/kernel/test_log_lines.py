"""Lines of the log: whole, at once, and nobody fails for want of room."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pytest

from kernel.log_lines import LogLines

if TYPE_CHECKING:
    from collections.abc import Iterator


class Written(io.RawIOBase):
    """What the system is asked to write, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]  # any buffer would do
        self.pieces.append(bytes(piece))
        return len(piece)


@pytest.fixture
def full() -> Iterator[TextIO]:
    """Give a file whose disk is full."""
    with Path("/dev/full").open("wb", buffering=0) as raw:
        yield io.TextIOWrapper(raw, write_through=True)


@pytest.fixture
def unread() -> Iterator[TextIO]:
    """Give a pipe whose reader has gone away."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as raw:
        yield io.TextIOWrapper(raw, write_through=True)


@pytest.mark.parametrize("place", ["full", "unread"])
def test_who_logs_goes_on_where_no_line_finds_room(place: str, request: pytest.FixtureRequest) -> None:
    stream: TextIO = request.getfixturevalue(place)
    lines = LogLines(stream)
    lines.info("one")
    lines.error("two")
    with pytest.raises(OSError, match="space|pipe"):
        stream.write("that there is none\n")


def test_what_was_lost_is_told_once_there_is_room(
    full: TextIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first line after it stands by itself, whatever half a line was left by those before."""
    lines = LogLines()
    path = tmp_path / "log"
    with path.open("w") as room:
        room.write("half a li")
        monkeypatch.setattr(sys, "stderr", full)
        for _ in range(3):
            lines.info("lost")
        monkeypatch.setattr(sys, "stderr", room)
        lines.info("after")
        lines.info("later")
    half, told, *rest = path.read_text().splitlines()
    assert (half, rest) == ("half a li", ["after", "later"])
    assert json.loads(told) == {"event": "log.lines_lost", "level": "warning", "lines": 3}


def test_a_line_is_written_in_one_piece() -> None:
    """Worker processes share a place: with the end of a line by itself, two of them stood in one."""
    written = Written()
    LogLines(io.TextIOWrapper(written, write_through=True)).info("a line")
    assert written.pieces == [b"a line\n"]
