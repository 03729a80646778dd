"""What an ID token must say: refusals first (RP-03, RP-04, RP-05, RP-11, CK-04; OIDC Core §3.1.3.7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relying_parties.id_token import Access, Expected, Identity, half_hash, identity_of
from relying_parties.jose import Flaw, Token

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW = int(NOON.timestamp())
EXPECTED = Expected(
    issuer="https://op.example", client_id="emi", nonce="the-nonce", access_token="token", code="code"
)
GOOD: dict[str, Any] = {
    "iss": "https://op.example",
    "sub": "01J9ZC3Q4R5S6T7V8W9X0Y1Z2A",
    "aud": "emi",
    "exp": NOW + 300,
    "iat": NOW,
    "auth_time": NOW - 30,
    "nonce": "the-nonce",
    "acr": "urn:switchyard:acr:2fa",
    "amr": ["pwd", "otp", "mfa"],
    "sid": "session",
    "session_expiry": NOW + 28_800,
    "access": [{"org": "101234", "org_name": "ACME", "role": "emi-dispatch-data-view", "role_name": "View"}],
}
ABSENT = object()


def judge(
    expected: Expected = EXPECTED,
    *,
    kind: str = "jwt",
    alg: str = "ES256",
    now: datetime = NOON,
    **changes: Any,
) -> Identity | Flaw:
    """Judge a good token with some claims changed; ABSENT leaves one out."""
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ABSENT}
    return identity_of(Token(alg, kind, claims), expected, now=now)


def test_a_good_token_tells_who_signed_in_and_how() -> None:
    """Everything the application shows comes from here."""
    identity = judge()
    assert isinstance(identity, Identity)
    assert identity.subject == "01J9ZC3Q4R5S6T7V8W9X0Y1Z2A"
    assert identity.provider_session == "session"
    assert identity.amr == ("pwd", "otp", "mfa")
    assert identity.signed_in_at == NOON - timedelta(seconds=30)
    assert identity.session_ends_at == NOON + timedelta(hours=8)
    assert identity.access == (Access("101234", "ACME", "emi-dispatch-data-view", "View"),)


def test_what_is_optional_may_be_absent() -> None:
    """OIDC Core §2: only iss, sub, aud, exp, iat and the nonce we sent are needed."""
    optional = ("auth_time", "acr", "amr", "sid", "session_expiry", "access")
    assert isinstance(judge(**dict.fromkeys(optional, ABSENT)), Identity)


@pytest.mark.parametrize(
    "issuer", ["https://op.example/", "https://op", "HTTPS://op.example", "", None, ABSENT, 7, []]
)
def test_the_issuer_is_exactly_the_one_asked(issuer: object) -> None:
    """RP-03, CVE-2024-53861: no slash more, no part of it."""
    assert judge(iss=issuer) is Flaw.ISSUER


@pytest.mark.parametrize(
    "audience",
    ["other", "em", "emii", "", ABSENT, None, [], ["other"], ["emi", "other"], ["emi", "emi"], [["emi"]], 7],
)
def test_the_audience_is_this_client_and_nobody_else(audience: object) -> None:
    """RP-03: an extra audience is refused, with azp or without: we trust no other."""
    assert judge(aud=audience) is Flaw.AUDIENCE
    assert judge(aud=audience, azp="emi") is Flaw.AUDIENCE


def test_the_audience_may_be_a_list_of_one() -> None:
    """RFC 7519 §4.1.3."""
    assert isinstance(judge(aud=["emi"]), Identity)


@pytest.mark.parametrize("party", ["other", "", None, 7, ["emi"]])
def test_the_authorized_party_is_this_client(party: object) -> None:
    """RP-03, Core §3.1.3.7 (5)."""
    assert judge(azp=party) is Flaw.AUTHORIZED_PARTY
    assert isinstance(judge(azp="emi"), Identity)


@pytest.mark.parametrize("subject", [ABSENT, None, "", 7, ["alice"], "a" * 256, "é"])
def test_the_subject_is_a_name(subject: object) -> None:
    """RP-03: missing, a number, too long."""
    assert judge(sub=subject) is Flaw.SUBJECT


@pytest.mark.parametrize(
    "exp", [ABSENT, None, "tomorrow", str(NOW + 300), True, -1, NOW - 61, NOW - 60, 1e30, [NOW]]
)
def test_a_token_that_is_over_is_refused(exp: object) -> None:
    """RP-03, RP-04: exp is looked at by our own code."""
    assert judge(exp=exp) is Flaw.EXPIRED


@pytest.mark.parametrize(("skew", "good"), [(-61, False), (-60, True), (0, True), (59, True), (61, False)])
def test_clocks_may_be_a_minute_apart_and_no_more(skew: int, *, good: bool) -> None:
    """CK-04: our clock behind and ahead; checked at both ends of a token that lives for one second."""
    outcome = judge(exp=NOW + 1, iat=NOW, auth_time=NOW, now=NOON + timedelta(seconds=skew))
    assert isinstance(outcome, Identity) is good


@pytest.mark.parametrize("iat", [ABSENT, None, "now", False, NOW + 61, NOW - 661, 1e30])
def test_a_token_is_issued_just_now(iat: object) -> None:
    """RP-03, Core §3.1.3.7 (10): not in the future, not long ago."""
    assert judge(iat=iat) is Flaw.ISSUED


@pytest.mark.parametrize("nbf", [None, "now", NOW + 61])
def test_a_token_that_is_not_valid_yet_is_refused(nbf: object) -> None:
    """RP-03, RFC 7519 §4.1.5."""
    assert judge(nbf=nbf) is Flaw.NOT_YET
    assert isinstance(judge(nbf=NOW), Identity)


@pytest.mark.parametrize("nonce", [ABSENT, None, "", "another", "the-nonce ", "The-Nonce", 7, ["the-nonce"]])
def test_the_nonce_is_the_one_we_sent(nonce: object) -> None:
    """RP-03, RP-08: missing, wrong, of another sign-in."""
    assert judge(nonce=nonce) is Flaw.NONCE


@pytest.mark.parametrize("name", ["at_hash", "c_hash"])
@pytest.mark.parametrize("value", ["", "bogus", None, 7])
def test_a_hash_that_stands_must_fit(name: str, value: object) -> None:
    """RP-05."""
    assert judge(**{name: value}) is Flaw.TOKEN_HASH


@pytest.mark.parametrize("alg", ["none", "HS256", "ES257", "XX256", "256", ""])
def test_a_hash_under_an_unknown_algorithm_fails_closed(alg: str) -> None:
    """RP-05, CVE-2026-28498: unknown is no reason to pass."""
    assert judge(alg=alg, at_hash=half_hash("ES256", "token")) is Flaw.TOKEN_HASH


@pytest.mark.parametrize("alg", ["ES256", "RS384", "PS512", "EdDSA"])
def test_a_hash_that_fits_is_accepted(alg: str) -> None:
    """Core §3.1.3.6: the left half of the hash of the signature's own size."""
    hashes = {"at_hash": half_hash(alg, "token"), "c_hash": half_hash(alg, "code")}
    assert isinstance(judge(alg=alg, **hashes), Identity)


def test_the_hash_of_the_standards_example_fits() -> None:
    """OIDC Core §A.3: access token and at_hash as printed there."""
    assert half_hash("RS256", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == "77QmUPtjPfzWtF2AnpK9RQ"


@pytest.mark.parametrize("kind", ["logout+jwt", "at+jwt", "secevent+jwt", "client-authentication+jwt", "jws"])
def test_a_token_made_for_something_else_is_no_id_token(kind: str) -> None:
    """RFC 8725 §3.11, §3.12: typ keeps kinds apart, and so does a claim that no ID token has."""
    assert judge(kind=kind) is Flaw.TYPE
    assert judge(events={}) is Flaw.TYPE
    assert isinstance(judge(kind=""), Identity)


STRONG = Expected(
    issuer="https://op.example",
    client_id="emi",
    nonce="the-nonce",
    access_token="token",
    code="code",
    max_age=timedelta(minutes=10),
    acr=("urn:switchyard:acr:2fa", "phr"),
)


@pytest.mark.parametrize(
    "changes",
    [
        {"acr": "urn:switchyard:acr:1fa"},
        {"acr": ABSENT},
        {"acr": ["phr"]},
        {"acr": ""},
        {"auth_time": ABSENT},
        {"auth_time": NOW - 661},
        {"auth_time": NOW + 61},
        {"auth_time": "now"},
        {"auth_time": None},
    ],
)
def test_a_sign_in_is_as_strong_and_recent_as_it_was_asked_for(changes: dict[str, Any]) -> None:
    """RP-11, Core §3.1.3.7 (12, 13): what was asked and is not said was not done."""
    assert judge(STRONG, **changes) is Flaw.AUTHENTICATION


@pytest.mark.parametrize("changes", [{}, {"acr": "phr"}, {"auth_time": NOW - 660}])
def test_a_sign_in_that_is_strong_and_recent_is_accepted(changes: dict[str, Any]) -> None:
    """RP-11."""
    assert isinstance(judge(STRONG, **changes), Identity)


@pytest.mark.parametrize("changes", [{"amr": "pwd"}, {"amr": [1]}, {"acr": 2}, {"auth_time": "x"}])
def test_what_is_badly_said_of_the_sign_in_is_refused(changes: dict[str, Any]) -> None:
    """Even where nothing was asked for."""
    assert judge(**changes) is Flaw.AUTHENTICATION


@pytest.mark.parametrize(
    "changes",
    [{"session_expiry": NOW}, {"session_expiry": "x"}, {"session_expiry": None}, {"sid": 7}, {"sid": ""}],
)
def test_a_session_that_is_over_or_badly_named_does_not_begin(changes: dict[str, Any]) -> None:
    """IPSIE SL1; Back-Channel Logout §2.1."""
    assert judge(**changes) is Flaw.SESSION_OVER


@pytest.mark.parametrize(
    "access", ["all", [1], [{}], [{"org": "1"}], [{"role": "r"}], [{"org": 1, "role": "r"}], None]
)
def test_half_an_access_row_opens_nothing(access: object) -> None:
    """The whole token is refused: nobody guesses at rights."""
    assert judge(access=access) is Flaw.ACCESS
