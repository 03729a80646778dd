"""What somebody presents is never compared by a comparison that stops at the first difference."""

from __future__ import annotations

import ast
import inspect
import re

from kernel import crypto
from tests.architecture.sources import modules, tree

SECRET = re.compile(r"(secret|digest|password|token|_mac|signature|verifier|hash)$")

NOTHING_PRESENTED = {
    "found.password.hash != stored": "a stored hash against the one that was stored a moment ago",
    "known.digest == digest": "a column of a statement",
    "form.plan_digest != outcome.plan.digest": "the digest of a plan that was shown to whoever sends it back",
    "digest == catalogue.digest": "the digest of a file of the operator's",
    "self._token == token": "the worker's own token against the one that it just used",
}


def comparisons() -> set[str]:
    """Return every comparison of two values of which one is called as secrets are."""
    found = set()
    for path in modules():
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Compare):
                continue
            if not all(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
                continue
            sides = [node.left, *node.comparators]
            said = [ast.unparse(each) for each in sides]
            is_column = any(".c." in each for each in said)
            is_constant = any(isinstance(each, ast.Constant) for each in sides)
            if not is_column and not is_constant and any(map(SECRET.search, said)):
                found.add(ast.unparse(node))
    return found


def test_no_secret_is_compared_by_equality() -> None:
    """CA-10: digests are looked up in the database, or compared by one function that takes its full time."""
    assert comparisons() == set(NOTHING_PRESENTED)


def test_that_function_is_the_one_made_for_it() -> None:
    """CA-10, CVE-2022-3143: `hmac.compare_digest`, and nothing before it looks at the values."""
    body = ast.parse(inspect.getsource(crypto.same)).body[0]
    assert isinstance(body, ast.FunctionDef)
    assert [ast.unparse(each) for each in body.body[1:]] == ["return hmac.compare_digest(left, right)"]
