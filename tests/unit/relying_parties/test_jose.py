"""Reading signed tokens and finding keys: refusals first (RP-01, RP-09)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jws, jwt

from kernel.clock import FrozenClock
from relying_parties.http import ProviderFaultError, ProviderUnreachableError
from relying_parties.jose import Flaw, Key, KeyCache, Token, verified

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
EC = jwk.ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256"})
RSA = jwk.RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS256"})
OTHER_RSA = jwk.RSAKey.generate_key(2048, {"kid": "rsa"})
ALLOWED = ("ES256", "RS256")
CLAIMS = {"iss": "https://op.example", "sub": "alice"}


class Published:
    """The issuer's key set as a thing that can change, break, and count how often it was asked for."""

    def __init__(self, *keys: Any) -> None:
        self.keys = list(keys)
        self.fetched = 0
        self.broken = False

    def fetch(self) -> dict[str, object]:
        """Return the key set."""
        self.fetched += 1
        if self.broken:
            raise ProviderUnreachableError("away")
        return {"keys": [key if isinstance(key, dict) else key.as_dict(private=False) for key in self.keys]}


def cache(*keys: Any) -> KeyCache:
    """Return a cache over keys that do not change."""
    return KeyCache(Published(*keys).fetch, FrozenClock(NOON))


def judge(token: str, *keys: Any, algorithms: tuple[str, ...] = ALLOWED) -> Token | Flaw:
    """Judge a token by keys."""
    return verified(token, keys=cache(*(keys or (EC, RSA))), algorithms=algorithms)


def sign(key: Any = EC, alg: str = "ES256", claims: dict[str, Any] | None = None, **header: Any) -> str:
    """Return a signed token."""
    full = {"alg": alg, "kid": key.kid, **header}
    return jwt.encode(
        {name: value for name, value in full.items() if value is not None},
        claims or CLAIMS,
        key,
        algorithms=[alg],
    )


def encode(raw: bytes | dict[str, Any]) -> str:
    """Return base64url without padding."""
    raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize(
    "name", ["none", "None", "nOnE", "NONE", "", None, 7, ["ES256"], "es256", "HS256", "XX256"]
)
def test_an_algorithm_that_was_not_agreed_is_refused(name: object) -> None:
    """RP-01, RFC 8725 §2.1: none in every spelling, and everything else that is not on our list."""
    header = {"alg": name, "kid": "ec"}
    for signature in ("", "AA", encode(b"x" * 64)):
        assert judge(f"{encode(header)}.{encode(CLAIMS)}.{signature}") is Flaw.ALGORITHM


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "json"])
def test_a_public_key_is_no_shared_secret(form: str) -> None:
    """RP-01, CVE-2024-37568, CVE-2022-29217: HS256 keyed by the public key, even where HS256 were allowed."""
    secrets = {
        "pem": RSA.as_pem(private=False),
        "der": RSA.as_der(private=False),
        "jwk": json.dumps(RSA.as_dict(private=False)).encode(),
        "json": json.dumps(RSA.as_dict(private=False), separators=(",", ":")).encode(),
    }
    raw = jwk.OctKey.import_key(encode(secrets[form]), {"kid": "rsa"})
    forged = jws.serialize_compact(
        {"alg": "HS256", "kid": "rsa"}, json.dumps(CLAIMS), raw, algorithms=["HS256"]
    )
    assert judge(forged) is Flaw.ALGORITHM


def test_a_key_of_another_kind_does_not_fit_the_algorithm() -> None:
    """RP-01, RFC 8725 §3.1: the key decides what it may sign with."""
    assert judge(sign(RSA, "RS256", kid="ec")) is Flaw.UNKNOWN_KEY
    assert judge(sign(EC, kid="rsa")) is Flaw.UNKNOWN_KEY
    raw = {name: value for name, value in RSA.as_dict(private=True).items() if name != "alg"}
    assert (
        judge(sign(jwk.RSAKey.import_key(raw), "PS256"), algorithms=("ES256", "RS256", "PS256"))
        is Flaw.UNKNOWN_KEY
    )


def test_a_wrong_key_under_the_right_name_is_refused() -> None:
    """RP-01: RS256 with another key."""
    assert judge(sign(OTHER_RSA, "RS256")) is Flaw.SIGNATURE


def test_a_key_that_the_token_brings_itself_is_not_looked_at() -> None:
    """RFC 8725 §3.10, CVE-2026-27962: jwk, jku and x5u of the header lead nowhere."""
    own = jwk.ECKey.generate_key("P-256", {"kid": "mine"})
    header = {"alg": "ES256", "jwk": own.as_dict(private=False)}
    token = jws.serialize_compact(header, json.dumps(CLAIMS), own, algorithms=["ES256"])
    assert judge(token) is Flaw.SIGNATURE
    other = {**header, "kid": "mine", "jku": "https://evil.example/jwks"}
    registry = jws.JWSRegistry(strict_check_header=False)
    token = jws.serialize_compact(other, json.dumps(CLAIMS), own, registry=registry)
    assert judge(token) is Flaw.UNKNOWN_KEY


def malleable(signature: bytes) -> dict[str, bytes]:
    """Return other spellings of an ES256 signature, and hollow ones."""
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    return {
        "der": encode_dss_signature(r, s),
        "longer": signature + b"\0",
        "shorter": signature[:-1],
        "padded": b"\0" + signature[:32] + b"\0" + signature[32:],
        "zeros": bytes(64),
        "empty": b"",
        "swapped": signature[32:] + signature[:32],
    }


@pytest.mark.parametrize("case", ["der", "longer", "shorter", "padded", "zeros", "empty", "swapped"])
def test_a_signature_has_one_spelling(case: str) -> None:
    """RP-01: nothing but r and s of full width; no psychic signature of zeros."""
    head, body, signature = sign().split(".")
    assert judge(f"{head}.{body}.{encode(malleable(decode(signature))[case])}") in (
        Flaw.SIGNATURE,
        Flaw.MALFORMED,
    )


def test_the_twin_of_a_signature_carries_nothing_else() -> None:
    """RP-01: (r, n - s) is as good an ECDSA signature as (r, s), and the standard allows both.

    So nothing here is ever keyed by the text of a token: the nonce and the ``jti`` are spent, which the twin shares.
    """
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    head, body, signature = sign(claims={**CLAIMS, "jti": "one"}).split(".")
    raw = decode(signature)
    twin = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    told = judge(f"{head}.{body}.{encode(twin)}")
    assert isinstance(told, Token)
    assert told == judge(f"{head}.{body}.{signature}")


def test_base64url_has_one_spelling() -> None:
    """RP-01: spare bits, padding, line ends and foreign letters are refused, not passed over."""
    head, body, signature = sign().split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(signature[-1]) ^ 1]
    for spelling in (
        f"{head}.{body}.{signature[:-1]}{last}",
        f"{head}.{body}.{signature}==",
        f"{head}.{body}.{signature}\n",
        f"{head}.{body}.{signature[:8]} {signature[8:]}",
        f"{head}.{body}.{signature[:8]}*{signature[8:]}",
        f" {head}.{body}.{signature}",
    ):
        assert judge(spelling) is Flaw.MALFORMED


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "e30.e30.",
        f"{encode(b'[]')}.{encode(CLAIMS)}.",
        f"{encode(b'{')}.{encode(CLAIMS)}.",
        encode({"alg": "ES256", "kid": ["ec"]}) + f".{encode(CLAIMS)}.AA",
        encode({"alg": "ES256", "kid": ""}) + f".{encode(CLAIMS)}.AA",
        encode({"alg": "ES256", "kid": "k" * 257}) + f".{encode(CLAIMS)}.AA",
        encode({"alg": "ES256", "typ": 7}) + f".{encode(CLAIMS)}.AA",
        encode(b'{"alg":"none","alg":"ES256"}') + f".{encode(CLAIMS)}.AA",
        encode({"alg": "ES256"}) + "." + encode(b'{"sub":"a","sub":"b"}') + ".AA",
        encode({"alg": "ES256"}) + "." + encode(b'{"exp":NaN}') + ".AA",
        encode({"alg": "ES256"}) + "." + encode(b'{"a":' * 3000 + b"1" + b"}" * 3000) + ".AA",
        encode({"alg": "ES256"}) + "." + encode(b'{"a":' + b"9" * 6000 + b"}") + ".AA",
        encode({"alg": "ES256"}) + "." + encode(b'{"a":"\xff"}') + ".AA",
        "e" * 20_000,
    ],
)
def test_what_is_no_token_is_refused_without_asking_for_keys(token: str) -> None:
    """CVE-2025-61920: bounded and strict, whatever comes; the issuer is not bothered."""
    published = Published(EC)
    keys = KeyCache(published.fetch, FrozenClock(NOON))
    assert verified(token, keys=keys, algorithms=ALLOWED) in (Flaw.MALFORMED, Flaw.ALGORITHM)
    assert published.fetched == 0


@given(st.text(max_size=200))
def test_no_text_whatever_breaks_the_reader(text: str) -> None:
    """Every text is judged."""
    assert judge(text) in (Flaw.MALFORMED, Flaw.ALGORITHM)


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp"])
def test_nothing_critical_is_understood(crit: object) -> None:
    """RFC 7515 §4.1.11, CVE-2025-59420."""
    header = {"alg": "ES256", "kid": "ec", "crit": crit}
    assert judge(f"{encode(header)}.{encode(CLAIMS)}.AA") is Flaw.CRITICAL_HEADER


def test_a_good_token_is_read() -> None:
    """With its kind in lower case, and its claims."""
    token = judge(sign(typ="application/Logout+JWT"))
    assert isinstance(token, Token)
    assert (token.algorithm, token.kind, token.claims["sub"]) == ("ES256", "logout+jwt", "alice")
    assert isinstance(judge(sign(RSA, "RS256")), Token)


def test_a_token_without_a_key_name_needs_an_issuer_with_one_key() -> None:
    """OIDC Core §10.1: kid may be left out only where there is no choice."""
    assert isinstance(judge(sign(kid=None), EC, RSA), Token)
    second = jwk.ECKey.generate_key("P-256", {"kid": "second"})
    assert judge(sign(kid=None), EC, second) is Flaw.UNKNOWN_KEY


@pytest.mark.parametrize(
    "entry",
    [
        {**EC.as_dict(private=True)},
        {**EC.as_dict(private=False), "use": "enc"},
        {**EC.as_dict(private=False), "alg": "ES384"},
        {"kty": "oct", "k": "AAAA", "kid": "ec"},
        {"kty": "EC", "kid": "ec"},
        {"kty": "?", "kid": "ec"},
        "nonsense",
        None,
    ],
)
def test_entries_that_are_no_public_signature_keys_are_passed_over(entry: object) -> None:
    """RFC 7517 §5: the others still serve."""
    published = Published(RSA)

    def fetch() -> dict[str, object]:
        return {"keys": [entry, *published.fetch()["keys"]]}  # type: ignore[misc]

    keys = KeyCache(fetch, FrozenClock(NOON))
    assert verified(sign(), keys=keys, algorithms=ALLOWED) is Flaw.UNKNOWN_KEY
    assert isinstance(verified(sign(RSA, "RS256"), keys=keys, algorithms=ALLOWED), Token)


def test_a_thousand_tokens_with_unknown_keys_cost_one_fetch_per_cooldown() -> None:
    """RP-09: and known keys serve all the while."""
    published, clock = Published(EC), FrozenClock(NOON)
    keys = KeyCache(published.fetch, clock)
    for number in range(1000):
        assert keys.find(f"made-up-{number}", "ES256") is None
    assert published.fetched == 1
    clock.advance(timedelta(seconds=20))
    for number in range(1000):
        assert keys.find(f"made-up-{number}", "ES256") is None
    assert published.fetched == 2
    assert keys.find("ec", "ES256") is not None


def test_a_new_key_is_found_once_the_cooldown_is_over() -> None:
    """OIDC Core §10.1.1."""
    published, clock = Published(EC), FrozenClock(NOON)
    keys = KeyCache(published.fetch, clock)
    assert keys.find("ec", "ES256") is not None
    published.keys.append(RSA)
    assert keys.find("rsa", "RS256") is None
    clock.advance(timedelta(seconds=20))
    assert keys.find("rsa", "RS256") is not None


def test_a_key_that_was_withdrawn_is_forgotten() -> None:
    """Keys are fetched again when old, without anybody asking for an unknown one."""
    published, clock = Published(EC, RSA), FrozenClock(NOON)
    keys = KeyCache(published.fetch, clock)
    assert keys.find("rsa", "RS256") is not None
    published.keys.remove(RSA)
    clock.advance(timedelta(minutes=10))
    assert keys.find("rsa", "RS256") is None


def test_known_keys_serve_while_the_issuer_is_away_but_not_for_ever() -> None:
    """An hour of grace; after it the issuer is unreachable, not trusted."""
    published, clock = Published(EC), FrozenClock(NOON)
    keys = KeyCache(published.fetch, clock)
    assert keys.find("ec", "ES256") is not None
    published.broken = True
    clock.advance(timedelta(minutes=59))
    assert keys.find("ec", "ES256") is not None
    clock.advance(timedelta(minutes=2))
    with pytest.raises(ProviderUnreachableError):
        keys.find("ec", "ES256")


def test_an_issuer_that_is_back_is_found_within_seconds() -> None:
    """A failed fetch is repeated soon, yet not with every request."""
    published, clock = Published(EC), FrozenClock(NOON)
    published.broken = True
    keys = KeyCache(published.fetch, clock)
    for _ in range(50):
        with pytest.raises(ProviderUnreachableError):
            keys.find("ec", "ES256")
    assert published.fetched == 1
    published.broken = False
    clock.advance(timedelta(seconds=2))
    assert keys.find("ec", "ES256") is not None


def test_a_clock_that_was_set_back_does_not_freeze_the_keys() -> None:
    """Keys from the future count as old."""
    published, clock = Published(EC), FrozenClock(NOON)
    keys = KeyCache(published.fetch, clock)
    keys.find("ec", "ES256")
    clock.set(NOON - timedelta(days=1))
    published.keys.append(RSA)
    assert keys.find("rsa", "RS256") is not None


def test_a_document_without_keys_is_the_issuers_fault() -> None:
    """And nothing is trusted."""
    keys = KeyCache(lambda: {"keys": "none"}, FrozenClock(NOON))
    with pytest.raises(ProviderFaultError):
        keys.find("ec", "ES256")


def test_a_short_rsa_key_is_not_used() -> None:
    """NIST SP 800-131A: 2048 bits at least."""
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505 - on purpose
    modulus = encode(numbers.n.to_bytes(128))
    entry = {"kty": "RSA", "kid": "short", "n": modulus, "e": "AQAB"}
    found: Key | None = cache(entry).find("short", "RS256")
    assert found is None
