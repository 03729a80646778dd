"""Temporary passwords: what is read over a telephone (G-67), and tickets that name nobody."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from idp.domain.temporary_password import ALPHABET, LENGTH, may_be_given, spelled, temporary_password

NUMBERS = st.lists(st.integers(0, len(ALPHABET) - 1), min_size=LENGTH, max_size=LENGTH)
NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


def test_nothing_is_taken_for_something_else_and_chance_is_enough() -> None:
    """G-67, NIST SP 800-63B-4 §3.1.1: no 0 and O, no 1 and l and I; more than 64 bits."""
    assert not set(ALPHABET) & set("0o1li")
    assert len(set(ALPHABET)) == len(ALPHABET) == 31
    assert len(ALPHABET) ** LENGTH > 2**64


@given(NUMBERS, NUMBERS)
def test_it_comes_in_groups_of_four_and_tells_all_that_was_drawn(one: list[int], two: list[int]) -> None:
    """G-67: every draw is another password."""
    found = temporary_password(one)
    assert [len(group) for group in found.split("-")] == [4, 4, 4, 4]
    assert [ALPHABET.index(each) for each in found.replace("-", "")] == one
    assert (found == temporary_password(two)) is (one == two)


@given(NUMBERS)
def test_it_is_spelled_by_words_that_begin_as_its_letters_do(drawn: list[int]) -> None:
    """G-67: who writes down what was heard has the password."""
    password = temporary_password(drawn)
    heard = "-".join("".join(word[0] for word in group.split()) for group in spelled(password))
    assert heard.lower() == password


def test_a_lasting_password_is_never_over_and_a_temporary_one_at_its_instant() -> None:
    """Bar 13: the last instant is too late."""
    assert may_be_given(None, now=NOON)
    assert may_be_given(NOON + dt.timedelta(microseconds=1), now=NOON)
    assert not may_be_given(NOON, now=NOON)
