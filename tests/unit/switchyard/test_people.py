"""The people of the story: their authenticator app keeps to the standard and never shows a code twice."""

from __future__ import annotations

import base64

import pytest

from switchyard.people import Particulars, Person, current_code, totp

_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """RFC 6238, appendix B (six digits of SHA-1)."""
    assert totp(_SECRET, seconds // 30) == code


def test_a_code_is_never_given_twice_and_a_wrong_one_is_wrong() -> None:
    person = Person("anybody", Particulars("Jim", "Jones", "jim@acme.example"), "x", totp_secret=_SECRET)
    first, second = person.next_code(), person.next_code()
    assert first != second
    assert person.wrong_code() != current_code(_SECRET)
    person.visitor.close()
