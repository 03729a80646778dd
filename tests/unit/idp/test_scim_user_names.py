"""User names: one key for uniqueness, sign-in and filters (C5, E14, SF-07)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.user_name import LONGEST, UserNameFault, fold, user_name_fault, user_name_key


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", UserNameFault.BLANK),
        ("  ", UserNameFault.BLANK),
        ("\u3000", UserNameFault.BLANK),
        ("n" * (LONGEST + 1), UserNameFault.TOO_LONG),
        ("\ufdfa" * 100, UserNameFault.TOO_LONG),
        (" n", UserNameFault.SPACE_AROUND),
        ("n\u00a0", UserNameFault.SPACE_AROUND),
        ("a\x00b", UserNameFault.CONTROL_CHARACTER),
        ("a\u200bb", UserNameFault.CONTROL_CHARACTER),
        ("a\u202eb", UserNameFault.CONTROL_CHARACTER),
        ("a\nb", UserNameFault.CONTROL_CHARACTER),
        ("fieldn", None),
        ("Nora Field", None),
        ("m\u00fcller@acme.example", None),
        ("APIIESO00001", None),
    ],
)
def test_a_user_name_can_be_seen_and_is_not_endless(name: str, fault: UserNameFault | None) -> None:
    """What is refused says why."""
    assert user_name_fault(name) is fault


@pytest.mark.parametrize(
    "same",
    [
        ("fieldn", "FIELDN", "FieldN", "\uff46\uff49\uff45\uff4c\uff44\uff4e"),
        ("kelvin", "\u212aelvin"),
        ("stra\u00dfe", "STRASSE", "strasse"),
        ("caf\u00e9", "cafe\u0301", "CAF\u00c9"),
        ("\u01c4", "\u01c6", "d\u017e"),
    ],
)
def test_names_that_look_alike_are_one(same: tuple[str, ...]) -> None:
    """Case, width, ligatures and composition make no second account."""
    assert len({user_name_key(name) for name in same}) == 1


def test_names_that_differ_stay_apart() -> None:
    """A dotless i, an accent and a space are differences."""
    names = ["i", "\u0131", "e", "\u00e9", "a b", "ab"]
    assert len({user_name_key(name) for name in names}) == len(names)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    """A stored key may be folded again."""
    assert fold(fold(text)) == fold(text)
