"""What the page on conformance says is true: every line has its tests, and the page is what a run found."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.scim_conformance import FIGURES, PAGE, PROBES, SUITES, render, versions
from tests.support.scim_lines import ROOT, line_ids, named_by_line, named_in


def test_every_line_is_named_by_a_test() -> None:
    """A1..P2: a line that no test names in its docstring is a line that nobody keeps."""
    assert [line for line, tests in named_by_line().items() if not tests] == []


def test_the_page_says_what_the_run_found() -> None:
    """The page is its figures, of every suite, without a failure, with the versions that are in use."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == render(figures), "make conformance"
    assert figures["versions"] == versions(), "make conformance"
    assert list(dict.fromkeys(each["suite"] for each in figures["counts"])) == [*PROBES, *SUITES]
    assert [each for each in figures["counts"] if each["failed"] or not each["passed"]] == []


def test_where_the_page_says_that_a_line_is_tested_it_is() -> None:
    """Each file it names is there, and has a test that names the line."""
    stated = json.loads(FIGURES.read_text(encoding="utf-8"))["lines"]
    found = named_by_line()
    assert list(stated) == line_ids()
    for line, files in stated.items():
        assert files, line
        assert set(files) <= {each.partition(":")[0] for each in found[line]}, line


def test_ids_are_read_alone_and_in_rows() -> None:
    """``E1..E4`` names four lines, ``B1, B10`` two, and words name none."""
    assert named_in("E1..E4, B10; SA-02, RFC 7644, H2.") == {"E1", "E2", "E3", "E4", "B10", "H2"}
    assert Path(ROOT / "tests/samples/scim_lines.yaml").exists()
