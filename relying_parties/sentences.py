"""What the applications say, in English and French, and how they tell times.

English sentences are the keys; their French stands in ``french.toml``. A test reads every template and
module and fails for a sentence without French.
"""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

LANGUAGES = {"en": "English", "fr": "Français"}
MARKET_TIME = timezone(timedelta(hours=-5))
"""The market keeps Eastern Standard Time all year."""

MONTHS = {
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
}

FRENCH: Mapping[str, str] = tomllib.loads((Path(__file__).parent / "french.toml").read_text(encoding="utf-8"))


MEANS = {
    "pwd": "Password",
    "otp": "One-time code",
    "sms": "Text message",
    "hwk": "Security key",
    "swk": "Key on this device",
    "user": "Presence confirmed",
    "fpt": "Fingerprint or face",
    "face": "Fingerprint or face",
    "pin": "PIN",
    "mfa": "Several factors",
}
"""What the authentication method references mean (RFC 8176 §2)."""


def say(language: str, sentence: str, **values: object) -> str:
    """Return the sentence in the language, with its gaps filled."""
    text = FRENCH.get(sentence, sentence) if language == "fr" else sentence
    return text.format(**values) if values else text


def moment(language: str, at: datetime) -> str:
    """Return an instant as people of the market read it: 21 November 2026, 09:05 EST."""
    there = at.astimezone(MARKET_TIME)
    zone = "HNE" if language == "fr" else "EST"
    clock = f"{there:%H} h {there:%M}" if language == "fr" else f"{there:%H:%M}"
    return f"{day(language, there.date())}, {clock} {zone}"


def day(language: str, on: date) -> str:
    """Return a date as people read it: 21 November 2026."""
    number = "1er" if language == "fr" and on.day == 1 else str(on.day)
    return f"{number} {MONTHS[language][on.month - 1]} {on.year}"
