"""Which test names which line of what is asked of the SCIM service: read from the docstrings of the tests."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"\b([A-P])(\d{1,2})\b(?:(?:\.\.|-)(?:\1)?(\d{1,2})\b)?")
_ABOUT_SCIM = re.compile(r"scim(?!_conformance_page)|provision|nested_access|own_resource", re.IGNORECASE)


def lines() -> dict[str, dict[str, str]]:
    """Return what is asked: areas, and in each the ids of its lines with what they are about."""
    found: dict[str, dict[str, str]] = yaml.safe_load(
        (ROOT / "tests/samples/scim_lines.yaml").read_text(encoding="utf-8")
    )
    return found


def line_ids() -> list[str]:
    """Return the id of every line, in order."""
    return [identifier for area in lines().values() for identifier in area]


def named_in(text: str) -> set[str]:
    """Return the lines that a text names; ``E1..E9`` names all nine."""
    found: set[str] = set()
    for letter, first, last in _NAMED.findall(text):
        found |= {f"{letter}{number}" for number in range(int(first), int(last or first) + 1)}
    return found


def _checks(path: Path) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Yield the tests of a file, and the checks that the mutants are held against."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            marked = any(isinstance(each, ast.Name) and each.id == "check" for each in node.decorator_list)
            if marked or node.name.startswith("test_"):
                yield node


def named_by_line() -> dict[str, list[str]]:
    """Return for each line the tests that name it in their docstring, as ``file: function``."""
    found: dict[str, list[str]] = defaultdict(list)
    known = set(line_ids())
    for path in sorted((ROOT / "tests").rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if not (path.name.startswith("test_") or path.name == "scim_checks.py") or not _ABOUT_SCIM.search(
            place
        ):
            continue
        for test in _checks(path):
            for line in named_in(ast.get_docstring(test) or "") & known:
                found[line].append(f"{place}: {test.name}")
    return {line: sorted(found[line]) for line in line_ids()}
