"""What processes count stands where others read it, and outlives them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kernel import counters
from kernel.counters import SPANS, UNTOLD, Counters, count_all, shared_file

if TYPE_CHECKING:
    from collections.abc import Iterator

_COUNTS = """
import sys
from kernel.counters import Counters
counted = Counters()
counted.keep(int(sys.argv[1]))
for number in range(3):
    counted.add(("deeds", sys.argv[2]))
print("counted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file() -> Iterator[int]:
    with shared_file() as handle:
        yield handle


def _process(file: int, label: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", _COUNTS, str(file), label],
        pass_fds=(file,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"counted\n"
    return process


def test_nothing_is_counted_before_it_is_asked_for(file: int) -> None:
    counted = Counters()
    counted.add(("deeds",))
    counted.spend(("seconds",), 1.0)
    assert not counted.are_kept
    assert count_all(file) == {}


def test_processes_that_live_together_count_on_sheets_of_their_own(file: int) -> None:
    """All of them together are told, and each by its labels."""
    both = [_process(file, "same"), _process(file, "same"), _process(file, "other")]
    try:
        assert count_all(file) == {("deeds", "same"): 6.0, ("deeds", "other"): 3.0}
    finally:
        for process in both:
            process.communicate()


def test_who_reads_all_of_them_keeps_its_own_sheet(file: int) -> None:
    """The process that answers Prometheus counts, too; a web worker that is started anew takes another sheet."""
    counted = Counters()
    counted.keep(file)
    counted.add(("mine",))
    assert count_all(file) == {("mine",): 1.0}
    process = _process(file, "theirs")
    counted.add(("mine, and new",))
    process.communicate()
    assert count_all(file) == {("mine",): 1.0, ("mine, and new",): 1.0, ("deeds", "theirs"): 3.0}


def test_the_next_process_goes_on_with_the_sheet_of_one_that_was_killed(file: int) -> None:
    """No counter ever falls, and the file does not grow with every restart."""
    for lives in range(1, 4):
        process = _process(file, "same")
        assert count_all(file) == {("deeds", "same"): 3.0 * lives}
        process.kill()
        process.communicate()
    counted = Counters()
    counted.keep(file)
    counted.add(("deeds", "same"))
    assert count_all(file) == {("deeds", "same"): 10.0}
    assert os.fstat(file).st_size == 160 * 1024


def test_spans_are_told_apart_and_added_up(file: int) -> None:
    """What takes exactly as long as a bound is within it, as Prometheus has it."""
    counted = Counters()
    counted.keep(file)
    for seconds in (0.001, 0.005, 0.0051, 60.0):
        counted.spend(("seconds", "face"), seconds)
    found = count_all(file)
    assert found.pop(("seconds", "face", "sum")) == pytest.approx(60.0111)
    assert found == {
        ("seconds", "face", "0.005"): 2.0,
        ("seconds", "face", "0.01"): 1.0,
        ("seconds", "face", "+Inf"): 1.0,
    }
    assert SPANS[0] == "0.005"


@pytest.mark.parametrize("name", ["{}", "{}" + "long" * 40])
def test_more_series_than_there_are_places_for_are_counted_as_one(file: int, name: str) -> None:
    """Whatever is counted, the file has an end; what is left out is said."""
    counted = Counters()
    counted.keep(file)
    for number in range(2000):
        counted.add((name.format(number), "ü"))
    found = count_all(file)
    assert sum(found.values()) == 2000
    assert found[UNTOLD] == 2001 - len(found)
    assert len(found) <= 1023
    counted.add(("0", "ü"))
    assert sum(count_all(file).values()) == 2001


def test_as_many_processes_as_there_are_sheets_for(file: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is told so; nobody's sheet is taken."""
    monkeypatch.setattr(counters, "_SHEETS", 1)
    process = _process(file, "same")
    try:
        with pytest.raises(OSError, match="all sheets of counters are taken"):
            Counters().keep(file)
    finally:
        process.communicate()
