"""Proof of possession by DPoP (RFC 9449)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from sqlalchemy import func, select

from idp.storage.tables import spent_proof
from idp.usecases.authenticate_provisioner import provisioner
from idp.usecases.prove_possession import MISUSED
from idp.usecases.register_client import ClientOrder, Registered, register_client
from idp.usecases.sweep_tokens import sweep_tokens
from kernel.audit import SYSTEM
from tests.support.dpop import TOKEN, Holder
from tests.support.oidc import CALLBACK, CHALLENGE, ISSUER, Op, an_assertion, an_op, claims_of, public_keys
from tests.support.signatures import a_signing_key

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.web.http import Response

MACHINE = {"grant_type": "client_credentials"}
INFO = f"{ISSUER}/oauth2/userinfo"


def machine_token(op: Op, headers: dict[str, str]) -> Response:
    return op.post("/oauth2/token", MACHINE, headers={**op.basic("m2m"), **headers})


def error_of(answer: Response) -> str:
    assert answer.status == 400, answer.body
    assert answer.header("cache-control") == "no-store"
    return str(answer.json()["error"])


def signed_in(op: Op, **metadata: object) -> str:
    op.client(**metadata)  # type: ignore[arg-type]
    return op.session(op.account())


def test_a_proof_without_our_nonce_is_told_the_nonce(op: Op) -> None:
    """RFC 9449 §8, §9: the nonce turns over, and the one before is still good for a while."""
    op.machine()
    holder = Holder(op)
    first = machine_token(op, holder.proof())
    assert error_of(first) == "use_dpop_nonce"
    holder.nonce = first.header("dpop-nonce")
    assert machine_token(op, holder.proof()).status == 200
    op.clock.advance(dt.timedelta(minutes=5))
    second = machine_token(op, holder.proof())
    assert second.status == 200
    assert second.header("dpop-nonce") != holder.nonce
    op.clock.advance(dt.timedelta(minutes=5))
    assert error_of(machine_token(op, holder.proof())) == "use_dpop_nonce"
    assert error_of(machine_token(op, holder.proof(nonce="n" * 24))) == "use_dpop_nonce"
    assert op.post("/oauth2/token", MACHINE, headers=op.basic("m2m")).header("dpop-nonce") == ""


def test_who_is_told_the_nonce_asks_again_with_the_same_assertion(op: Op) -> None:
    """RFC 9449 §8, RFC 7523 §3: the assertion is not looked at before the proof is right; then it works once."""
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    holder = Holder(op)
    said = {**MACHINE, **an_assertion("m2m")}
    first = op.post("/oauth2/token", said, headers=holder.proof())
    assert error_of(first) == "use_dpop_nonce"
    holder.nonce = first.header("dpop-nonce")
    assert op.post("/oauth2/token", said, headers=holder.proof()).status == 200
    assert op.post("/oauth2/token", said, headers=holder.proof()).json()["error"] == "invalid_client"


def test_a_proof_of_a_refused_request_is_spent_too(op: Op) -> None:
    """RFC 9449 §11.1: it was heard, and is not heard again beside another body."""
    op.machine()
    holder = Holder(op).learn("m2m")
    proof = holder.proof()
    wrong = op.post("/oauth2/token", {"grant_type": "x"}, headers={**op.basic("m2m"), **proof})
    assert error_of(wrong) == "unsupported_grant_type"
    assert error_of(machine_token(op, proof)) == "invalid_dpop_proof"


@pytest.mark.parametrize(
    "wrong",
    [
        {"htm": "GET"},
        {"htm": "post"},
        {"htm": None},
        {"htu": f"{ISSUER}/oauth2/userinfo"},
        {"htu": "http://gateway.example/oauth2/token"},
        {"htu": "http://gateway.example:443/oauth2/token"},
        {"htu": "https://gateway.example:444/oauth2/token"},
        {"htu": "https://gateway.example:port/oauth2/token"},
        {"htu": "https://gateway.example:0/oauth2/token"},
        {"htu": "https://somebody@gateway.example/oauth2/token"},
        {"htu": None},
        {"htu": 7},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": 0},
        {"iat": 10**20},
        {"exp": 1},
        {"exp": "later"},
        {"exp": True},
        {"nbf": 10**10},
        {"nbf": "sooner"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "j" * 256},
        {"typ": None},
        {"typ": "JWT"},
        {"jwk": None},
        {"jwk": {}},
        {"jwk": ECKey.generate_key("P-256").as_dict(private=False)},
        {"jwk": ECKey.generate_key("P-256").as_dict(private=True)},
        {"jwk": ECKey.generate_key("P-384").as_dict(private=False)},
        {"jwk": OKPKey.generate_key("Ed25519").as_dict(private=False)},
        {"jwk": OctKey.generate_key(256).as_dict(private=True)},
    ],
)
def test_a_proof_that_breaks_one_rule_is_none(op: Op, wrong: dict[str, object]) -> None:
    """RFC 9449 §4.3, rule by rule; nothing is issued and the assertion of the client is not spent by it."""
    op.machine()
    holder = Holder(op).learn("m2m")
    assert error_of(machine_token(op, holder.proof(**wrong))) == "invalid_dpop_proof"
    assert op.audit("gateway:token:issued") == []


def test_a_header_without_a_proof_brings_no_bearer_token(op: Op) -> None:
    """RFC 9449 §4.3: who sends the header means to prove a key, and gets nothing that anybody could use."""
    op.machine()
    answer = machine_token(op, {"dpop": ""})
    assert error_of(answer) == "invalid_dpop_proof"
    assert answer.header("dpop-nonce")
    assert op.audit("gateway:token:issued") == []


def test_no_other_signature_than_those_of_the_list_proves_anything(op: Op) -> None:
    """RFC 9449 §4.3, RFC 8725: no symmetric key, no `none`, no RS256, no Ed448, no key that is another's."""
    op.machine()
    holder = Holder(op).learn("m2m")
    whole = holder.proof()["dpop"]
    head, claims, signature = whole.split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiZHBvcCtqd3QifQ"
    rsa = Holder(op, RSAKey.generate_key(2048), "RS256")
    rsa.nonce = holder.nonce
    wide = Holder(op, OKPKey.generate_key("Ed448"), "EdDSA")
    wide.nonce = holder.nonce
    proofs = [
        f"{unsigned}.{claims}.",
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{whole}, {holder.proof()['dpop']}",
        rsa.proof()["dpop"],
        wide.proof()["dpop"],
        "x",
        "é.é.é",
        "." * 2,
        "a" * 9_000,
    ]
    for proof in proofs:
        assert error_of(machine_token(op, {"dpop": proof})) == "invalid_dpop_proof"


def test_a_proof_that_gives_its_key_away_is_none(op: Op) -> None:
    """RFC 9449 §4.2: the header holds the public key alone; with the private one anybody who saw it has the key."""
    op.machine()
    for algorithm in ("ES256", "PS256", "EdDSA"):
        holder = Holder(op, a_signing_key(algorithm), algorithm).learn("m2m")
        proof = holder.proof(jwk=holder.key.as_dict(private=True))
        assert error_of(machine_token(op, proof)) == "invalid_dpop_proof"


def test_every_algorithm_that_is_told_works(op: Op) -> None:
    """RFC 9449 §5.1: dpop_signing_alg_values_supported."""
    op.machine()
    told = op.get("/.well-known/openid-configuration").json()["dpop_signing_alg_values_supported"]
    keys = {name: a_signing_key(name) for name in ("ES256", "PS256", "EdDSA")}
    assert sorted(told) == sorted(keys)
    for algorithm, key in keys.items():
        answer = machine_token(op, Holder(op, key, algorithm).learn("m2m").proof())
        assert answer.json()["token_type"] == "DPoP"


def test_a_token_is_bound_to_the_key_that_was_proved(op_on_both: Op) -> None:
    """RFC 9449 §5, §6: token_type, cnf.jkt in the token and at introspection; the address is compared plainly."""
    op = op_on_both
    op.machine()
    holder = Holder(op).learn("m2m")
    answer = machine_token(op, holder.proof("HTTPS://Gateway.Example:443/oauth2/token?a=b#c"))
    assert answer.status == 200, answer.body
    token = answer.json()["access_token"]
    assert answer.json()["token_type"] == "DPoP"
    assert claims_of(token)["cnf"] == {"jkt": holder.jkt}
    facts = op.introspect(token, op.basic("m2m"))
    assert (facts["token_type"], facts["cnf"]) == ("DPoP", {"jkt": holder.jkt})
    assert provisioner(op.services, token) == MISUSED, "nobody bears it"


def test_a_proof_works_once_on_all_nodes(op_on_both: Op) -> None:
    """RFC 9449 §11.1: the same proof again is refused, written down, and forgotten once it could not work."""
    op = op_on_both
    op.machine()
    proof = Holder(op).learn("m2m").proof()
    assert machine_token(op, proof).status == 200
    assert error_of(machine_token(op, proof)) == "invalid_dpop_proof"
    assert [row.reason for row in op.audit("gateway:client:refused")] == ["proof: replayed"]
    op.clock.advance(dt.timedelta(minutes=2))
    sweep_tokens(op.services)
    with op.services.store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(spent_proof)) == 0


def test_a_spent_proof_is_remembered_for_as_long_as_it_could_work(op: Op) -> None:
    """RFC 9449 §11.1: one whose clock was ahead works longest, and is no more forgotten before its end."""
    op.machine()
    ahead = int(op.clock.now().timestamp()) + 15
    proof = Holder(op).learn("m2m").proof(iat=ahead)
    assert machine_token(op, proof).status == 200
    op.clock.advance(dt.timedelta(seconds=89))
    sweep_tokens(op.services)
    assert error_of(machine_token(op, proof)) == "invalid_dpop_proof"


@pytest.mark.parametrize(("age", "status"), [(-16, 400), (-15, 200), (75, 200), (76, 400)])
def test_a_proof_is_of_now(op: Op, age: int, status: int) -> None:
    """RFC 9449 §11.1: clocks may differ a little."""
    op.machine()
    issued = int(op.clock.now().timestamp()) - age
    assert machine_token(op, Holder(op).learn("m2m").proof(iat=issued)).status == status


def test_userinfo_asks_for_the_proof_of_the_key(op_on_both: Op) -> None:
    """RFC 9449 §7: scheme, ath, key, method and replay; a stolen token alone is worth nothing (UI-01)."""
    op = op_on_both
    cookie = signed_in(op)
    holder = Holder(op).learn()
    tokens = op.redeem(op.code(cookie), headers={**op.basic(), **holder.proof()}).json()
    token = tokens["access_token"]
    assert op.userinfo(token).status == 401
    thief = Holder(op)
    thief.nonce = holder.nonce
    plain = op.tokens(cookie)["access_token"]
    refused = [
        ({"authorization": f"DPoP {token}"}, "invalid_dpop_proof"),
        ({"authorization": f"Bearer {token}", **holder.proof(INFO, "GET", token)}, "invalid_token"),
        (thief.userinfo(token), "invalid_token"),
        (holder.userinfo(token, ath=None), "invalid_dpop_proof"),
        (holder.userinfo(token, ath="x"), "invalid_dpop_proof"),
        (holder.userinfo(token, htm="POST"), "invalid_dpop_proof"),
        (holder.userinfo(token, htu=TOKEN), "invalid_dpop_proof"),
        (holder.userinfo(token, nonce=None), "use_dpop_nonce"),
        (holder.userinfo(plain), "invalid_token"),
    ]
    for headers, code in refused:
        answer = op.call("GET", "/oauth2/userinfo", headers=headers)
        assert (answer.status, answer.json()["error"]) == (401, code)
        assert f'error="{code}"' in answer.header("www-authenticate")
    good = holder.userinfo(token)
    answer = op.call("GET", "/oauth2/userinfo", headers=good)
    assert (answer.status, answer.header("dpop-nonce")) == (200, holder.nonce)
    again = op.call("GET", "/oauth2/userinfo", headers=good)
    assert again.header("www-authenticate").startswith("DPoP ")
    assert again.json()["error"] == "invalid_dpop_proof"


def test_a_code_asked_for_with_a_key_is_redeemed_with_that_key(op_on_both: Op) -> None:
    """RFC 9449 §10: dpop_jkt; without the proof, or with another's, the code is burned."""
    op = op_on_both
    cookie = signed_in(op)
    holder = Holder(op).learn()
    stranger = Holder(op)
    stranger.nonce = holder.nonce
    for headers in (op.basic(), {**op.basic(), **stranger.proof()}):
        code = op.code(cookie, dpop_jkt=holder.jkt)
        assert error_of(op.redeem(code, headers=headers)) == "invalid_grant"
        assert error_of(op.redeem(code, headers={**op.basic(), **holder.proof()})) == "invalid_grant"
    code = op.code(cookie, dpop_jkt=holder.jkt)
    assert op.redeem(code, headers={**op.basic(), **holder.proof()}).status == 200


def test_a_key_proved_when_pushing_binds_the_code(op: Op) -> None:
    """RFC 9449 §10.1: a proof at the pushed request does what dpop_jkt does, and may not contradict it."""
    cookie = signed_in(op)
    holder = Holder(op).learn()
    push = f"{ISSUER}/oauth2/par"
    against = op.post(
        "/oauth2/par", op.ask(dpop_jkt=Holder(op).jkt), headers={**op.basic(), **holder.proof(push)}
    )
    assert error_of(against) == "invalid_dpop_proof"
    pushed = op.post("/oauth2/par", op.ask(), headers={**op.basic(), **holder.proof(push)})
    assert pushed.status == 201, pushed.body
    name = pushed.json()["request_uri"]
    answer = op.get("/oauth2/authorize", cookie, client_id="emi", request_uri=name)
    code = answer.header("location").split("code=")[1].partition("&")[0]
    assert error_of(op.redeem(code)) == "invalid_grant"


def test_a_refresh_token_of_a_public_client_belongs_to_its_key(op_on_both: Op) -> None:
    """RFC 9449 §5: without the key it is refused, unspent, also within the grace of a race (RT-03)."""
    op = op_on_both
    public = {"client_id": "emi"}
    cookie = signed_in(op, token_endpoint_auth_method="none")
    holder = Holder(op)
    told = op.redeem(op.code(cookie), headers=holder.proof(), **public)
    holder.nonce = told.header("dpop-nonce")
    first = op.redeem(op.code(cookie), headers=holder.proof(), **public).json()
    stranger = Holder(op)
    stranger.nonce = holder.nonce
    token = first["refresh_token"]
    assert error_of(op.refresh(token, headers={}, **public)) == "invalid_grant"
    assert error_of(op.refresh(token, headers=stranger.proof(), **public)) == "invalid_grant"
    second = op.refresh(token, headers=holder.proof(), **public)
    assert second.status == 200, second.body
    assert error_of(op.refresh(token, headers=stranger.proof(), **public)) == "invalid_grant"
    assert op.refresh(token, headers=holder.proof(), **public).body == second.body
    heir = second.json()["refresh_token"]
    assert error_of(op.refresh(heir, headers=stranger.proof(), **public)) == "invalid_grant"
    third = op.refresh(heir, headers=holder.proof(), **public).json()
    assert third["token_type"] == "DPoP"
    op.clock.advance(dt.timedelta(seconds=10))
    for spent in (token, heir):
        assert error_of(op.refresh(spent, headers=stranger.proof(), **public)) == "invalid_grant"
    goes_on = op.refresh(third["refresh_token"], headers=holder.proof(), **public)
    assert goes_on.status == 200, "who found a spent token ends nothing of who has the key"


def test_a_confidential_client_may_change_its_key_as_it_refreshes(op: Op) -> None:
    """RFC 9449 §5: its refresh token is bound to the client, and each access token to the key of its request."""
    cookie = signed_in(op)
    holder = Holder(op).learn()
    first = op.redeem(op.code(cookie), headers={**op.basic(), **holder.proof()}).json()
    other = Holder(op)
    other.nonce = holder.nonce
    second = op.refresh(first["refresh_token"], headers={**op.basic(), **other.proof()}).json()
    assert claims_of(second["access_token"])["cnf"] == {"jkt": other.jkt}
    third = op.refresh(second["refresh_token"]).json()
    assert (third["token_type"], "cnf" in claims_of(third["access_token"])) == ("Bearer", False)


def test_within_the_grace_each_gets_a_token_of_the_key_it_proves(op_on_both: Op) -> None:
    """RFC 9449 §5, RT-11: parts of one client that refresh at once, each with its own key or none, beside one heir."""
    op = op_on_both
    cookie = signed_in(op)
    holder = Holder(op).learn()
    spent = op.redeem(op.code(cookie), headers={**op.basic(), **holder.proof()}).json()["refresh_token"]
    other = Holder(op)
    other.nonce = holder.nonce
    ways = [holder.proof(), other.proof(), {}, holder.proof()]
    found = [op.refresh(spent, headers={**op.basic(), **proof}).json() for proof in ways]
    bound = [claims_of(each["access_token"]).get("cnf") for each in found]
    assert bound == [{"jkt": holder.jkt}, {"jkt": other.jkt}, None, {"jkt": holder.jkt}]
    assert [each["token_type"] for each in found] == ["DPoP", "DPoP", "Bearer", "DPoP"]
    assert len({each["refresh_token"] for each in found}) == 1
    assert found[3] == found[0]


def test_a_client_that_has_to_prove_a_key_gets_nothing_without(op: Op) -> None:
    """RFC 9449 §5.2 (dpop_bound_access_tokens), FAPI 2.0 §5.3.2: a parameter is missing (RFC 6749 §5.2)."""
    op.machine(dpop_bound_access_tokens=True)
    assert error_of(op.post("/oauth2/token", MACHINE, headers=op.basic("m2m"))) == "invalid_request"
    assert machine_token(op, Holder(op).learn("m2m").proof()).status == 200
    order = ClientOrder(
        id="bank",
        name="Bank",
        profile="fapi2",
        metadata={
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": public_keys(),
            "scope": "openid",
            "dpop_bound_access_tokens": True,
        },
    )
    assert isinstance(register_client(op.services, order, actor=SYSTEM), Registered)
    fields = {"grant_type": "authorization_code", "code": "c", "code_verifier": CHALLENGE}
    answer = op.post("/oauth2/token", {**fields, **an_assertion("bank")})
    assert (answer.status, error_of(answer)) == (400, "invalid_request")


def test_nonces_are_asked_for_only_where_the_settings_say_so(sqlite_gateway_database: Database) -> None:
    """RFC 9449 §8: without them the age of the proof is what counts."""
    op = an_op(sqlite_gateway_database, dpop_nonces=False)
    op.machine()
    answer = machine_token(op, Holder(op).proof())
    assert (answer.status, answer.header("dpop-nonce")) == (200, "")
