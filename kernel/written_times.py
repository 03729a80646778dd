"""Times as people read them, in the languages that we speak: "21 November 2026, 14:05 EST".

Months and zones are a few words for each language. The library that knows them for every language keeps
thousands in memory, 6 MB in each worker that ever told a time.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

_MONTHS = {
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
}
_FRENCH_ZONES = {
    ("NST", "-0330"): "HNT",
    ("NDT", "-0230"): "HAT",
    ("AST", "-0400"): "HNA",
    ("ADT", "-0300"): "HAA",
    ("EST", "-0500"): "HNE",
    ("EDT", "-0400"): "HAE",
    ("CST", "-0600"): "HNC",
    ("CDT", "-0500"): "HAC",
    ("MST", "-0700"): "HNR",
    ("MDT", "-0600"): "HAR",
    ("PST", "-0800"): "HNP",
    ("PDT", "-0700"): "HAP",
    ("UTC", "+0000"): "UTC",
    ("GMT", "+0000"): "GMT",
}
"""How the zones of Canada are called in French. Of other zones a French text tells the offset."""
_NB = "\u00a0"


def written_moment(language: str, zone: str, at: dt.datetime) -> str:
    """Return a moment in full: "21 November 2026, 14:05 EST", "21 novembre 2026, 14 h 05 HNE".

    No line of a French text ends within the time of day.
    """
    return _minute(language, zone, at.replace(second=0, microsecond=0))


@lru_cache(maxsize=64)
def _minute(language: str, zone: str, at: dt.datetime) -> str:
    local = at.astimezone(ZoneInfo(zone))
    if language == "fr":
        name = _FRENCH_ZONES.get((local.tzname() or "", f"{local:%z}"), f"{local:%z}")
        return f"{written_day(language, local)}, {local:%H}{_NB}h{_NB}{local:%M} {name}"
    return f"{written_day(language, local)}, {local:%H:%M} {local.tzname()}"


def written_day(language: str, day: dt.date) -> str:
    """Return a day: "21 November 2026", "1er juin 2026"."""
    number = "1er" if language == "fr" and day.day == 1 else day.day
    return f"{number} {_MONTHS[language][day.month - 1]} {day.year}"
