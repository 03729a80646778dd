"""Which check walks which module of the foundation's suite, and which plan names which module."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from tests.support.foundation.party import Party

PLANS = Path(__file__).parents[2] / "samples" / "foundation_plans.yaml"
Check = Callable[[Party, str], None]


def plans() -> dict[str, dict[str, Any]]:
    """Return the plans: for each the modules that are walked here, those walked elsewhere, and those left out."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(PLANS.read_text(encoding="utf-8"))
    return found


def walked(plan: str) -> list[tuple[str, str]]:
    """Return the variants of a plan, each with the modules that are walked in it; no variant is an empty text.

    ``not_for`` names what the suite itself leaves out of the variants that a pattern fits.
    """
    named = plans()[plan]
    left_out = {
        (pattern, module) for pattern, modules in named.get("not_for", {}).items() for module in modules
    }
    return [
        (variant, module)
        for variant in named.get("variants", [""])
        for module in named["walked"]
        if not any(module == each and fnmatchcase(variant, pattern) for pattern, each in left_out)
    ]


class Walk:
    """The checks of one area, by the names of the modules that they walk."""

    def __init__(self) -> None:
        self.checks: dict[str, Check] = {}

    def __call__(self, *names: str) -> Callable[[Check], Check]:
        """Say which modules a check walks; it is told the name of the one it is to walk."""

        def register(check: Check) -> Check:
            self.checks |= dict.fromkeys(names, check)
            return check

        return register
