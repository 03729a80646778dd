"""One word per thing: the names of modules, columns and errors."""

from __future__ import annotations

import ast
import importlib
from typing import TYPE_CHECKING

import pytest

from tests.architecture.sources import modules, shown, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Column

_DRAWERS = {"common", "helper", "helpers", "misc", "shared", "util", "utils", "manager", "tools"}
_TABLES = ("kernel.tables", "keys.storage.tables", "idp.storage.tables", "registration.storage.tables")


def test_no_module_is_a_drawer() -> None:
    """A module is named after what it owns."""
    assert [shown(path) for path in modules() if {path.stem, path.parent.name} & _DRAWERS] == []


def test_every_error_is_called_an_error() -> None:
    """What is raised ends in Error, or says which kind of failure it is to the courier or the outbox."""
    wrong = [
        f"{shown(path)}: {node.name}"
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        and any(_base_name(base).endswith(("Error", "Exception")) for base in node.bases)
        and not node.name.endswith(("Error", "Failure"))
    ]
    assert wrong == []


def _base_name(base: ast.expr) -> str:
    if isinstance(base, ast.Attribute):
        return base.attr
    return base.id if isinstance(base, ast.Name) else ""


@pytest.mark.parametrize("module", _TABLES)
def test_columns_carry_the_words_of_the_house(module: str) -> None:
    """Times end in `_at` or `_until`; nobody is a "user" in our own tables, where persons and accounts are different things."""
    wrong = [f"{column.table.name}.{column.name}" for column in _columns(module) if _misnamed(column)]
    assert wrong == []


def _columns(module: str) -> Iterator[Column[object]]:
    for table in importlib.import_module(module).METADATA.tables.values():
        yield from table.columns


def _misnamed(column: Column[object]) -> bool:
    from kernel.database import UtcDateTime

    is_time = isinstance(column.type, UtcDateTime)
    says_time = column.name == "at" or column.name.endswith(("_at", "_until"))
    return is_time != says_time or column.name.startswith("user_id")
