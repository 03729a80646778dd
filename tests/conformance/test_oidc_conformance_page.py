"""What the pages on the provider's conformance say is true, and every module of a plan has its check."""

from __future__ import annotations

import ast
import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support.foundation import (
    core,
    dynamic,
    fapi,
    fapi_assertions,
    fapi_machine,
    fapi_objects,
    fapi_proofs,
    logout,
)
from tests.support.foundation.earlier import profile_of, runs
from tests.support.foundation.registry import plans, walked
from tests.support.oidc_conformance import (
    CLIENTS,
    EVIDENCE,
    FIGURES,
    PAGE,
    ROOT,
    features,
    musts,
    render,
    render_evidence,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

AREAS = (core, dynamic, fapi, fapi_assertions, fapi_machine, fapi_objects, fapi_proofs, logout)
CHECKS = {name for area in AREAS for name in area.module.checks}


def test_the_page_says_what_the_run_found() -> None:
    """The page is its figures, of every client and plan, without a failure, with the versions that are in use."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == render(figures), "make conformance"
    assert figures["versions"] == versions(), "make conformance"
    assert list(figures["clients"]) == list(CLIENTS)
    assert list(figures["plans"]) == list(plans())
    assert list(figures["variants"]) == [name for name in plans() if name.startswith("fapi2")]
    profiles = figures["earlier"]["profiles"]
    assert {name: each["tests"] for name, each in profiles.items()} == Counter(
        profile_of(answer, name) for answer, name in runs()
    )
    counts = {**figures["clients"], **figures["plans"], **profiles}
    assert [name for name, each in counts.items() if each["failed"] or each["skipped"]] == []
    assert [name for name, each in counts.items() if not each["passed"]] == []


@pytest.mark.parametrize("plan", plans())
def test_every_module_of_a_plan_was_walked(plan: str) -> None:
    """In every variant that it is for."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    named = plans()[plan]
    assert set(named["walked"]) <= CHECKS
    assert figures["plans"][plan]["passed"] == len(walked(plan))
    if plan in figures["variants"]:
        counts = {each: count["passed"] for each, count in figures["variants"][plan].items()}
        assert counts == Counter(variant for variant, _ in walked(plan))


def test_every_check_belongs_to_a_plan() -> None:
    """A check that no plan names is never run."""
    assert sorted(CHECKS - {name for plan in plans().values() for name in plan["walked"]}) == []


def test_the_evidence_for_ipsie_is_there() -> None:
    """Each demand names tests, and each test that is named exists."""
    assert EVIDENCE.read_text(encoding="utf-8") == render_evidence(), "make conformance ARGS=--lines"
    assert _missing(test for each in musts() for test in each["tests"]) == []
    assert [each["must"] for each in musts() if not each["tests"]] == []


def test_what_is_said_to_be_tested_elsewhere_is() -> None:
    """The tests in place of modules that need a clock, and the files in which features are tested."""
    assert _missing(test for plan in plans().values() for test in plan.get("elsewhere", {}).values()) == []
    assert [place for rows in features().values() for *_, place in rows if not (ROOT / place).exists()] == []


def _missing(tests: Iterable[str]) -> list[str]:
    """Return the tests, as file::function, that are not there."""
    named = list(tests)
    there = {place: _functions(ROOT / place) for place in {test.partition("::")[0] for test in named}}
    return [test for test in named if test.partition("::")[2] not in there[test.partition("::")[0]]]


def _functions(path: Path) -> set[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []
    return {each.name for each in body if isinstance(each, ast.FunctionDef)}
