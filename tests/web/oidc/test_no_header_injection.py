"""Nothing that a stranger sends ends a header line of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from kernel.web.http import FORM

if TYPE_CHECKING:
    from tests.support.oidc import Op

RAW = [b"state=a\r\nSet-Cookie: x=y", b"state=a\nb", b'state=\x7f\x01 "<>', b"state=a\r\n\r\n<script>"]


@pytest.mark.parametrize("raw", RAW)
def test_a_form_sent_back_as_a_get_is_written_anew(op: Op, raw: bytes) -> None:
    """AZ-14, AZ-25: the body's own bytes never become an address; its values do, as they were."""
    answer = op.call(
        "POST",
        "/oauth2/authorize",
        body=b"client_id=emi&scope=a+b&scope=c&" + raw,
        headers={"content-type": FORM},
    )
    location = answer.header("location")
    assert answer.status == 303
    assert location.isascii()
    assert location.isprintable()
    assert " " not in location
    sent = parse_qs(urlsplit(location).query)
    assert sent == {"client_id": ["emi"], "scope": ["a b", "c"], "state": [raw.partition(b"=")[2].decode()]}
