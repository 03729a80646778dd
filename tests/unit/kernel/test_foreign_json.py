"""JSON of strangers: what no text and no database can hold is refused as it is read."""

from __future__ import annotations

import json

import pytest

from kernel.foreign_json import read_json

ODD = [
    '{"a": "\\ud800"}',
    '{"\\udfff": 1}',
    '[["\\u0000"]]',
    '{"a": NaN}',
    "[-Infinity]",
    '"\ud800"',
    b'["\xed\xa0\x80"]',
    b"\xff",
    "{",
    "",
]


@pytest.mark.parametrize("raw", ODD)
def test_what_no_text_can_hold_is_no_json(raw: str | bytes) -> None:
    """RFC 7493 §2.1, RFC 8259 §6: in values and names, at any depth, escaped or not."""
    with pytest.raises(ValueError, match=r".*"):
        read_json(raw)


@pytest.mark.parametrize("value", [None, 1, "\\u0000", {"é\U0001f600": ["\n", {"a": True}]}])
def test_other_json_is_read_as_it_is(value: object) -> None:
    """RFC 8259: an escaped backslash before a u, and pairs of surrogates, are ordinary."""
    assert read_json(json.dumps(value)) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value
