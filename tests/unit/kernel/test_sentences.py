"""What one party wrote does nothing to the sentence it stands in (CVE-2021-42574, LI-03)."""

from __future__ import annotations

import pytest

from kernel.sentences import breaks_a_sentence, in_a_sentence, without_turns

_TURNS = "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


@pytest.mark.parametrize("turn", _TURNS)
def test_what_turns_the_writing_round_is_left_out(turn: str) -> None:
    assert breaks_a_sentence(f"a{turn}b")
    assert (in_a_sentence(f"a{turn}b"), without_turns(f"a{turn}b\n")) == ("ab", "ab\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x85", "\u2028", "\u2029", "\x00", "\x1b", "\t", "\x7f"])
def test_what_ends_a_line_is_a_space(end: str) -> None:
    assert breaks_a_sentence(f"a{end}b")
    assert in_a_sentence(f"a{end}b") == "a b"


@pytest.mark.parametrize(
    "text", ["", " two  spaces ", "O'Neil & <Co>", "بوابة السوق", "⚡👩‍👩‍👧", "می‌خواهم", "שלום\u200f!"]
)
def test_letters_of_every_script_stay_as_they_are(text: str) -> None:
    """With the joiners and marks of direction that they need, which end with the letter beside them."""
    assert not breaks_a_sentence(text)
    assert in_a_sentence(text) is text
