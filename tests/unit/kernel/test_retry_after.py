"""How long a server asks to be left alone."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.retry_after import MOST, wait_asked_for
from tests.support.clock import NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "-1",
        "1.5",
        "\u0661",
        "Mon, 99 Jun 2026 12:00:30 GMT",
        "Mon, 01 Jun 2026 12:00:30 +99999999999999",
        "Mon, 99999999999999999999 Jun 2026 12:00:30 GMT",
        "Mon, 01 Jun 2026 99999999999999999999:00:30 GMT",
    ],
)
def test_what_asks_for_nothing_is_no_wait(text: str) -> None:
    assert wait_asked_for(text, now=NOON) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("Mon, 01 Jun 2026 12:00:30 GMT", 30),
        ("Mon, 01 Jun 2026 14:00:30 +0200", 30),
        ("Mon, 01 Jun 2026 12:00:30", 30),
        ("Mon, 01 Jun 2026 11:00:00 GMT", 0),
    ],
)
def test_both_forms_are_read(text: str, seconds: int) -> None:
    """RFC 9110 §10.2.3: whole seconds, or a date."""
    assert wait_asked_for(text, now=NOON) == dt.timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["3601", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_is_obeyed_for_longer_than_an_hour(text: str) -> None:
    assert wait_asked_for(text, now=NOON) == MOST


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_whatever_stands_there_is_read_or_left(text: str) -> None:
    asked = wait_asked_for(text, now=NOON)
    assert asked is None or dt.timedelta(0) <= asked <= MOST
