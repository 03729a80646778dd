"""PKCE, scopes, and what makes a code or a refresh token worthless."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from base64 import urlsafe_b64encode
from dataclasses import replace

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.claims import CLAIMS_OF_SCOPE, Profile, document_claims, profile_claims
from idp.domain.grant import (
    CodeRequest,
    GrantState,
    Redemption,
    SpentCode,
    StoredRefreshToken,
    code_fault,
    grant_fault,
    is_repeat,
)
from idp.domain.pkce import challenge_of, is_challenge, is_verifier, verifies
from idp.domain.scope import granted_to_machine, narrowed, split_scope
from idp.domain.tokens import Authentication, IdTokenFacts, half_hash, id_token_claims, logout_token_claims

NOON = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
VERIFIERS = st.text("ABCxyz019-._~", min_size=43, max_size=128)
HOW = Authentication("sid", 1, "urn:switchyard:acr:2fa", ("pwd", "otp"), 2)
CODE = SpentCode("g", "rp1", "https://rp1.example/cb", {"challenge": challenge_of("v" * 64)}, NOON)
REDEMPTION = Redemption("rp1", "https://rp1.example/cb", "v" * 64)
STATE = GrantState("g", "a", "s", "openid", NOON, False, True, True, 1, False)
BEFORE = NOON - dt.timedelta(seconds=1)


def test_the_example_of_the_standard_verifies() -> None:
    """RFC 7636 appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given(VERIFIERS)
def test_a_challenge_is_what_others_make_of_the_verifier(verifier: str) -> None:
    """RFC 7636 §4.2: Authlib's reading and ours agree."""
    assert challenge_of(verifier) == create_s256_code_challenge(verifier)
    assert is_challenge(challenge_of(verifier))
    assert verifies(verifier, challenge_of(verifier))


@given(VERIFIERS, VERIFIERS)
def test_no_other_verifier_opens_a_challenge(mine: str, other: str) -> None:
    """PK-05: one verifier, in its own case."""
    assert verifies(other, challenge_of(mine)) is (other == mine)


@pytest.mark.parametrize(
    "verifier", ["", "v" * 42, "v" * 129, "v" * 42 + "é", "v" * 42 + "=", "v" * 42 + " ", "v" * 42 + "\x00"]
)
def test_a_malformed_verifier_opens_nothing(verifier: str) -> None:
    """PK-06: 42 and 129 characters, strange characters, nothing at all; never an exception."""
    assert not is_verifier(verifier)
    assert not verifies(verifier, "A" * 43)


def test_the_challenge_itself_is_no_verifier_of_its_own() -> None:
    """PK-05: whoever saw the request cannot redeem with what was in it."""
    challenge = challenge_of("v" * 64)
    assert not verifies(challenge, challenge)
    assert not verifies(("v" * 64).upper(), challenge)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"client_id": "rp2"}, "another client's"),
        ({"redirect_uri": "https://rp1.example/other"}, "redirect_uri"),
        ({"redirect_uri": ""}, "redirect_uri"),
        ({"verifier": "w" * 64}, "code_verifier"),
        ({"verifier": ""}, "code_verifier"),
    ],
)
def test_a_code_is_bound_to_client_address_and_verifier(change: dict[str, str], reason: str) -> None:
    """TK-03, TK-05, PK-05."""
    assert code_fault(CODE, replace(REDEMPTION, **change), now=BEFORE) == reason


def test_a_code_dies_with_its_last_second() -> None:
    """TK-02: the last instant of the lifetime is already too late."""
    assert code_fault(CODE, REDEMPTION, now=BEFORE) == ""
    assert code_fault(CODE, REDEMPTION, now=NOON) == "expired"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "gone"),
        (replace(STATE, revoked=True), "revoked"),
        (replace(STATE, usable=False), "account"),
        (replace(STATE, session_live=False), "session"),
    ],
)
def test_a_grant_ends_with_what_it_stands_on(state: GrantState | None, reason: str) -> None:
    """RT-07, RT-08, TK-12: revoked, account closed, session over."""
    assert grant_fault(state, now=BEFORE) == reason


def test_a_grant_has_an_absolute_end() -> None:
    """RT-09."""
    assert grant_fault(STATE, now=BEFORE) == ""
    assert grant_fault(STATE, now=NOON) == "expired"


@given(st.timedeltas(dt.timedelta(0), dt.timedelta(minutes=1)))
def test_a_repeat_is_honest_only_within_the_grace(age: dt.timedelta) -> None:
    """RT-03: the grace is a short span from the first use; with none there is none."""
    token = StoredRefreshToken("g", "c", {}, NOON, NOON - age)
    assert is_repeat(token, grace=dt.timedelta(seconds=10), now=NOON) is (age < dt.timedelta(seconds=10))
    assert not is_repeat(token, grace=dt.timedelta(0), now=NOON)


def test_a_code_remembers_its_request() -> None:
    """What is stored comes back."""
    request = CodeRequest(("openid", "email"), "A" * 43, "n", "https://r.example", HOW)
    assert CodeRequest.from_json(request.to_json()) == request


@pytest.mark.parametrize("text", ["", " ", "a  b", " a", "a ", 'a"b', "a\\b", "é", "a\tb", "x" * 1001])
def test_a_malformed_scope_is_no_scope(text: str) -> None:
    """RFC 6749 §3.3."""
    assert split_scope(text) is None


@given(
    st.lists(st.sampled_from(["scim.read", "scim.write", "admin", "openid", "offline_access"]), min_size=1)
)
def test_a_machine_never_gets_more_than_it_is_registered_for(asked: list[str]) -> None:
    """TK-07: not admin, and none of the scopes of a person's sign-in even if registered."""
    allowed = {"scim.read", "scim.write", "openid", "offline_access"}
    granted = granted_to_machine(tuple(asked), allowed=allowed)
    assert granted is None or set(granted) <= {"scim.read", "scim.write"}
    assert (granted is None) == (not set(asked) <= {"scim.read", "scim.write"})


def test_a_refresh_narrows_and_never_widens() -> None:
    """RFC 6749 §6."""
    assert narrowed(None, granted=["openid", "email"]) == ("openid", "email")
    assert narrowed(("email",), granted=["openid", "email"]) == ("email",)
    assert narrowed(("email", "phone"), granted=["openid", "email"]) is None


PROFILE = Profile("u", "N F", "N", "F", "", "n@x.example", "+1", "", NOON, NOON)


def test_claims_follow_the_scope() -> None:
    """UI-02: no e-mail without email, no telephone without phone, nothing for openid alone."""
    assert profile_claims(PROFILE, {"openid"}) == {}
    assert set(profile_claims(PROFILE, {"email"})) == {"email", "email_verified"}
    assert set(profile_claims(PROFILE, {"phone"})) == {"phone_number", "phone_number_verified"}
    assert "email" not in profile_claims(PROFILE, {"profile"})


def test_what_is_not_known_is_left_out() -> None:
    """OIDC Core §5.3.2: no empty claims; an address never activated is not called verified."""
    claims = profile_claims(replace(PROFILE, activated_at=None, phone=""), {"profile", "email", "phone"})
    assert "middle_name" not in claims
    assert "locale" not in claims
    assert "phone_number" not in claims
    assert claims["email_verified"] is False


USER = {
    "nickName": "Nor",
    "profileUrl": "https://people.example/nora",
    "photos": [
        {"value": "https://people.example/small.png", "type": "thumbnail"},
        {"value": "https://people.example/nora.png", "type": "photo", "primary": True},
    ],
    "timezone": "America/Toronto",
    "locale": "fr_CA",
    "addresses": [
        {
            "formatted": "1 Sample Street\nToronto ON",
            "streetAddress": "1 Sample Street",
            "locality": "Toronto",
            "region": "ON",
            "postalCode": "M5H 1T1",
            "country": "CA",
            "type": "work",
        }
    ],
}
STATED = {
    "gender": "female",
    "birthdate": "1975-03-31",
    "website": "https://nora.example",
    "email_verified": False,
}


def test_the_nineteen_standard_claims_come_from_columns_document_and_statements() -> None:
    """OIDC Core §5.1, §5.4: each under its scope, the address in its parts (§5.1.1), locale as a BCP 47 tag."""
    whole = replace(PROFILE, middle_name="M", document=json.dumps(USER), stated=STATED)
    claims = profile_claims(whole, {"profile", "email", "address", "phone"})
    assert set(claims) == {name for names in CLAIMS_OF_SCOPE.values() for name in names}
    assert len(claims) == 19
    assert claims["locale"] == "fr-CA"
    assert claims["picture"] == "https://people.example/nora.png"
    assert claims["address"] == {
        "formatted": "1 Sample Street\nToronto ON",
        "street_address": "1 Sample Street",
        "locality": "Toronto",
        "region": "ON",
        "postal_code": "M5H 1T1",
        "country": "CA",
    }
    assert claims["email_verified"] is False
    for scope, names in CLAIMS_OF_SCOPE.items():
        assert set(profile_claims(whole, {scope})) == set(names)
    assert profile_claims(whole, {"openid"}) == {}


def test_a_claim_that_is_to_be_a_web_address_is_not_made_of_what_is_none() -> None:
    """OIDC Core §5.1: profile and picture are URLs of a page and an image; SCIM clients send other texts too."""
    user = {
        "profileUrl": "javascript:alert(1)",
        "photos": [{"value": "not a url"}],
        "addresses": [{"type": "home"}],
    }
    assert document_claims(user) == {}
    assert document_claims({"profileUrl": "http://[", "photos": [], "addresses": None}) == {}


def test_an_id_token_says_who_how_and_when_and_no_profile() -> None:
    """IPSIE SL1, traps T6..T8: aud is one string, auth_time is true, no profile claims."""
    claims = id_token_claims(
        IdTokenFacts(
            issuer="https://op.example",
            subject="a",
            client_id="rp1",
            issued_at=NOON,
            life=dt.timedelta(minutes=10),
            authentication=HOW,
            access_token="t",
            nonce="n",
        )
    )
    assert set(claims) == {
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "acr",
        "amr",
        "sid",
        "session_expiry",
        "at_hash",
        "nonce",
    }
    assert claims["aud"] == "rp1"
    assert claims["auth_time"] == 1


def test_a_logout_token_can_never_pass_as_an_id_token() -> None:
    """Back-Channel Logout §2.4: events and no nonce."""
    claims = logout_token_claims(
        issuer="https://op.example", client_id="rp1", subject="a", session_id="s", token_id="j", now=NOON
    )
    assert "nonce" not in claims
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}


def test_what_travels_beside_an_id_token_is_hashed_as_its_algorithm_hashes() -> None:
    """OIDC Core §3.1.3.6: the left half, of the specification's own example and of SHA-512 for Ed25519."""
    token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    assert half_hash(token) == half_hash(token, "PS256") == "77QmUPtjPfzWtF2AnpK9RQ"
    longer = hashlib.sha512(token.encode()).digest()[:32]
    assert half_hash(token, "EdDSA") == urlsafe_b64encode(longer).rstrip(b"=").decode()
