"""User names: the candidates a person or machine may get, in order, before anyone asks which are free.

The sequence is lazy: whoever assigns a name takes the first candidate that the registry of all names ever
issued accepts (MAN-107 §6; R-054..R-067). The first holder of a name is never renamed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from registration.domain.text import letters

LONGEST: Final = 8
MACHINE_PREFIX: Final = "APIIESO"
MACHINE_DIGITS: Final = 5
LAST_MACHINE_NUMBER: Final = 10**MACHINE_DIGITS - 1
LAST_NUMERAL: Final = 9_999


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RESERVED: Final = _words(
    """
    abuse account admin administ adm anonymou api audit backup bin billing contact console customer
    daemon default demo dev dns everyone ftp gateway guest help helpdesk hostmast info ieso imap iso
    ldap localhos login logout mail mailer manager market master me mysql news nobody noc noreply
    no-reply null oauth oidc operator owner postgres postmast public register registr report reports
    root saml sandbox scim secure security service services settings shell signin signup smtp ssh
    ssladmin staff sudo superuse support sys sysadmin system systems test tester undefine user users
    webmaste www
    """
)
OFFENSIVE_ANYWHERE: Final = _words(
    """
    asshole bastard bitch bollock bugger cunt dildo faggot fuck fuk goddam kike nazi nigg
    penis pissed porn pussy rapist shit slut tranny twat vagina whore
    """
)
OFFENSIVE_WHOLE: Final = _words(
    """
    anal anus arse ass boob boobs butt chink cock coon crap dick dyke fag fart gook hitler homo idiot jerk
    moron negro paki piss poop prick puta putain retard salope sex sexy tit tits turd wank
    """
)


class Step(StrEnum):
    """The rule that gave a candidate; kept with the issued name."""

    SHORT = "last-name-and-initial"
    MIDDLE = "initials-of-first-and-middle"
    WIDENED = "more-of-the-first-name"
    NUMERAL = "numeral"
    MACHINE = "machine"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that may be issued if nobody ever had it."""

    name: str
    step: Step


@dataclass(frozen=True, slots=True)
class NamePolicy:
    """What a personal name must never be, beyond the built-in lists: the operator may add words."""

    reserved: frozenset[str] = frozenset()
    offensive: frozenset[str] = frozenset()


def name_key(name: str) -> str:
    """Return the form under which names are compared: never by case (RFC 7643 §4.1.1)."""
    return name.casefold()


def is_acceptable(name: str, policy: NamePolicy | None = None) -> bool:
    """Tell whether a personal candidate may be issued at all.

    A name that starts like a machine account would pass for one, so it is refused (R-065, I-07).
    """
    policy = policy or NamePolicy()
    plain = name.rstrip("0123456789")
    if not name or name.startswith(MACHINE_PREFIX.lower()):
        return False
    if {name, plain} & (RESERVED | policy.reserved | OFFENSIVE_WHOLE):
        return False
    return not any(word in name for word in OFFENSIVE_ANYWHERE | policy.offensive)


def personal_candidates(
    *, first_name: str, last_name: str, middle_name: str = "", policy: NamePolicy | None = None
) -> Iterator[Candidate]:
    """Yield the candidates of a person in the order of the rules, acceptable ones only.

    Yields nothing when no part of the name folds to Latin letters: ask for a Latin spelling.

    >>> [c.name for c in personal_candidates(first_name="Jim", last_name="Smith")][:3]
    ['smithj', 'smitji', 'smijim']
    """
    last, first, middle = letters(last_name), letters(first_name), letters(middle_name)
    if not last:
        last, first = first, ""
    if not last:
        return
    for candidate in chain(_alphabetic(last, first, middle), _numerals(last, first, policy)):
        if is_acceptable(candidate.name, policy):
            yield candidate


def _alphabetic(last: str, first: str, middle: str) -> Iterator[Candidate]:
    short = last[: LONGEST - 1] + first[:1]
    yield Candidate(short, Step.SHORT)
    if first and middle:
        yield Candidate(last[: LONGEST - 2] + first[0] + middle[0], Step.MIDDLE)
    # "smithj" -> "smitji": the width of the short form is kept, the last name gives letters to the first.
    width = len(short)
    for taken in range(2, min(len(first), width - 1) + 1):
        yield Candidate(last[: width - taken] + first[:taken], Step.WIDENED)


def _numerals(last: str, first: str, policy: NamePolicy | None) -> Iterator[Candidate]:
    short = last[: LONGEST - 1] + first[:1]
    while len(short) > 1 and not is_acceptable(short, policy):
        short = short[:-1]  # a refused word stays refused with a number behind it
    for number in range(2, LAST_NUMERAL + 1):
        numeral = str(number)
        yield Candidate(short[: LONGEST - len(numeral)] + numeral, Step.NUMERAL)


def machine_candidate(number: int) -> Candidate:
    """Return the name of machine account ``number`` (1 to 99,999), zero padded (R-065, R-066).

    Raises:
        ValueError: when the numbers are used up; they are never reused.
    """
    if not 1 <= number <= LAST_MACHINE_NUMBER:
        raise ValueError(f"machine accounts are numbered from 1 to {LAST_MACHINE_NUMBER}")
    return Candidate(f"{MACHINE_PREFIX}{number:0{MACHINE_DIGITS}d}", Step.MACHINE)
