"""Policy profiles as data: every rule with its value, where it comes from, and which norm it departs from.

Two are shipped: ``ieso-2025`` keeps the operator's manual to the letter, ``nist-63b-4`` keeps NIST SP
800-63B-4. Code reads the fields; nobody tests for the name of a profile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import MappingProxyType

SPECIALS = r"""!#$%()*+,-./:;=?@[]^_`{|}~"""
"""The punctuation of ASCII without the six characters of G-45."""

FORBIDDEN = "&\\<>'\""
"""The six characters of G-45, in the order in which the manual names them."""


@dataclass(frozen=True, slots=True)
class PolicyProfile:
    """One policy. A rule that is off has the value False, 0, "" or None."""

    name: str
    shortest: int
    upper: bool
    lower: bool
    digit: bool
    special: bool
    forbidden: str
    spaces: bool
    user_name_part: int
    names: bool
    common: bool
    dictionary: bool
    weakest_score: int
    history: int
    life: dt.timedelta | None
    machine_life: dt.timedelta | None
    question: bool
    repeat: bool


IESO_2025 = PolicyProfile(
    name="ieso-2025",
    shortest=8,
    upper=True,
    lower=True,
    digit=True,
    special=True,
    forbidden=FORBIDDEN,
    spaces=False,
    user_name_part=4,
    names=True,
    common=True,
    dictionary=True,
    weakest_score=3,
    history=4,
    life=dt.timedelta(days=90),
    machine_life=None,
    question=True,
    repeat=True,
)

NIST_63B_4 = PolicyProfile(
    name="nist-63b-4",
    shortest=8,
    upper=False,
    lower=False,
    digit=False,
    special=False,
    forbidden="",
    spaces=True,
    user_name_part=4,
    names=True,
    common=True,
    dictionary=False,
    weakest_score=0,
    history=0,
    life=None,
    machine_life=None,
    question=False,
    repeat=False,
)

WITHOUT_SECOND_FACTOR = 15
"""NIST SP 800-63B-4 §3.1.1.2: a password that stands alone has at least this many characters."""

PROFILES: Mapping[str, PolicyProfile] = MappingProxyType({one.name: one for one in (IESO_2025, NIST_63B_4)})


@cache
def profile_named(name: str, *, factor_required: bool = True) -> PolicyProfile:
    """Return the profile called ``name``; where no second factor is asked for, NIST's longer minimum holds.

    Raises:
        KeyError: if no profile has that name.
    """
    found = PROFILES[name]
    if found is NIST_63B_4 and not factor_required:
        values = {field.name: getattr(found, field.name) for field in fields(found)}
        return PolicyProfile(**{**values, "shortest": WITHOUT_SECOND_FACTOR})
    return found


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rule of a profile in words: its source, and the norms it departs from."""

    rule: str
    value: str
    source: str
    departs_from: str = ""


_NIST = "NIST SP 800-63B-4 §3.1.1.2"
_SOURCES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "shortest": (
            "characters at least",
            "G-41",
            f"{_NIST} where it stands alone; ASVS 6.2.1 advises 15",
        ),
        "upper": ("an upper-case letter", "G-42, G-43", f"{_NIST}, ASVS 6.2.5: no composition rules"),
        "lower": ("a lower-case letter", "G-42, G-43", f"{_NIST}, ASVS 6.2.5: no composition rules"),
        "digit": ("a digit", "G-43", f"{_NIST}, ASVS 6.2.5: no composition rules"),
        "special": ("a special character", "G-44, X-01", f"{_NIST}, ASVS 6.2.5: no composition rules"),
        "forbidden": ("characters refused", "G-45, X-02", f"{_NIST}: every printing character"),
        "spaces": ("spaces allowed", "G-46, X-02", f"{_NIST}: spaces are allowed"),
        "user_name_part": ("longest part of the user name allowed, plus one", "G-47, ASVS 6.2.11", ""),
        "names": ("the person's names refused", "G-49, ASVS 6.2.11", ""),
        "common": ("common and stolen passwords refused", "G-50, ASVS 6.2.4", ""),
        "dictionary": ("a single dictionary word refused", "G-49, X-03", ""),
        "weakest_score": ("estimated strength at least (0 to 4)", "G-50, X-03", ""),
        "history": ("earlier passwords refused", "G-48", ""),
        "life": ("renewal after", "G-52, X-20", f"{_NIST}, ASVS 6.2.10: no periodic change"),
        "machine_life": ("renewal after, for machine accounts", "G-54, X-20", ""),
        "question": ("a security question", "G-20, G-22", "NIST SP 800-63B-4 §3.1.1.2, ASVS 6.4.2: none"),
        "repeat": ("the new password typed twice", "G-62, G-73", ""),
    }
)


def explain(profile: PolicyProfile) -> tuple[Explanation, ...]:
    """Return every rule of ``profile`` with its value, its source and the norms it departs from."""
    return tuple(
        _explained(profile, name, title, source, departs)
        for name, (title, source, departs) in _SOURCES.items()
    )


def _explained(profile: PolicyProfile, name: str, title: str, source: str, departs: str) -> Explanation:
    value = getattr(profile, name)
    strict = NIST_63B_4
    departing = departs if value != getattr(strict, name) or (name == "shortest" and value < 15) else ""
    return Explanation(title, _shown(value), source, departing)


def _shown(value: object) -> str:
    if isinstance(value, dt.timedelta):
        return f"{value.days} days"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "never"
    return " ".join(value) if isinstance(value, str) and value else str(value) or "none"
