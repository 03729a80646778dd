"""base64url without padding: refusals first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.base64url import base64url, from_base64url


@pytest.mark.parametrize("text", ["a", "abcde", "ab cd", "ab\ncd", "ab.d", "ab+d", "ab/d", "äbcd"])
def test_what_no_bytes_are_written_as_is_refused(text: str) -> None:
    """RFC 7515 §2: no other character, and no white space."""
    with pytest.raises(ValueError):
        from_base64url(text)


@given(st.binary(max_size=80))
def test_bytes_come_back_as_they_were(raw: bytes) -> None:
    """RFC 4648 §5."""
    assert from_base64url(base64url(raw)) == raw


def test_the_alphabet_is_that_of_addresses() -> None:
    """RFC 4648 §5: neither plus nor slash, nor an equals sign at the end."""
    assert base64url(b"\xfb\xff\xfe\xff") == "-__-_w"
