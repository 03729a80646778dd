"""Offers, report folders and sentences: the rules of the applications themselves."""

from __future__ import annotations

import ast
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from relying_parties import application, pages, report_folders, sentences
from relying_parties.id_token import Access
from relying_parties.offers import Fault, OfferDraft, draft_of, market_day, resources_of
from relying_parties.sentences import FRENCH, moment, say

TODAY = date(2026, 6, 1)
RESOURCES = resources_of("ACME GENERATION")
GOOD = {
    "resource": RESOURCES[0],
    "delivery_date": "2026-06-02",
    "first_hour": "1",
    "last_hour": "24",
    "quantity": "0.1",
    "price": "-2000",
}


def judge(**changes: str) -> OfferDraft | list[Fault]:
    """Judge a good form with some fields changed."""
    return draft_of({**GOOD, **changes}, resources=RESOURCES, today=TODAY)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resource", ""),
        ("resource", "OTHER-LT.G1"),
        ("delivery_date", ""),
        ("delivery_date", "2026-06-01"),
        ("delivery_date", "2026-06-09"),
        ("delivery_date", "2026-02-30"),
        ("delivery_date", "2 June 2026"),
        ("first_hour", "0"),
        ("first_hour", "1.5"),
        ("last_hour", "25"),
        ("last_hour", "٣"),
        ("quantity", "0"),
        ("quantity", "5000.1"),
        ("quantity", "1.25"),
        ("quantity", "-1"),
        ("quantity", "1e3"),
        ("quantity", "NaN"),
        ("price", "-2000.01"),
        ("price", "2001"),
        ("price", "1.234"),
        ("price", "\uff11"),
    ],
)
def test_a_field_outside_its_limits_is_the_one_that_is_named(field: str, value: str) -> None:
    """One mistake, one sentence, at its own field."""
    faults = judge(**{field: value})
    assert isinstance(faults, list)
    assert [fault.field for fault in faults] == [field]


def test_the_hours_run_forward() -> None:
    """The last hour is not before the first; equal is one hour."""
    faults = judge(first_hour="9", last_hour="8")
    assert isinstance(faults, list)
    assert faults[0].field == "last_hour"
    assert isinstance(judge(first_hour="9", last_hour="9"), OfferDraft)


def test_numbers_are_read_as_both_languages_write_them() -> None:
    """Comma or point, hyphen or minus sign, exact to the cent."""
    draft = judge(quantity="45,5", price="\N{MINUS SIGN}38,25")
    assert isinstance(draft, OfferDraft)
    assert (draft.quantity, draft.price) == (Decimal("45.5"), Decimal("-38.25"))


def test_the_market_keeps_eastern_standard_time_all_year() -> None:
    """No daylight saving: 04:59 UTC in July is still the day before."""
    assert market_day(datetime(2026, 7, 2, 4, 59, tzinfo=UTC)) == date(2026, 7, 1)
    assert moment("en", datetime(2026, 7, 2, 5, 0, tzinfo=UTC)) == "2 July 2026, 00:00 EST"
    assert moment("fr", datetime(2026, 7, 1, 5, 0, tzinfo=UTC)) == "1er juillet 2026, 00 h 00 HNE"


def test_each_folder_opens_with_its_own_role_at_its_own_organization() -> None:
    """A role at one organization opens nothing at another."""
    access = (Access("1", "ACME", "reports-settlement", "Settlement"),)
    opened = [
        (folder.key, number)
        for folder in report_folders.FOLDERS
        for number in ("1", "2")
        if report_folders.opens(folder, access, number)
    ]
    assert opened == [("settlement", "1")]


def test_a_report_is_the_same_at_every_download() -> None:
    """Invented, but not at random."""
    row = Access("1", "ACME", "reports-dispatch", "Dispatch")
    folder = report_folders.folder_of("dispatch")
    assert folder
    file = report_folders.files_of(folder, row, today=TODAY)[0]
    assert file.day == TODAY - timedelta(days=1)
    assert report_folders.content_of(folder, file) == report_folders.content_of(folder, file)


def sentences_in_templates() -> set[str]:
    """Return every sentence that a template says."""
    texts = (file.read_text(encoding="utf-8") for file in (PACKAGE / "templates").glob("*.html"))
    calls = (re.findall(r"""\bt\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""", text) for text in texts)
    return {double or single for found in calls for double, single in found}


def sentences_in_tables() -> set[str]:
    """Return every sentence that the modules keep in tables."""
    refusals = [text for _, texts in application.REFUSALS.values() for text in texts]
    errors = [text for texts in pages.ERRORS.values() for text in texts]
    folders = [
        text
        for folder in report_folders.FOLDERS
        for text in (folder.title, folder.about, *(title for _, title in folder.reports))
    ]
    labels = [*sentences.MEANS.values(), "Passkey", "Two factors", "One factor"]
    return {*refusals, *application.NOT_SENT, *errors, *folders, *labels, *sentences_of_faults()}


def sentences_of_faults() -> set[str]:
    """Return every sentence that a refused offer says."""
    tree = ast.parse((PACKAGE / "offers.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    faults = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Fault"]
    return {str(call.args[1].value) for call in faults if isinstance(call.args[1], ast.Constant)}


PACKAGE = Path(sentences.__file__).parent


def test_no_sentence_lacks_its_french() -> None:
    """And none is kept that nobody says."""
    said = sentences_in_templates() | sentences_in_tables()
    assert len(said) > 100
    assert said - set(FRENCH) == set()
    assert set(FRENCH) - said == set()


@pytest.mark.parametrize("english", sorted(FRENCH))
def test_both_languages_have_the_same_gaps(english: str) -> None:
    """What is filled in one is filled in the other."""
    gaps = re.compile(r"\{(\w+)\}")
    assert sorted(gaps.findall(english)) == sorted(gaps.findall(FRENCH[english]))


def test_a_sentence_without_french_is_said_in_english() -> None:
    """Better than nothing."""
    assert say("fr", "No such sentence {name}", name="x") == "No such sentence x"
