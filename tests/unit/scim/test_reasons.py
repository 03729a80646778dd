"""Reasons of refusals are told in words of a list, so that no value of a request is among them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.domain.models import USER_EXTENSION
from scim.domain.reasons import _VOCABULARY, told_reason
from tests.architecture.sources import ROOT

_WORDED = {"refusal", "_challenge", "_conflict"}


def _sentences() -> Iterator[str]:
    """Give every sentence that the face itself answers a refusal with."""
    for path in sorted((ROOT / "scim").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            said = [each.value for each in node.keywords if each.arg == "detail"]
            said += node.args if called in _WORDED else []
            for each in said:
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield each.value
                elif isinstance(each, ast.JoinedStr):
                    yield "".join(str(part.value) for part in each.values if isinstance(part, ast.Constant))


def test_our_own_sentences_stay_whole() -> None:
    """O11: a word that is missing from the list would leave a gap in a reason; add it there."""
    words = {
        word for sentence in _sentences() if " " in sentence for word in re.findall(r"[A-Za-z]+", sentence)
    }
    ours = {word for word in words if word.lower() not in _VOCABULARY}
    assert sorted(ours) == []


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("Another resource has this 'userName' already.", "Another resource has this 'userName' already."),
        ("There is no attribute 'nora@acme.example'.", "There is no attribute '…'."),
        ("invalid syntax at: Nora Field 416-555-0100", "invalid syntax at: …"),
        ("'emails.value' is no e-mail address", "'emails.value' is no e-mail address"),
        (
            "'schemas' must name urn:ietf:params:scim:schemas:core:2.0:User.",
            "'schemas' must name urn:ietf:params:scim:schemas:core:2.0:User.",
        ),
        ("The value must be text: phoneNumbers[12].value", "The value must be text: phoneNumbers.value"),
        ("The value must be text: emails[4165550100].value", "The value must be text: …"),
        ("'groups.$ref' is read-only", "'groups.$ref' is read-only"),
        (f"'{USER_EXTENSION}:personId' is read-only", f"'{USER_EXTENSION}:personId' is read-only"),
        (f"The value must be text: {USER_EXTENSION}:nora.field", "The value must be text: …"),
        ("", ""),
    ],
)
def test_what_may_be_a_value_becomes_a_gap(detail: str, told: str) -> None:
    """SF-09, N6: attributes and schemas are named, nothing else of the request is."""
    assert told_reason(detail) == told


@given(st.text(max_size=400))
def test_no_word_that_is_not_on_the_list_is_told(detail: str) -> None:
    """LI-03, LI-01: whatever a detail holds, and however long it is."""
    told = told_reason(detail)
    assert len(told) <= 240
    tokens = re.findall(r"urn:[\w:.-]*\w|\w+", told)
    assert all(each.lower() in _VOCABULARY or each.startswith("urn:ietf:params:scim") for each in tokens)
