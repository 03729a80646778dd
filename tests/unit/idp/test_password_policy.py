"""Password rules: each refusal names its rule and its parameter."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.guesses import strength
from idp.domain.password_policy import (
    Fault,
    FaultCode,
    Owner,
    RequirementCode,
    normal,
    password_faults,
    requirements,
)
from idp.domain.policy_profiles import FORBIDDEN, IESO_2025, NIST_63B_4, explain, profile_named

JONES = Owner("jonesj", ("Jane", "Jones"), "jane.jones@acme.example")
GOOD = "Quiet-Harbour-71"


def codes(
    password: str, profile: object = IESO_2025, owner: Owner = JONES, repeat: str | None = None
) -> set[str]:
    return {
        fault.code.value
        for fault in password_faults(password, profile=profile, owner=owner, repeat=repeat)  # type: ignore[arg-type]
    }


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "empty"),
        ("Ab1-xyz", "too_short"),
        ("quiet-harbour-71", "no_upper"),
        ("QUIET-HARBOUR-71", "no_lower"),
        ("Quiet-Harbour-xy", "no_digit"),
        ("QuietHarbour71xq", "no_special"),
        ("Quiet-Harbour 71", "space"),
        ("Quiet-Harbour-71\t", "space"),
        ("Quiet-Harbour\x0071", "control_character"),
        ("Quiet-Jonesj-71x", "contains_user_name"),
        ("Quiet-Onesjx-71x", "contains_user_name"),
        ("Quiet-JANE-bay-71", "contains_name"),
        ("Password1!", "common"),
        ("P@ssw0rd1!", "common"),
        ("Motdepasse1!", "common"),
        ("Azertyuiop1!", "common"),
        ("Soleil2024!", "common"),
        ("Grenouille7!", "dictionary_word"),
        ("Écureuil77!", "dictionary_word"),
        ("Elephants12!", "dictionary_word"),
        ("21-06-1985Ab", "too_weak"),
        ("Ab1!Ab1!Ab1!", "too_weak"),
    ],
)
def test_each_rule_refuses_what_breaks_it(password: str, code: str) -> None:
    """G-41, G-42, G-43, G-44, G-46, G-47, G-49, G-50; X-01, X-02, X-03."""
    assert code in codes(password)


@pytest.mark.parametrize("character", list(FORBIDDEN))
def test_each_forbidden_character_is_named(character: str) -> None:
    """G-45: the message says which character to remove."""
    faults = password_faults(f"Quiet{character}Harbour-71", profile=IESO_2025, owner=JONES)
    assert Fault(FaultCode.FORBIDDEN_CHARACTER, character) in faults


def test_every_broken_rule_is_said_at_once() -> None:
    """G-55: one does not learn the rules one by one."""
    assert codes("a b&") >= {
        "too_short",
        "no_upper",
        "no_digit",
        "no_special",
        "forbidden_character",
        "space",
    }


def test_refusals_carry_their_parameters() -> None:
    """G-55: the sentence can name the number, the user name, the name."""
    assert password_faults("Ab1-", profile=IESO_2025, owner=JONES)[0] == Fault(FaultCode.TOO_SHORT, "8")
    found = password_faults("Jonesj-Jane-71xq", profile=IESO_2025, owner=JONES)
    assert Fault(FaultCode.CONTAINS_USER_NAME, "jonesj") in found
    assert Fault(FaultCode.CONTAINS_NAME, "Jane") in found


@pytest.mark.parametrize(
    "password", [GOOD, "Correct-Horse7!battery", "Élan-vital#42-où", "xK7#pq2!zR9v", "Тихая-Гавань-71"]
)
def test_what_keeps_every_rule_is_accepted(password: str) -> None:
    """G-41 to G-50 together, with letters of any script."""
    assert codes(password) == set()


def test_names_are_found_without_case_and_accents() -> None:
    """G-47, G-49: the name in other letters is still the name."""
    owner = Owner("berubem", ("Mélanie", "Bérubé"), "")
    assert "contains_name" in codes("Quiet-melanie-71X", owner=owner)
    assert "contains_user_name" in codes("Quiet-BERUBEM-71x", owner=owner)


def test_short_names_and_empty_owners_forbid_nothing_by_accident() -> None:
    """G-47: two letters are no part of a name worth refusing."""
    assert codes(GOOD, owner=Owner("li", ("Bo", ""), "@")) == set()
    assert codes(GOOD, owner=Owner()) == set()


def test_the_repeat_must_be_the_same() -> None:
    """G-62, G-73: typed twice, in any Unicode spelling of the same text."""
    assert codes(GOOD, repeat=GOOD + "x") == {"repeat_differs"}
    spelt = "Élan-vital#42-où"
    assert codes(spelt, repeat=unicodedata.normalize("NFD", spelt)) == set()


def test_one_spelling_form_is_used_and_nothing_is_trimmed() -> None:
    """LG-05: NFC at set and verify; a space or a zero-width character makes another password."""
    assert normal("e\u0301") == normal("\u00e9") == "\u00e9"
    assert normal("abc ") == "abc "
    assert normal("a\u200bb") != normal("ab")
    assert normal("\uff21") == "\uff21"


def test_too_long_is_refused_before_anything_is_computed() -> None:
    """LG-01: 1,024 bytes are allowed whole, one more is refused; broken Unicode is nobody's password."""
    assert normal("x" * 1024) is not None
    assert normal("x" * 1025) is None
    assert normal("\ud800") is None
    assert codes("x" * 1025) == {"too_long"}
    assert codes("x" * 10_000_000) == {"too_long"}


def test_the_estimator_is_never_given_more_than_it_takes() -> None:
    """G-50: zxcvbn raises above 72 characters; the first 72 are scored, and what follows changes nothing."""
    first = ("Quiet-Harbour-71" * 60)[:72]
    assert strength(first + "x" * 10_000) == strength(first) >= 3


def test_the_list_of_requirements_names_their_sources() -> None:
    """G-16, G-55: what the page lists comes from the profile, each line with its demand."""
    listed = requirements(IESO_2025)
    assert [each.code for each in listed] == list(RequirementCode)
    assert listed[0].value == "8"
    assert listed[-1].value == "4"
    assert all(each.source.startswith("G-") for each in listed)


def test_the_modern_profile_has_no_composition_rules() -> None:
    """NIST SP 800-63B-4 §3.1.1.2: length and blocklist only; spaces and every character are allowed."""
    assert codes("quiet harbour & lantern", NIST_63B_4) == set()
    assert codes("password", NIST_63B_4) == {"common"}
    assert codes("short", NIST_63B_4) == {"too_short"}


def test_without_a_second_factor_the_modern_profile_asks_for_fifteen() -> None:
    """NIST SP 800-63B-4 §3.1.1.2: single-factor passwords are longer."""
    assert profile_named("nist-63b-4").shortest == 8
    assert profile_named("nist-63b-4", factor_required=False).shortest == 15
    assert profile_named("ieso-2025", factor_required=False).shortest == 8


def test_every_rule_is_explained_with_its_source() -> None:
    """ASVS 6.1: what departs from a norm says so."""
    lines = explain(IESO_2025)
    assert {line.rule for line in lines} >= {"characters at least", "renewal after", "a security question"}
    assert all(line.source for line in lines)
    departing = {line.rule for line in lines if line.departs_from}
    assert {"a special character", "characters refused", "renewal after", "a security question"} <= departing
    assert not [
        line for line in explain(NIST_63B_4) if line.departs_from and line.rule != "characters at least"
    ]


@given(st.text(max_size=200))
def test_the_policy_answers_for_every_text(text: str) -> None:
    """LG-12: whatever is typed, there is an answer and no accident."""
    for fault in password_faults(text, profile=IESO_2025, owner=JONES):
        assert isinstance(fault, Fault)


@given(st.text(min_size=1, max_size=40))
def test_a_password_with_the_user_name_in_it_is_always_refused(text: str) -> None:
    """G-47, whatever surrounds it."""
    assert password_faults(text + "jonesj", profile=IESO_2025, owner=JONES)


def test_a_switched_off_rule_refuses_nothing() -> None:
    """Profiles are data: a rule that is off is off."""
    off = replace(NIST_63B_4, common=False, names=False, user_name_part=0)
    assert codes("jonesj-password", off) == set()
