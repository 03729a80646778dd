"""Whom a selection of members meets: lines H7, E12 and O12, without a database."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import InvalidPathException, TooManyException
from scim2_models.path import Path

from scim.domain.group_patch import Held, read_group_patch
from scim.domain.member_selection import read_selection
from scim.domain.models import GROUP_SCHEMA, Group
from scim.domain.patch_effort import MOST_MEMBERS_COMPARED, Effort

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


def removing(*selections: str) -> list[dict[str, Any]]:
    """Give the operations that remove whom each selection meets."""
    return [{"op": "remove", "path": f"members[{each}]"} for each in selections]


@pytest.mark.parametrize(
    "selections",
    [['value eq "1" and not (type eq "user")'], ["value pr", *['type eq "x"'] * 3]],
)
def test_selections_that_compare_too_much_are_refused(selections: list[str]) -> None:
    """O12: 400 tooMany, whether one of them costs it or all of a request; nobody is left to be met at no cost."""
    held = Held(dict.fromkeys(map(str, range(MOST_MEMBERS_COMPARED // 3)), "User"), str)
    fitting = read_group_patch(removing('type eq "user"'), held=held)
    assert fitting.members.removed == held.kinds.keys()
    with pytest.raises(TooManyException) as refused:
        read_group_patch(removing(*selections), held=held)
    assert (refused.value.status, refused.value.scim_type) == (400, "tooMany")


def test_the_selections_of_a_job_cost_no_more_than_those_of_a_request() -> None:
    """O12, RX-13: twenty PATCHes in one bulk job kept a process busy for half a minute."""
    held, effort = Held(dict.fromkeys(map(str, range(10)), "User"), str), Effort()
    effort.spend_on_members(MOST_MEMBERS_COMPARED - 10)
    read_group_patch(removing('type eq "group"'), held=held, effort=effort)
    with pytest.raises(TooManyException):
        read_group_patch(removing('type eq "group"'), held=held, effort=effort)


def test_the_type_of_one_that_comes_with_the_request_is_looked_up_once() -> None:
    """O12: however many selections it is put to."""
    asked: list[str] = []

    def kind_of(member_id: str) -> str:
        asked.append(member_id)
        return "Group" if member_id == "g" else "User"

    coming = {"op": "add", "path": "members", "value": [{"value": "g"}, {"value": "u"}]}
    operations = [coming, *removing('type eq "x"', 'type eq "group"', 'type eq "y"')]
    patch = read_group_patch(operations, held=Held({}, kind_of))
    assert (patch.members.added, sorted(asked)) == ({"u"}, ["g", "u"])


def test_members_may_be_named_one_by_one() -> None:
    """H7: who is named by ids is known without a look at the group."""
    assert read_selection('value eq "1" or (VALUE eq "2" or value eq "1")').named == {"1", "2"}
