"""Times as people read them: the words are those of the Unicode Consortium's tables, without loading them."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date, format_datetime

from kernel.written_times import written_day, written_moment

_CANADA = (
    *("America/St_Johns", "America/Halifax", "America/Toronto", "America/Winnipeg", "America/Regina"),
    *("America/Edmonton", "America/Vancouver", "America/Blanc-Sablon"),
)
_PATTERNS = {"en": "d MMMM y, HH:mm zzz", "fr": "d MMMM y, HH\u00a0'h'\u00a0mm zzz"}
# Two words differ: for Atlantic daylight time people in Canada write HAA, and for universal time UTC.
_OURS = {"HEA": "HAA", "TU": "UTC"}


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("zone", [*_CANADA, "UTC"])
def test_a_moment_reads_as_the_tables_of_languages_have_it(language: str, zone: str) -> None:
    """Every month of a past year, whose zones no law changes any more, in every zone of Canada, summer time and winter time."""
    for month in range(1, 13):
        local = dt.datetime(2024, month, 21, 19, 5, tzinfo=dt.UTC).astimezone(ZoneInfo(zone))
        tabled = format_datetime(
            local, _PATTERNS[language], locale=f"{language}_CA", tzinfo=local.tzinfo
        ).rsplit(" ", 1)
        tabled[1] = _OURS.get(tabled[1], tabled[1])
        assert written_moment(language, zone, local) == " ".join(tabled)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_day_reads_as_the_tables_of_languages_have_it(language: str) -> None:
    """All days of a year; a French month begins with its first."""
    for number in range(365):
        day = dt.date(2026, 1, 1) + dt.timedelta(days=number)
        tabled = format_date(day, "d MMMM y", locale=f"{language}_CA")
        expected = tabled.replace("1", "1er", 1) if language == "fr" and day.day == 1 else tabled
        assert written_day(language, day) == expected


def test_a_zone_that_french_has_no_word_for_is_told_by_its_offset() -> None:
    """A word that means another zone elsewhere is not taken for Canada's: CST is China's as well."""
    at = dt.datetime(2026, 6, 1, 12, 0, 59, tzinfo=dt.UTC)
    assert written_moment("fr", "Asia/Shanghai", at) == "1er juin 2026, 20\u00a0h\u00a000 +0800"
    assert written_moment("fr", "Europe/Paris", at) == "1er juin 2026, 14\u00a0h\u00a000 +0200"
    assert written_moment("en", "Europe/Paris", at) == "1 June 2026, 14:00 CEST"


def test_telling_a_time_loads_no_tables_of_languages() -> None:
    """They would stay, 6 MB in each worker."""
    script = (
        "import datetime as dt, sys; from kernel.written_times import written_moment; "
        "written_moment('fr', 'America/Toronto', dt.datetime.now(dt.UTC)); print('babel' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert told.stdout.strip() == "False"
