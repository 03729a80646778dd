"""What people guess first: common passwords and the words of English and French (G-49, G-50).

The lists take some 20 MB, so this module is loaded by the first process that judges a new password
(:mod:`idp.domain.password_policy`), and by no other.
"""

from __future__ import annotations

from zxcvbn import zxcvbn
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from idp.domain.data.french_words import FRENCH_PASSWORDS, FRENCH_WORDS

SHORTEST_WORD = 4
COMMON = frozenset(FREQUENCY_LISTS["passwords"]) | FRENCH_PASSWORDS
DICTIONARY = (
    frozenset(
        word
        for name in ("english_wikipedia", "us_tv_and_film", "female_names", "male_names", "surnames")
        for word in FREQUENCY_LISTS[name]
        if len(word) >= SHORTEST_WORD
    )
    | FRENCH_WORDS
)
_ESTIMATED = 72  # zxcvbn refuses longer texts; what follows only makes a password stronger


def strength(password: str) -> int:
    """Return how hard ``password`` is to guess, from 0 to 4 (G-50)."""
    return int(zxcvbn(password[:_ESTIMATED])["score"])


# The first estimate adds an entry to a table that zxcvbn shares between threads; later ones add none.
strength("the first estimate")
