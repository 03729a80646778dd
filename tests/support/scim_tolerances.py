"""The tolerances as the documentation lists them, read from their own docstrings."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from scim.domain import profile as profile_module
from scim.domain.profile import Profile

_WORDS = re.compile(
    r"(?P<does>.+?) \((?P<lines>[^()]*)\)\.\s+Sent by: (?P<who>.+?)\. Else: (?P<otherwise>.+?)\.", re.DOTALL
)


@dataclass(frozen=True)
class Told:
    """What the docstring of one tolerance says."""

    name: str
    does: str
    lines: str
    who: str
    otherwise: str


def told() -> Iterator[Told]:
    """Give every tolerance with its words; each of them must say what it does, for whom, and what else."""
    (cls,) = (
        node
        for node in ast.parse(inspect.getsource(profile_module)).body
        if isinstance(node, ast.ClassDef) and node.name == "Tolerance"
    )
    statements = cls.body[1:]
    for stated, words in zip(statements[::2], statements[1::2], strict=True):
        assert isinstance(stated, ast.AnnAssign)
        assert isinstance(stated.target, ast.Name)
        assert isinstance(words, ast.Expr)
        text = inspect.cleandoc(str(ast.literal_eval(words.value))).replace("``", "`")
        match = _WORDS.fullmatch(text)
        assert match is not None, stated.target.id
        yield Told(stated.target.id, *match.groups())


def table() -> str:
    """Return the table of docs/scim-clients.md."""
    head = ["Tolerated", "Sent or allowed by", *(f"`{each}`" for each in Profile), "Else"]
    rows = [head, ["---"] * len(head)]
    for each in told():
        marks = ["yes" if getattr(profile.tolerance, each.name) else "no" for profile in Profile]
        rows.append([each.does, each.who, *marks, each.otherwise])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
