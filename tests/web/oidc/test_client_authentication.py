"""Client authentication at the token endpoint."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
from typing import TYPE_CHECKING

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select

from idp.storage import tables
from idp.usecases.disable_client import disable_client
from idp.usecases.list_clients import list_clients
from idp.usecases.register_client import ClientOrder, Registered, register_client
from idp.usecases.rotate_client_secret import NoSecret, SecretRotated, rotate_client_secret
from idp.usecases.sweep_tokens import sweep_tokens
from kernel.audit import SYSTEM
from kernel.crypto import digest
from tests.support.oidc import ISSUER, SECRET, an_assertion, public_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel.web.http import Response
    from tests.support.oidc import Op

GRANT = {"grant_type": "client_credentials"}


def ask(op: Op, headers: Mapping[str, str] | None = None, **fields: str) -> Response:
    return op.post("/oauth2/token", {**GRANT, **fields}, headers=headers)


def raw_basic(pair: bytes) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(pair).decode()}


def refused(answer: Response) -> None:
    assert answer.status == 401, answer.body
    assert answer.json()["error"] == "invalid_client"
    # oauth4webapi, openid-client and what is built on them show the challenge alone where there is one.
    description = answer.json()["error_description"]
    told = f'error="invalid_client", error_description="{description}"'
    assert answer.header("www-authenticate") == f'Basic realm="Gateway", charset="UTF-8", {told}'
    assert answer.header("cache-control") == "no-store"


def test_wrong_empty_and_missing_secrets_are_refused_alike(op: Op) -> None:
    """CA-01: one answer, which never says what was wrong; an unknown client gets the same."""
    op.machine()
    answers = [
        ask(op, op.basic("m2m", "x" * 43)),
        ask(op, op.basic("m2m", "")),
        ask(op, op.basic("nobody")),
        ask(op, client_id="m2m"),
        ask(op),
        ask(op, client_id="m2m", client_secret="x" * 43),
        ask(op, client_id="nobody", client_secret=SECRET),
    ]
    for answer in answers:
        refused(answer)
    assert len({answer.body for answer in answers}) == 1


@pytest.mark.parametrize("registered", ["client_secret_basic", "client_secret_post"])
def test_who_brings_the_right_secret_by_the_other_way_is_told_the_registered_one(
    op: Op, registered: str
) -> None:
    """RFC 6749 §5.2: refused as ever, and in words that only the secret's holder hears (CA-01)."""
    op.machine(token_endpoint_auth_method=registered)

    def by_the_other_way(secret: str) -> Response:
        if registered == "client_secret_basic":
            return ask(op, client_id="m2m", client_secret=secret)
        return ask(op, op.basic("m2m", secret))

    wrong, right = by_the_other_way("x" * 43), by_the_other_way(SECRET)
    refused(wrong)
    refused(right)
    assert wrong.json()["error_description"] == "Client authentication failed."
    said = f"The secret is right, but the client is registered for {registered}."
    assert right.json()["error_description"] == said
    assert disable_client(op.services, "m2m", actor=SYSTEM)
    assert by_the_other_way(SECRET).body == wrong.body


def test_a_public_client_has_no_use_of_secret_grants(op: Op) -> None:
    """CA-02: neither client credentials nor introspection nor another's token."""
    op.client()
    op.client("spa", token_endpoint_auth_method="none")
    token = op.tokens(op.session(op.account()))["access_token"]
    assert ask(op, client_id="spa").status == 400
    assert op.post("/oauth2/introspect", {"client_id": "spa", "token": token}).status == 401
    assert op.post("/oauth2/revoke", {"client_id": "spa", "token": token}).status == 200
    assert op.introspect(token)["active"] is True


@pytest.mark.parametrize("extra", [{"client_secret": SECRET}, {"client_assertion": "x"}])
def test_two_methods_at_once_are_refused(op: Op, extra: dict[str, str]) -> None:
    """CA-04."""
    op.machine()
    answer = ask(op, op.basic("m2m"), **extra)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_basic_credentials_are_form_decoded(op: Op) -> None:
    """CA-05, RFC 6749 §2.3.1: colons, percent signs, plus signs and letters beyond ASCII in a secret."""
    secret = "a:b%2B+ü" + "x" * 40
    op.machine(secret=secret)
    encoded = b"m2m:a%3Ab%252B%2B%C3%BC" + b"x" * 40
    assert ask(op, raw_basic(encoded)).status == 200


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic ***",
        "Basic " + base64.b64encode(b"m2m").decode(),
        "Basic " + base64.b64encode(b":" + SECRET.encode()).decode(),
        "Basic " + base64.b64encode(b"m2m:%ff").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + "A" * 1_000_000,
        "Basic bTJtOng=, Basic bTJtOng=",
        "Bearer x",
        "é",
    ],
)
def test_a_malformed_authorization_header_is_refused_and_nothing_breaks(op: Op, header: str) -> None:
    """CA-05: 401, never 500."""
    op.machine()
    refused(ask(op, {"authorization": header}))


def test_an_empty_secret_is_none_whichever_way_it_is_sent(op: Op) -> None:
    """CA-02, CA-04, RFC 6749 §2.3.1: Go's oauth2 asks so for a public client first; a secret proves none."""
    op.client("spa", token_endpoint_auth_method="none")
    nothing = op.basic("spa", "")
    code = op.code(op.session(op.account()), client_id="spa", scope="openid offline_access")
    refused(op.redeem(code, headers=op.basic("spa", "x")))
    assert op.redeem(code, headers=nothing, client_secret=SECRET).status == 400
    assert op.post("/oauth2/introspect", {"token": "x"}, headers=nothing).status == 401
    refusals = len(op.audit("gateway:client:refused"))
    tokens = op.redeem(code, headers=nothing)
    assert tokens.status == 200, tokens.body
    renewed = op.refresh(tokens.json()["refresh_token"], headers=nothing)
    assert renewed.status == 200, renewed.body
    revoked = {"token": renewed.json()["refresh_token"], "client_id": "spa"}
    assert op.post("/oauth2/revoke", revoked, headers=nothing).status == 200
    assert op.refresh(renewed.json()["refresh_token"], headers=nothing).status == 400
    assert len(op.audit("gateway:client:refused")) == refusals


def test_client_secret_post_is_for_those_registered_for_it(op: Op) -> None:
    """RFC 6749 §2.3.1; the method is part of the registration."""
    op.machine(token_endpoint_auth_method="client_secret_post")
    assert ask(op, client_id="m2m", client_secret=SECRET).status == 200
    refused(ask(op, op.basic("m2m")))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256", "EdDSA"])
@pytest.mark.parametrize(
    "audience",
    [ISSUER, f"{ISSUER}/oauth2/token", f"{ISSUER}/oauth2/par", [ISSUER], [ISSUER, f"{ISSUER}/oauth2/token"]],
)
def test_an_assertion_proves_its_client_once(op: Op, algorithm: str, audience: object) -> None:
    """RFC 7523 §3, OIDC Core §9, RFC 9126 §2: our names as audience, one or several; the jti works once."""
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    proof = an_assertion("m2m", algorithm=algorithm, aud=audience)
    assert ask(op, **proof).status == 200
    refused(ask(op, **proof))


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/oauth2/token", {}),
        ("/oauth2/token", {"grant_type": "password"}),
        ("/oauth2/token", {"grant_type": "authorization_code"}),
        ("/oauth2/token", {"grant_type": "refresh_token"}),
        ("/oauth2/token", {"grant_type": "client_credentials", "scope": "openid"}),
        ("/oauth2/token", {"grant_type": "client_credentials", "resource": "https://other.example"}),
        ("/oauth2/token", {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}),
        ("/oauth2/introspect", {}),
        ("/oauth2/revoke", {}),
        ("/oauth2/par", {"request_uri": "urn:x"}),
    ],
)
def test_an_assertion_of_a_refused_request_is_spent_too(op: Op, path: str, fields: dict[str, str]) -> None:
    """RFC 7523 §3: who saw it on its way cannot repair the request and send it again."""
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    proof = an_assertion("m2m")
    first = op.post(path, {**fields, **proof})
    assert 400 <= first.status < 500
    assert first.json()["error"] != "invalid_client"
    refused(ask(op, **proof))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"aud": []},
        {"aud": [[ISSUER]]},
        {"aud": None},
        {"iss": "rp2"},
        {"sub": "rp2"},
        {"sub": None},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 256},
        {"exp": None},
        {"exp": 1_780_315_200 - 16},
        {"exp": 1_780_315_200 + 3600},
        {"exp": "soon"},
        {"exp": 10**30},
        {"iat": 1_780_315_200 + 60},
        {"nbf": 1_780_315_200 + 60},
    ],
)
def test_an_assertion_says_who_to_whom_and_until_when(op: Op, claims: dict[str, object]) -> None:
    """RFC 7523 §3, CA-08: every claim counts; the life is bounded."""
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    refused(ask(op, **an_assertion("m2m", **claims)))


@pytest.mark.parametrize(
    "typ",
    [
        *(
            "oauth-authz-req+jwt",
            "dpop+jwt",
            "at+jwt",
            "logout+jwt",
            "secevent+jwt",
            "application/at+jwt",
            "",
        ),
        "authorization-grant+jwt",
    ],
)
def test_what_the_client_signed_for_something_else_proves_nothing(op: Op, typ: str) -> None:
    """CA-08, RFC 8725 §3.11, RFC 9101 §10.8: a request object travels through browsers and their histories."""
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    refused(ask(op, **an_assertion("m2m", typ=typ)))


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "client-authentication+jwt", "application/JWT"])
def test_an_assertion_may_say_that_it_is_one(op: Op, typ: str | None) -> None:
    """RFC 8725 §3.11: none of them is taken for something else."""
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    assert ask(op, **an_assertion("m2m", typ=typ)).status == 200


def test_a_clock_that_is_a_little_ahead_is_forgiven(op: Op) -> None:
    """FAPI 2.0: eight seconds are accepted."""
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    now = int(op.clock.now().timestamp())
    assert ask(op, **an_assertion("m2m", iat=now + 8, nbf=now + 8)).status == 200


def test_a_spent_assertion_is_remembered_for_as_long_as_it_could_work(op: Op) -> None:
    """RFC 7523 §3: clocks may differ a little, and it works for that much longer than it says."""
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    proof = an_assertion("m2m")
    assert ask(op, **proof).status == 200
    op.clock.advance(dt.timedelta(seconds=74))
    sweep_tokens(op.services)
    refused(ask(op, **proof))
    assert ask(op, **an_assertion("m2m", jti="another")).status == 200, "its time was not over"


def unsigned(header: dict[str, object], claims: dict[str, object], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_strange_algorithms_and_keys_in_the_header_prove_nothing(op: Op) -> None:
    """CA-08, RFC 8725: none, HS256 with the public key, another's key, crit, jwk, jku, x5u."""
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    good = an_assertion("m2m")["client_assertion"]
    said = json.loads(base64.urlsafe_b64decode(good.split(".")[1] + "=="))
    stranger = ECKey.generate_key("P-256", {"kid": "ec"})
    forged = [
        unsigned({"alg": "none"}, said),
        unsigned({"alg": "HS256", "kid": "ec"}, said, hmac.digest(b"key", b"x", "sha256")),
        unsigned({"alg": "ES256", "kid": "rsa"}, said, b"x" * 64),
        unsigned({"alg": "ES256", "kid": "unknown"}, said, b"x" * 64),
        unsigned({"alg": "EdDSA", "kid": "ec"}, said, b"x" * 64),
        unsigned({"alg": "ES256", "kid": "ed"}, said, b"x" * 64),
        unsigned({"alg": "Ed25519", "kid": "ed"}, said, b"x" * 64),
        unsigned({"alg": "ES256", "kid": "ec", "crit": ["x"], "x": 1}, said, b"x" * 64),
        unsigned({"alg": "ES256", "jwk": stranger.as_dict(private=False)}, said, b"x" * 64),
        unsigned({"alg": "ES256", "jku": "http://127.0.0.1:1/keys"}, said, b"x" * 64),
        unsigned({"alg": "ES256", "x5u": "http://127.0.0.1:1/keys"}, said, b"x" * 64),
        an_assertion("m2m", key=stranger)["client_assertion"],
        good[:-2],
        "a.b.c",
        "....",
        "é.é.é",
        "x" * 20_000,
    ]
    for assertion in forged:
        fields = {**an_assertion("m2m"), "client_assertion": assertion, "client_id": "m2m"}
        refused(ask(op, **fields))


def test_an_assertion_of_another_kind_is_an_invalid_request(op: Op) -> None:
    """RFC 7521 §4.2."""
    fields = {**an_assertion("m2m"), "client_assertion_type": "urn:x"}
    assert ask(op, **fields).json()["error"] == "invalid_request"


def test_secrets_are_kept_as_digests_and_shown_once(op: Op) -> None:
    """CA-09: neither the list nor the database holds one."""
    order = ClientOrder(
        "shown",
        "Shown",
        {"grant_types": ["client_credentials"], "scope": "x", "resources": ["https://x.example"]},
    )
    made = register_client(op.services, order, actor=SYSTEM)
    assert isinstance(made, Registered)
    assert len(made.secret) >= 43
    assert made.secret not in repr(made)
    assert made.secret not in repr(list_clients(op.services))
    with op.services.store.read() as connection:
        rows = connection.execute(select(tables.client_secret)).all()
        everything = repr(rows) + repr(connection.execute(select(tables.client)).all())
    assert [row.digest for row in rows] == [digest(made.secret)]
    assert made.secret not in everything
    assert ask(op, op.basic("shown", made.secret)).status == 200


def test_a_rotated_secret_overlaps_and_its_use_is_told(op: Op) -> None:
    """CA-11: old and new work within the overlap, the old one is dead after it, each use of it is audited."""
    op.machine()
    made = rotate_client_secret(op.services, "m2m", actor=SYSTEM, overlap=dt.timedelta(hours=1))
    assert isinstance(made, SecretRotated)
    assert ask(op, op.basic("m2m", made.secret)).status == 200
    assert ask(op, op.basic("m2m")).status == 200
    rows = op.audit("gateway:token:issued")
    assert [row.details.get("former_credential", False) for row in rows] == [False, True]
    op.clock.advance(dt.timedelta(hours=1))
    refused(ask(op, op.basic("m2m")))
    assert ask(op, op.basic("m2m", made.secret)).status == 200
    assert rotate_client_secret(op.services, "nobody", actor=SYSTEM) == NoSecret()


def test_guessing_a_secret_makes_that_address_wait_and_no_other(op: Op) -> None:
    """CA-13: 429 per client and address; the client itself goes on from its own address."""
    op.machine()
    statuses = [ask(op, op.basic("m2m", f"{number:043}")).status for number in range(200)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    right = op.post("/oauth2/token", GRANT, headers=op.basic("m2m"), address="198.51.100.9")
    assert right.status == 200


def test_refused_clients_are_written_down(op: Op) -> None:
    """ASVS 16.3: every failed authentication, with its reason and without the secret."""
    op.machine()
    ask(op, op.basic("m2m", "guess" * 10))
    (row,) = op.audit("gateway:client:refused")
    assert (row.actor_id, row.reason) == ("m2m", "wrong secret")
    assert "guess" not in repr(row)


def test_a_network_of_ipv6_waits_as_one_place(op_on_both: Op) -> None:
    """CA-13: whoever has one has 2^64 addresses of it."""
    op = op_on_both
    op.machine()
    wrong = op.basic("m2m", "wrong" * 10)
    for number in range(60):
        assert op.post("/oauth2/token", GRANT, headers=wrong, address=f"2001:db8::{number:x}").status == 401
    right = op.basic("m2m")
    op.post("/oauth2/token", GRANT, headers=wrong, address="2001:db8::ffff")
    assert op.post("/oauth2/token", GRANT, headers=right, address="2001:db8::fffe").status == 429
    assert op.post("/oauth2/token", GRANT, headers=right, address="2001:db8:0:1::1").status == 200


def test_clients_that_nobody_knows_do_not_fill_the_audit(op_on_both: Op) -> None:
    """ASVS 16.3: anybody may name ever new ones; sixty a minute of each place are written down."""
    op = op_on_both
    op.machine()
    for number in range(70):
        refused(ask(op, op.basic(f"client-{number}", "x")))
    assert len(op.audit("gateway:client:refused")) == 60
    refused(ask(op, op.basic("m2m", "wrong")))
    assert op.audit("gateway:client:refused")[-1].actor_id == "m2m", "whoever is known is written down"
    refused(op.post("/oauth2/token", GRANT, headers=op.basic("client", "x"), address="198.51.100.9"))
    op.clock.advance(dt.timedelta(minutes=1))
    refused(ask(op, op.basic("client-0", "x")))
    assert len(op.audit("gateway:client:refused")) == 63
