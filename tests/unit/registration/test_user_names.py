"""User names: every rule and every printed example of MAN-107 §6 (R-054..R-067)."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registration.domain.user_names import (
    LONGEST,
    NamePolicy,
    Step,
    is_acceptable,
    machine_candidate,
    personal_candidates,
)

NAMES = st.text(
    alphabet=st.characters(codec="utf-8", categories=("L", "M", "Zs", "Pd"), exclude_characters="\u0000"),
    max_size=24,
)


def candidates(first: str, last: str, middle: str = "", *, count: int = 6) -> list[str]:
    found = personal_candidates(first_name=first, last_name=last, middle_name=middle)
    return [candidate.name for candidate in itertools.islice(found, count)]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [("Jim", "Jones", "jonesj"), ("Steve", "MacMasterly", "macmasts"), ("Jim", "Smith", "smithj")],
)
def test_the_first_candidate_is_the_last_name_cut_at_seven_and_an_initial(
    first: str, last: str, expected: str
) -> None:
    """R-054..R-056."""
    assert candidates(first, last)[0] == expected


@pytest.mark.parametrize(
    ("first", "middle", "expected"),
    [
        ("Jim", "L.", "smithjl"),
        # The manual prints "smithjs" here, which no letter of "John H." can give: a slip.
        ("John", "H.", "smithjh"),
    ],
)
def test_with_a_middle_name_the_second_candidate_ends_in_both_initials(
    first: str, middle: str, expected: str
) -> None:
    """R-057, R-058."""
    assert candidates(first, "Smith", middle)[1] == expected


def test_without_a_middle_name_the_width_is_kept_and_the_first_name_gives_more_letters() -> None:
    """R-059: Jim Smith Jr. is smitji, not smithji; a third Jim Smith is smijim."""
    assert candidates("Jim", "Smith", count=3) == ["smithj", "smitji", "smijim"]


def test_letters_run_out_and_then_come_numerals_flagged_as_such() -> None:
    """R-060: "where feasible" allows what no rule names; the step is kept so that it can be flagged."""
    found = list(itertools.islice(personal_candidates(first_name="Li", last_name="Wu"), 4))
    assert [candidate.name for candidate in found] == ["wul", "wli", "wul2", "wul3"]
    assert [candidate.step for candidate in found] == [Step.SHORT, Step.WIDENED, Step.NUMERAL, Step.NUMERAL]


def test_numerals_take_the_place_of_letters_within_eight_characters() -> None:
    """R-054."""
    found = personal_candidates(first_name="Steve", last_name="MacMasterly")
    numerals = [
        candidate.name for candidate in itertools.islice(found, 120) if candidate.step is Step.NUMERAL
    ]
    assert numerals[0] == "macmast2"
    assert "macmas10" in numerals
    assert "macma100" in numerals


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("Sean", "O'Neil", "oneils"),
        ("Zoé", "van der Berg", "vanderbz"),
        ("Jean", "St-Pierre", "stpierrj"),
        ("Jürgen", "Müller", "mullerj"),
        ("Łukasz", "Wójcik", "wojcikl"),
        ("Åsa", "Strauß", "straussa"),
        ("", "Suharto", "suharto"),
        ("Cher", "", "cher"),
    ],
)
def test_accents_fold_and_everything_but_letters_is_dropped(first: str, last: str, expected: str) -> None:
    assert candidates(first, last)[0] == expected


def test_a_name_that_folds_to_nothing_has_no_candidate() -> None:
    """The form asks for a Latin spelling instead of inventing one."""
    assert candidates("Иван", "Петров") == []


def test_a_person_never_gets_a_name_that_looks_like_a_machine_account() -> None:
    """R-065, I-07: Bo Apiieso would be apiiesob."""
    found = candidates("Bo", "Apiieso", count=50)
    assert found
    assert not [name for name in found if name.startswith("apiieso")]


@pytest.mark.parametrize("name", ["admin", "root", "ieso", "root2", "apiieso1", "fuckit", "tit", "tit2"])
def test_reserved_and_offensive_names_are_never_issued(name: str) -> None:
    assert not is_acceptable(name)


@pytest.mark.parametrize("name", ["hancockj", "spicerj", "scuntho" + "x", "dickinsj", "cassidyt"])
def test_ordinary_surnames_are_not_taken_for_insults(name: str) -> None:
    assert is_acceptable(name) == ("cunt" not in name)


def test_the_operator_may_add_words() -> None:
    policy = NamePolicy(reserved=frozenset({"jonesj"}), offensive=frozenset({"neji"}))
    found = personal_candidates(first_name="Jim", last_name="Jones", policy=policy)
    assert next(found).name == "jonjim"


def test_a_refused_word_is_cut_before_numerals_are_added() -> None:
    policy = NamePolicy(offensive=frozenset({"wul", "wli"}))
    found = personal_candidates(first_name="Li", last_name="Wu", policy=policy)
    assert next(found).name == "wu2"


@given(first=NAMES, last=NAMES, middle=NAMES)
def test_whatever_the_name_every_candidate_has_the_form_of_a_user_name(
    first: str, last: str, middle: str
) -> None:
    """I-07: `^[a-z]{1,8}$`, or flagged as a numeral; never like a machine; never twice."""
    found = list(
        itertools.islice(personal_candidates(first_name=first, last_name=last, middle_name=middle), 40)
    )
    for candidate in found:
        shape = r"[a-z]{1,7}[0-9]{1,4}" if candidate.step is Step.NUMERAL else r"[a-z]{1,8}"
        assert re.fullmatch(shape, candidate.name), candidate
        assert len(candidate.name) <= LONGEST
        assert not candidate.name.startswith("apiieso")
        assert is_acceptable(candidate.name)


@given(first=st.from_regex(r"[a-z]{1,9}", fullmatch=True), last=st.from_regex(r"[a-z]{1,12}", fullmatch=True))
def test_namesakes_never_run_out_of_names(first: str, last: str) -> None:
    """I-07: a hundred namesakes get a hundred names."""
    names = candidates(first, last, count=130)
    assert len(set(names)) >= 100


def test_machine_names_are_numbered_with_five_digits() -> None:
    """R-065, R-066: the text says six characters, the prefix has seven."""
    assert machine_candidate(12).name == "APIIESO00012"
    assert machine_candidate(99_999).name == "APIIESO99999"
    with pytest.raises(ValueError, match="numbered from 1"):
        machine_candidate(100_000)
