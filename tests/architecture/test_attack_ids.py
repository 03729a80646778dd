"""Every attack of the list is named by a test, or stands in the table of what is not offered yet."""

from __future__ import annotations

import re

import yaml

from tests.architecture.sources import ROOT

_ID = re.compile(r"\b[A-Z]{2}-\d{2}\b")
_ROW = re.compile(r"^\| ([A-Z]{2}-\d{2}) \| [^|]+ \| [^|]+ \|$", re.MULTILINE)


def _listed() -> set[str]:
    areas = yaml.safe_load((ROOT / "tests/samples/attack_ids.yaml").read_text(encoding="utf-8"))
    return {identifier for attacks in areas.values() for identifier in attacks}


def _tested() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= set(_ID.findall(path.read_text(encoding="utf-8")))
    return found


def _not_offered() -> set[str]:
    return set(_ROW.findall((ROOT / "docs/attacks.md").read_text(encoding="utf-8")))


def test_every_attack_is_tried_or_meets_nothing() -> None:
    """An id without a test and without a line in the table is an attack that nobody looked at."""
    assert sorted(_listed() - _tested() - _not_offered()) == []


def test_the_table_holds_only_what_no_test_tries() -> None:
    """A line whose attack has a test is out of date, and so is one that the list does not know."""
    assert sorted(_not_offered() & _tested()) == []
    assert sorted(_not_offered() - _listed()) == []


def test_only_attacks_of_the_list_are_quoted() -> None:
    """An id that nobody can look up tells nothing: what has none is told by the standard it is from."""
    files = [path for path in ROOT.rglob("*.py") if not {".venv", "node_modules"} & set(path.parts)]
    files += [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    quoted = {found for path in files for found in _ID.findall(path.read_text(encoding="utf-8"))}
    assert sorted(quoted - _listed()) == []
