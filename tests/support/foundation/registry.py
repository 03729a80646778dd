"""Which check walks which module of the foundation's suite, and which plan names which module."""

from __future__ import annotations

from collections.abc import Callable
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
