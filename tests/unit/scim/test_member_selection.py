"""Whom a selection of members meets: lines H7, E12 and O12, without a database."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import InvalidPathException, TooManyException
from scim2_models.path import Path

from scim.domain.member_selection import MOST_COMPARISONS, read_selection
from scim.domain.models import GROUP_SCHEMA, Group

IDS = ("01A", "01B", "02a", "x")
OPERATORS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ"])
VALUES = st.sampled_from([*(f'"{each}"' for each in IDS), '"0"', '"a"', '""', "null"])
TYPES = st.sampled_from(['"User"', '"group"', '"U"', "null"])
TERMS = st.one_of(
    st.builds("value {} {}".format, OPERATORS, VALUES),
    st.builds("type {} {}".format, st.sampled_from(["eq", "ne", "co", "sw", "ew"]), TYPES),
    st.sampled_from(["value pr", "TYPE pr"]),
)
SELECTIONS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
    ),
    max_leaves=5,
)


@given(selection=SELECTIONS, kinds=st.dictionaries(st.sampled_from(IDS), st.sampled_from(["User", "Group"])))
def test_a_selection_meets_whom_the_library_finds(selection: str, kinds: dict[str, str]) -> None:
    """H7, E12: members are put to a selection as the entries of any list are."""
    members = [{"value": each, "type": kind} for each, kind in kinds.items()]
    group = Group.model_validate({"schemas": [GROUP_SCHEMA], "displayName": "g", "members": members})
    found = Path[Group](f"members[{selection}]").get(group) or []
    assert read_selection(selection).among(kinds) == {each.value for each in found}


@given(st.text(max_size=30))
def test_whatever_stands_in_the_brackets_is_read_or_refused(text: str) -> None:
    """B7, H7: 400 invalidPath, and no other failure."""
    with suppress(InvalidPathException):
        read_selection(text)


def test_a_selection_that_compares_too_much_is_refused() -> None:
    """O12: 400 tooMany; the same members may be named one by one."""
    kinds = dict.fromkeys(map(str, range(MOST_COMPARISONS // 3)), "User")
    assert len(read_selection('type eq "user"').among(kinds)) == len(kinds)
    with pytest.raises(TooManyException) as refused:
        read_selection('value eq "1" and not (type eq "user")').among(kinds)
    assert (refused.value.status, refused.value.scim_type) == (400, "tooMany")
    assert read_selection('value eq "1" or (VALUE eq "2" or value eq "1")').named == {"1", "2"}
