"""Temporary passwords: what the operator's staff read to a person over the telephone (G-66 to G-69).

Sixteen characters of chance, 79 bits, in groups of four: small letters and digits, without those that are
taken for one another.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
LENGTH = 16
_GROUP = 4
_WORDS = (
    *("Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "Juliett", "Kilo", "Mike"),
    *("November", "Papa", "Quebec", "Romeo", "Sierra", "Tango", "Uniform", "Victor", "Whiskey", "X-ray"),
    *("Yankee", "Zulu"),
)
_SPOKEN = {word[0].lower(): word for word in _WORDS}


def temporary_password(drawn: Sequence[int]) -> str:
    """Return the password of sixteen numbers that were drawn below the length of the alphabet."""
    letters = "".join(ALPHABET[number] for number in drawn)
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


def spelled(password: str) -> tuple[str, ...]:
    """Return each group as it is spelled: by the words of the radio alphabet, and digits as they are."""
    return tuple(" ".join(_SPOKEN.get(each, each) for each in group) for group in password.split("-"))


def may_be_given(temporary_until: dt.datetime | None, *, now: dt.datetime) -> bool:
    """Tell whether a password may be given: a lasting one always, a temporary one until then, and once.

    The last instant is too late, so that the statement which uses it up agrees with this rule.
    """
    return temporary_until is None or temporary_until > now
