"""The law of the house: who may import whom, and where time and chance come from."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, shown, tree

_RUFF = Path(sys.executable).with_name("ruff")
_LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def test_every_import_contract_is_kept() -> None:
    """A folder imports only from folders below it, and a floor only from floors below it."""
    done = subprocess.run(
        [_LINT_IMPORTS, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


def test_no_test_takes_from_another() -> None:
    """What several tests need stands in tests/support: a module of tests can be changed, or run, alone."""
    borrowed = [
        shown(path)
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("tests.")
        and any(part.startswith("test_") for part in (node.module or "").split("."))
    ]
    assert borrowed == []


@pytest.mark.parametrize(
    "line",
    [
        "import secrets",
        "from secrets import token_bytes",
        "import random",
        "from datetime import datetime; datetime.now()",
        "import datetime as dt; dt.datetime.now(dt.UTC)",
        "import datetime as dt; dt.date.today()",
        "import time; time.time()",
        "import uuid; uuid.uuid4()",
        "import os; os.urandom(8)",
        "from . import account",
    ],
)
def test_the_lint_catches_what_the_house_forbids(line: str) -> None:
    """Time and chance come from the kernel's ports; imports are absolute."""
    done = subprocess.run(
        [
            _RUFF,
            "check",
            "--no-cache",
            "--quiet",
            "--select",
            "TID",
            "--stdin-filename",
            "idp/domain/try_out.py",
            "-",
        ],
        cwd=ROOT,
        input=line + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "TID25" in done.stdout
