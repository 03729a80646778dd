"""What a password must be (G-41 to G-50), as rules over values; every refusal says which rule and why.

A password is used in Unicode form NFC (NIST SP 800-63B-4 §3.1.1.2), both when it is set and when it is
checked, and never trimmed: two spellings of one text are one password, anything else differs (LG-05).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from idp.domain.account import Account
from idp.domain.policy_profiles import SPECIALS, PolicyProfile

LONGEST_BYTES = 1024
_SHORTEST_WORD = 4
_SHORTEST_NAME = 3


class FaultCode(StrEnum):
    """Why a password is refused."""

    EMPTY = "empty"
    REPEAT_DIFFERS = "repeat_differs"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NO_UPPER = "no_upper"
    NO_LOWER = "no_lower"
    NO_DIGIT = "no_digit"
    NO_SPECIAL = "no_special"
    FORBIDDEN_CHARACTER = "forbidden_character"
    SPACE = "space"
    CONTROL_CHARACTER = "control_character"
    CONTAINS_USER_NAME = "contains_user_name"
    CONTAINS_NAME = "contains_name"
    CONTAINS_EMAIL = "contains_email"
    COMMON = "common"
    DICTIONARY_WORD = "dictionary_word"
    TOO_WEAK = "too_weak"
    USED_BEFORE = "used_before"


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason; ``value`` is what the sentence names: a number, a character, a name, a word."""

    code: FaultCode
    value: str = ""


class RequirementCode(StrEnum):
    """What the page says above the field (G-55)."""

    LENGTH = "length"
    UPPER_AND_LOWER = "upper_and_lower"
    DIGIT = "digit"
    SPECIAL = "special"
    FORBIDDEN = "forbidden"
    NO_SPACES = "no_spaces"
    NO_NAMES = "no_names"
    NOT_COMMON = "not_common"
    NOT_USED_BEFORE = "not_used_before"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the list; ``value`` is what the sentence names, ``source`` where the rule comes from."""

    code: RequirementCode
    value: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose password it is: the words it must not contain."""

    user_name: str = ""
    names: tuple[str, ...] = ()
    email: str = ""


def owner_of(account: Account) -> Owner:
    """Return the words that a password of ``account`` must not contain."""
    return Owner(account.user_name, account.names, account.email)


def normal(password: str) -> str | None:
    """Return the one form in which ``password`` is hashed, or None if it can be nobody's password.

    None is answered for more than 1,024 bytes, and for text that is no Unicode at all.
    """
    try:
        usable = len(password.encode()) <= LONGEST_BYTES
    except UnicodeEncodeError:
        return None
    form = unicodedata.normalize("NFC", password) if usable else ""
    return form if usable and len(form.encode()) <= LONGEST_BYTES else None


def requirements(profile: PolicyProfile) -> tuple[Requirement, ...]:
    """Return what the page lists before anybody types (G-16, G-55)."""
    code = RequirementCode
    found = [Requirement(code.LENGTH, str(profile.shortest), "G-41")]
    if profile.upper and profile.lower:
        found.append(Requirement(code.UPPER_AND_LOWER, source="G-42, G-43"))
    if profile.digit:
        found.append(Requirement(code.DIGIT, source="G-43"))
    if profile.special:
        found.append(Requirement(code.SPECIAL, SPECIALS, "G-44, X-01"))
    if profile.forbidden:
        found.append(Requirement(code.FORBIDDEN, " ".join(profile.forbidden), "G-45, X-02"))
    if not profile.spaces:
        found.append(Requirement(code.NO_SPACES, source="G-46, X-02"))
    if profile.user_name_part or profile.names:
        found.append(Requirement(code.NO_NAMES, source="G-47, G-49"))
    if profile.common or profile.dictionary:
        found.append(Requirement(code.NOT_COMMON, source="G-49, G-50, X-03"))
    if profile.history:
        found.append(Requirement(code.NOT_USED_BEFORE, str(profile.history), "G-48"))
    return tuple(found)


def password_faults(
    password: str, *, profile: PolicyProfile, owner: Owner, repeat: str | None = None
) -> tuple[Fault, ...]:
    """Return every reason to refuse ``password``, in the order of the page's list; empty if there is none.

    ``repeat`` is the second typing where the profile asks for one. Whether a password was used before is
    known to the store only and is not asked here.
    """
    if not password:
        return (Fault(FaultCode.EMPTY),)
    form = normal(password)
    if form is None:
        return (Fault(FaultCode.TOO_LONG, str(LONGEST_BYTES)),)
    faults = [*_shape(form, profile), *_context(form, profile, owner)]
    faults += _guessable(form, profile) if not faults else ()
    if profile.repeat and repeat is not None and normal(repeat) != form:
        faults.append(Fault(FaultCode.REPEAT_DIFFERS))
    return tuple(faults)


def _shape(form: str, profile: PolicyProfile) -> Iterator[Fault]:
    if len(form) < profile.shortest:
        yield Fault(FaultCode.TOO_SHORT, str(profile.shortest))
    if profile.upper and not any(character.isupper() for character in form):
        yield Fault(FaultCode.NO_UPPER)
    if profile.lower and not any(character.islower() for character in form):
        yield Fault(FaultCode.NO_LOWER)
    if profile.digit and not any(character.isdigit() for character in form):
        yield Fault(FaultCode.NO_DIGIT)
    if profile.special and not any(_is_special(character) for character in form):
        yield Fault(FaultCode.NO_SPECIAL, SPECIALS)
    for character in dict.fromkeys(form):
        if character in profile.forbidden:
            yield Fault(FaultCode.FORBIDDEN_CHARACTER, character)
    if not profile.spaces and any(character.isspace() for character in form):
        yield Fault(FaultCode.SPACE)
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in form):
        yield Fault(FaultCode.CONTROL_CHARACTER)


def _is_special(character: str) -> bool:
    """Tell whether a character counts as special: the punctuation of ASCII, or of any script."""
    return character in SPECIALS or (not character.isascii() and unicodedata.category(character)[0] in "PS")


def _context(form: str, profile: PolicyProfile, owner: Owner) -> Iterator[Fault]:
    text = _plain(form)
    if profile.user_name_part and any(
        part in text for part in _parts(owner.user_name, profile.user_name_part)
    ):
        yield Fault(FaultCode.CONTAINS_USER_NAME, owner.user_name)
    if not profile.names:
        return
    for name in owner.names:
        if any(word in text for word in _words(name, _SHORTEST_NAME)):
            yield Fault(FaultCode.CONTAINS_NAME, name)
    local = owner.email.partition("@")[0]
    if any(word in text for word in _words(local, _SHORTEST_WORD)):
        yield Fault(FaultCode.CONTAINS_EMAIL, local)


def _parts(user_name: str, size: int) -> tuple[str, ...]:
    """Return every run of ``size`` characters of a user name, up to the @ of an address (G-47)."""
    text = _plain(user_name.partition("@")[0])
    if len(text) < size:
        return (text,) if len(text) >= _SHORTEST_NAME else ()
    return tuple(text[start : start + size] for start in range(len(text) - size + 1))


def _words(text: str, shortest: int) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[\W_\d]+", _plain(text)) if len(word) >= shortest)


def _plain(text: str) -> str:
    """Return ``text`` as one compares words: compatible forms, no case, no accents."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(character for character in folded if not unicodedata.combining(character))


_LEET = str.maketrans("01345789@$!", "oieastbgasi")


def _guessable(form: str, profile: PolicyProfile) -> tuple[Fault, ...]:
    from idp.domain import guesses  # noqa: PLC0415 - 20 MB of words, for processes that see a new password

    spellings = _spellings(form)
    if profile.common and any(text in guesses.COMMON for text in spellings):
        return (Fault(FaultCode.COMMON),)
    if profile.dictionary:
        word = next((text for text in spellings if text in guesses.DICTIONARY), None)
        if word is not None:
            return (Fault(FaultCode.DICTIONARY_WORD, word),)
    if profile.weakest_score and guesses.strength(form) < profile.weakest_score:
        return (Fault(FaultCode.TOO_WEAK),)
    return ()


def _spellings(form: str) -> tuple[str, ...]:
    """Return the words a password may disguise: as typed, untrimmed, and with letters for signs.

    Signs and digits at both ends are trimmings, unless they are more than half of the password: then the rest
    is not the word that it disguises.
    """
    text = _plain(form)
    found = [text, text.translate(_LEET)]
    for candidate in (re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text), re.sub(r"^\W+|\W+$", "", text)):
        if 2 * len(candidate) >= len(text) and len(candidate) >= _SHORTEST_WORD:
            found += [candidate, candidate.translate(_LEET)]
    return tuple(dict.fromkeys(found))
