"""A filter is walked without recursion: only its caps bound it, never the stack of the process (E11)."""

from __future__ import annotations

import pytest
from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import Not as NotNode

from idp.domain.query import AllOf, AnyOf, Compare, Constant, Not, OfItem, Operator, outside_in
from scim.domain.catalogue import GROUPS, USERS
from scim.domain.filters import DEEPEST, MOST_TERMS, _Compiler, compile_filter

DEEP = 50_000


def _name(value: str) -> Compare:
    return Compare("username", Operator.EQ, value)


def test_no_depth_of_a_tree_is_one_of_the_stack() -> None:
    """E11: fifty thousand negations are compiled and looked through; the grammar never lets them come."""
    node = ScimFilter('userName eq "ann"').ast
    for _ in range(DEEP):
        node = NotNode(node)
    condition = _Compiler(USERS, ()).compiled(node)
    walked = outside_in(condition)
    assert len(walked) == DEEP + 1
    assert walked[-1] == _name("ann")
    while isinstance(condition, Not):  # taken apart here, because Python itself would do it by recursion
        condition = condition.term


def test_terms_stay_in_their_order_and_in_their_brackets() -> None:
    """E1, E2: precedence, grouping and selections, in one filter."""
    text = (
        'userName eq "a" or (userName eq "b" and not (emails[type eq "work" and value co "c"])) and title pr'
    )
    condition = compile_filter(text, USERS)
    assert isinstance(condition, AnyOf)
    first, rest = condition.terms
    assert first == _name("a")
    assert isinstance(rest, AllOf)
    inner = rest.terms[0]
    assert isinstance(inner, AllOf)
    assert inner.terms[0] == _name("b")
    within = (Compare("emails.type", Operator.EQ, "work"), Compare("emails.value", Operator.CO, "c"))
    assert inner.terms[1] == Not(OfItem("emails", AllOf(within)))


def test_what_another_type_has_is_false_here_and_the_rest_is_read() -> None:
    """RFC 7644 §3.4.2.1: a question to several types names what only one of them has."""
    text = 'members[type eq "User" and value pr] or (members.value eq "x" and userName eq "b")'
    false = Constant(value=False)
    assert compile_filter(text, USERS, [GROUPS]) == AnyOf((false, AllOf((false, _name("b")))))
    for wrong in (text, "nope eq 1 or members pr", "emails[nope eq 1]", "members.nope pr"):
        with pytest.raises(InvalidFilterException, match="no attribute"):
            compile_filter(wrong, USERS, () if wrong is text else [GROUPS])


def test_a_filter_beyond_its_caps_is_refused() -> None:
    """E11: as many levels and terms as are allowed, and one more of either."""
    deep = "(" * DEEPEST + "title pr" + ")" * DEEPEST
    assert compile_filter(deep, USERS) == compile_filter("title pr", USERS)
    wide = " or ".join(["title pr"] * MOST_TERMS)
    assert isinstance(compile_filter(wide, USERS), AnyOf)
    for text in (f"({deep})", f"{wide} or title pr", f"emails[({deep})]"):
        with pytest.raises(InvalidFilterException):
            compile_filter(text, USERS)
