"""What has to be written down: each module says what it owns, each option what it does."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import itertools
import pkgutil
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from tests.architecture.sources import PACKAGES, ROOT, modules, shown, tree

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_every_module_says_what_it_owns() -> None:
    """Each module and each package opens with a docstring."""
    silent = [shown(path) for path in modules() if not ast.get_docstring(tree(path))]
    assert silent == []


def test_every_folder_of_code_is_a_package_that_states_its_law() -> None:
    """No folder with modules lacks its `__init__.py`."""
    folders = {path.parent for path in modules()}
    outside = {folder for folder in folders if "migrations" in folder.parts}
    assert [
        shown(folder) for folder in sorted(folders - outside) if not (folder / "__init__.py").exists()
    ] == []


def _settings_modules() -> Iterator[str]:
    for package in PACKAGES:
        folder = ROOT / package
        names = [name for _, name, _ in pkgutil.iter_modules([str(folder)])]
        if "settings" in names:
            yield f"{package}.settings"


@pytest.mark.parametrize("name", list(_settings_modules()))
def test_every_option_is_documented(name: str) -> None:
    """Each option of each settings class carries the sentence that the example file shows."""
    module = importlib.import_module(name)
    classes = [
        kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__
    ]
    silent = [f"{kind.__name__}.{option}" for kind in classes for option in _undocumented(kind)]
    assert silent == []


def _undocumented(kind: type) -> list[str]:
    if issubclass(kind, BaseModel):
        nested = {
            option
            for option, field in kind.model_fields.items()
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        }
        return [
            option
            for option, field in kind.model_fields.items()
            if not field.description and option not in nested
        ]
    if dataclasses.is_dataclass(kind):
        documented = _attribute_docstrings(kind)
        return [field.name for field in dataclasses.fields(kind) if field.name not in documented]
    return []


def _attribute_docstrings(kind: type) -> set[str]:
    source = tree(ROOT / (kind.__module__.replace(".", "/") + ".py"))
    body = next(
        node.body for node in source.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    )
    return {
        first.target.id
        for first, second in itertools.pairwise(body)
        if isinstance(first, ast.AnnAssign)
        and isinstance(first.target, ast.Name)
        and isinstance(second, ast.Expr)
        and isinstance(second.value, ast.Constant)
        and isinstance(second.value.value, str)
    }
