"""Which attributes differ between two documents: names alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.changed_names import changed_names

EXTENSION = "urn:example:2.0:User"


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ({}, {}, ()),
        ({"title": "a"}, {"title": "a"}, ()),
        ({"title": "a"}, {"title": "b"}, ("title",)),
        ({"title": "a"}, {}, ("title",)),
        ({}, {"title": "a", "active": False}, ("active", "title")),
        ({"name": {"givenName": "a", "familyName": "b"}}, {"name": {"givenName": "a"}}, ("name.familyName",)),
        ({}, {"name": {"givenName": "a"}}, ("name.givenName",)),
        ({"emails": [{"value": "a"}]}, {"emails": [{"value": "b"}]}, ("emails",)),
        ({EXTENSION: {"personId": "1"}}, {EXTENSION: {"personId": "2"}}, ("personId",)),
        ({EXTENSION: {"personId": "1"}}, {}, ("personId",)),
        ({"schemas": ["a"]}, {"schemas": ["b"], EXTENSION: {"sourceVersion": 2}}, ()),
    ],
)
def test_what_differs_is_named(before: dict[str, Any], after: dict[str, Any], names: tuple[str, ...]) -> None:
    """O11: an attribute, the part of a complex one, an extension's attribute; a list as a whole."""
    assert changed_names(json.dumps(before), json.dumps(after)) == names


_VALUES = st.text(max_size=4) | st.booleans() | st.lists(st.text(max_size=3), max_size=2)
_DOCUMENTS = st.dictionaries(
    st.sampled_from(("title", "name", "emails", EXTENSION)),
    _VALUES | st.dictionaries(st.sampled_from(("givenName", "personId")), _VALUES, max_size=2),
)


@given(_DOCUMENTS, _DOCUMENTS)
def test_names_only_and_the_same_both_ways(before: dict[str, Any], after: dict[str, Any]) -> None:
    """LI-03: no value is ever among them, and what came differs from what went by nothing else."""
    there = changed_names(json.dumps(before), json.dumps(after))
    assert set(there) <= {"title", "name", "emails", EXTENSION, "givenName", "personId"} | {
        f"{head}.{part}" for head in ("title", "name", "emails") for part in ("givenName", "personId")
    }
    assert there == changed_names(json.dumps(after), json.dumps(before))
