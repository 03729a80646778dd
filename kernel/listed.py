"""A list as one bound value: a statement that names a thousand ids is the same text as one that names one.

So it is compiled and planned once, and a difference of sets is computed where the other set is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from kernel.database import JsonText


class _Each(FunctionElement[str]):
    """The entries of a JSON list of texts, as rows with one column ``value`` on both dialects."""

    inherit_cache = True
    name = "each_of"


@compiles(_Each, "sqlite")
def _each_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Each, "postgresql")
def _each_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    # Of an array it guesses ten entries, of a JSON list a hundred, for which it would read tables whole.
    entries = f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSON))"
    return f"(SELECT unnest(ARRAY(SELECT {entries})) AS value)"


def listed(name: str = "ids") -> Select[tuple[str]]:
    """Return the texts of the list that is bound as ``name`` when the statement runs, one row each."""
    return select(_Each(bindparam(name, type_=JsonText())).table_valued("value").c.value)
