"""What an access token must say before a web service answers (RFC 9068 §4): refusals first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from relying_parties.access_token import CallerIdentity, caller_of
from relying_parties.jose import Flaw, Token

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW = int(NOON.timestamp())
ABSENT = object()
GOOD: dict[str, Any] = {
    "iss": "https://op.example",
    "aud": "https://apps.example/ws/",
    "iat": NOW,
    "exp": NOW + 300,
    "jti": "one",
    "sub": "APIIESO00001",
    "client_id": "APIIESO00001",
    "scope": "a b",
}


def judge(*, kind: str = "at+jwt", **changes: Any) -> CallerIdentity | Flaw:
    """Judge a good token with some claims changed; ABSENT leaves one out."""
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ABSENT}
    token = Token("ES256", kind, claims)
    return caller_of(token, issuer="https://op.example", audience="https://apps.example/ws/", now=NOON)


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"kind": ""}, Flaw.TYPE),
        ({"kind": "jwt"}, Flaw.TYPE),
        ({"kind": "logout+jwt"}, Flaw.TYPE),
        ({"cnf": {"jkt": "x"}}, Flaw.TYPE),
        ({"iss": "https://op.example/"}, Flaw.ISSUER),
        ({"aud": "https://apps.example/ws"}, Flaw.AUDIENCE),
        ({"aud": []}, Flaw.AUDIENCE),
        ({"aud": ABSENT}, Flaw.AUDIENCE),
        ({"iat": ABSENT}, Flaw.ISSUED),
        ({"exp": ABSENT}, Flaw.EXPIRED),
        ({"exp": NOW - 60}, Flaw.EXPIRED),
        ({"nbf": NOW + 61}, Flaw.NOT_YET),
        ({"nbf": "soon"}, Flaw.NOT_YET),
        ({"client_id": ABSENT}, Flaw.CLIENT),
        ({"sub": ABSENT}, Flaw.CLIENT),
        ({"jti": ABSENT}, Flaw.CLIENT),
        ({"scope": ["a"]}, Flaw.SCOPE),
    ],
)
def test_a_token_that_breaks_one_rule_opens_nothing(changes: dict[str, Any], flaw: Flaw) -> None:
    """RFC 9068 §4: each rule by itself."""
    assert judge(**changes) is flaw


def test_a_good_token_tells_the_caller_and_its_scopes() -> None:
    """The service may be one of several audiences."""
    caller = judge(aud=["https://other.example", "https://apps.example/ws/"], nbf=NOW)
    assert isinstance(caller, CallerIdentity)
    assert caller.client_id == "APIIESO00001"
    assert caller.scopes == ("a", "b")
