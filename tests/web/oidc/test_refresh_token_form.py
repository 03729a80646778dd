"""What a scanner for leaked secrets can tell of a refresh token, without asking anybody."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.oidc import Op

# What docs/openid-connect.md tells scanners to look for.
FORM = re.compile(r"swrt_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def value_of(digits: str) -> int:
    value = 0
    for each in digits:
        value = value * len(DIGITS) + DIGITS.index(each)
    return value


def test_a_refresh_token_and_its_heir_show_what_they_are(op: Op) -> None:
    """RFC 9700 §4.14, RFC 6749 §1.5: opaque, with a prefix and the CRC-32 of all before it in six digits."""
    op.client()
    first = op.tokens(op.session(op.account()))
    second = op.refresh(first["refresh_token"]).json()
    assert first["refresh_token"] != second["refresh_token"]
    for token in (first["refresh_token"], second["refresh_token"]):
        assert FORM.fullmatch(token), token
        assert value_of(token[-6:]) == zlib.crc32(token[:-6].encode())
