"""The profiles of the OpenID Foundation: what they ask of a registration, and a whole sign-in by their rules."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jwk import ECKey

from idp.domain.client_metadata import kept, metadata_faults
from idp.usecases.register_client import ClientOrder, Registered, RegistrationRefused, register_client
from kernel.audit import SYSTEM
from tests.support.dpop import Holder
from tests.support.oidc import (
    CALLBACK,
    ISSUER,
    VERIFIER,
    an_assertion,
    an_op,
    claims_of,
    public_keys,
    returned,
)

if TYPE_CHECKING:
    from kernel.database import Database
    from kernel.web.http import Response
    from tests.support.oidc import Op

KEY = ECKey.generate_key("P-256", {"kid": "mine"})
_SERIAL = itertools.count()
FAPI = {
    "redirect_uris": [CALLBACK],
    "scope": "openid profile",
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": public_keys(KEY),
    "dpop_bound_access_tokens": True,
}


def outcome(op: Op, profile: str, **changes: object) -> Registered | RegistrationRefused:
    metadata = {name: value for name, value in {**FAPI, **changes}.items() if value is not None}
    return register_client(
        op.services, ClientOrder("rp", "The party", metadata, profile=profile), actor=SYSTEM, replace=True
    )


@pytest.mark.parametrize("profile", ["ipsie-sl1", "fapi2"])
def test_a_profile_wants_https_where_others_may_go_without(profile: str) -> None:
    """IPSIE SL1, FAPI 2.0 §5.3.2.2: not even in a laboratory, where plain addresses of this machine will do."""
    metadata = kept({**FAPI, "redirect_uris": ["http://127.0.0.1/cb"]})
    assert metadata_faults(metadata, loopback_http=True) == ()
    (fault,) = metadata_faults(metadata, profile=profile, loopback_http=True)
    assert (fault.name, profile in fault.message) == ("redirect_uris", True)


@pytest.mark.parametrize(
    ("profile", "changes", "name"),
    [
        ("fapi3", {}, "profile"),
        ("fapi2", {"token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_method"),
        ("fapi2", {"token_endpoint_auth_method": "none"}, "token_endpoint_auth_method"),
        ("fapi2", {"dpop_bound_access_tokens": None}, "dpop_bound_access_tokens"),
        ("fapi2", {"id_token_signed_response_alg": "RS256"}, "id_token_signed_response_alg"),
        ("fapi2", {"request_object_signing_alg": "RS256"}, "request_object_signing_alg"),
        ("fapi2", {"response_types": ["code id_token"]}, "response_types"),
        ("ipsie-sl1", {"redirect_uris": ["http://127.0.0.1/cb"]}, "redirect_uris"),
        ("ipsie-sl1", {"authorization_signed_response_alg": "RS256"}, "authorization_signed_response_alg"),
        ("compat", {"response_types": ["code id_token"]}, "grant_types"),
        (
            "compat",
            {"response_types": ["id_token"], "grant_types": ["implicit", "authorization_code"]},
            "response_types",
        ),
        ("compat", {"response_types": ["token"], "grant_types": ["implicit"]}, "response_types"),
        ("default", {"grant_types": ["authorization_code", "implicit"]}, "grant_types"),
        (
            "compat",
            {"response_types": ["code token"], "grant_types": ["authorization_code", "implicit"]},
            "dpop_bound_access_tokens",
        ),
    ],
)
def test_a_profile_refuses_what_is_against_it(
    op: Op, profile: str, changes: dict[str, object], name: str
) -> None:
    """FAPI 2.0 §5.3.2, §5.4; IPSIE SL1; RFC 7591 §2.1; RFC 9449 §5.2: field by field; nothing is stored.

    A client whose tokens are to be bound has no response type that gives one to be borne.
    """
    found = outcome(op, profile, **changes)
    assert isinstance(found, RegistrationRefused)
    assert name in {fault.name for fault in found.faults}
    assert op.audit("gateway:client:registered") == []


def test_what_is_signed_unasked_obeys_the_profile_too(sqlite_gateway_database: Database) -> None:
    """FAPI 2.0 §5.4: where RS256 is the usual algorithm, such a client has to name another."""
    op = an_op(sqlite_gateway_database, signing_algorithm="RS256")
    refused = outcome(op, "fapi2")
    assert isinstance(refused, RegistrationRefused)
    names = {"id_token_signed_response_alg", "authorization_signed_response_alg"}
    assert {fault.name for fault in refused.faults} == names
    assert isinstance(outcome(op, "fapi2", **dict.fromkeys(names, "ES256")), Registered)


def test_a_sign_in_by_fapi_2(op_on_both: Op) -> None:
    """FAPI 2.0 §5.3: pushed, by a key, bound to a key; the issuer in the answer; no nonce is needed."""
    op = op_on_both
    assert isinstance(outcome(op, "fapi2"), Registered)
    cookie = op.session(op.account())
    asked = op.ask(client_id="rp", nonce=None, scope="openid profile")
    assert returned(op.get("/oauth2/authorize", cookie, **asked))["error"] == "invalid_request"
    tokens, holder = signed_in(op, cookie)
    assert tokens["token_type"] == "DPoP"
    assert claims_of(tokens["access_token"])["cnf"] == {"jkt": holder.jkt}
    assert claims_of(tokens["id_token"])["aud"] == "rp"
    assert op.userinfo(tokens["access_token"]).status == 401, "a bound token is no bearer token"


def signed_in(op: Op, cookie: str, **changes: str | None) -> tuple[dict[str, Any], Holder]:
    """Return the tokens of a sign-in as FAPI 2.0 has it, and the holder of the key that they are bound to."""
    asked, holder = op.ask(client_id="rp", scope="openid profile", **{"nonce": None, **changes}), Holder(op)
    pushed = op.post("/oauth2/par", {**asked, "dpop_jkt": holder.jkt, **fresh_assertion(op)})
    assert pushed.status == 201, pushed.body
    name = pushed.json()["request_uri"]
    answer = returned(op.get("/oauth2/authorize", cookie, client_id="rp", request_uri=name))
    assert answer["iss"] == ISSUER
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    told = op.post("/oauth2/token", {**form, **fresh_assertion(op)}, headers=holder.proof())
    assert told.json()["error"] == "use_dpop_nonce", told.body
    holder.nonce = told.header("dpop-nonce")
    done = op.post("/oauth2/token", {**form, **fresh_assertion(op)}, headers=holder.proof())
    assert done.status == 200, done.body
    return done.json(), holder


def test_refresh_tokens_of_fapi_2_are_not_rotated(op_on_both: Op) -> None:
    """FAPI 2.0 §5.3.2.1: the token works again, long after; its idle limit moves with its use, the grant's end not."""
    op = op_on_both
    assert isinstance(outcome(op, "fapi2"), Registered)
    tokens, holder = signed_in(op, op.session(op.account(), life=dt.timedelta(days=400)))

    def refresh() -> Response:
        for _ in range(2):  # the first answer may only tell a nonce
            answer = op.refresh(tokens["refresh_token"], headers=holder.proof(), **fresh_assertion(op))
            holder.nonce = answer.header("dpop-nonce")
            if "use_dpop_nonce" not in answer.body.decode():
                break
        return answer

    for days in (0, 0, 13, 13, 13, 13, 13, 13, 11):
        op.clock.advance(dt.timedelta(days=days))
        again = refresh()
        assert again.status == 200, (days, again.body)
        assert "refresh_token" not in again.json()
        assert again.json()["token_type"] == "DPoP"
    op.clock.advance(dt.timedelta(days=2))
    assert refresh().json()["error"] == "invalid_grant", "the grant's ninety days are over"
    assert [row.details["grant_type"] for row in op.audit("gateway:token:issued")].count("refresh_token") == 9


def test_a_refresh_token_that_idles_or_is_another_clients_gives_nothing_in_fapi_2_either(op: Op) -> None:
    """RT-09, RFC 6749 §6, RFC 7009: dead after its idle limit, with its grant, and for everybody else."""
    assert isinstance(outcome(op, "fapi2"), Registered)
    op.client("other")
    idle, _ = signed_in(op, op.session(op.account(), life=dt.timedelta(days=400)))
    assert op.refresh(idle["refresh_token"], headers=op.basic("other")).json()["error"] == "invalid_grant"
    op.clock.advance(dt.timedelta(days=14))
    fresh, holder = signed_in(op, op.session(op.account("second"), life=dt.timedelta(days=400)))
    for token in (idle["refresh_token"], "no token"):
        answer = op.refresh(token, headers=holder.proof(), **fresh_assertion(op))
        assert answer.json()["error"] == "invalid_grant"
    good = fresh["refresh_token"]
    assert op.refresh(good, headers=holder.proof(), **fresh_assertion(op)).status == 200
    assert op.post("/oauth2/revoke", {"token": good, **fresh_assertion(op)}).status == 200
    gone = op.refresh(good, headers=holder.proof(), **fresh_assertion(op))
    assert gone.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "audience",
    [[ISSUER], f"{ISSUER}/oauth2/token", f"{ISSUER}/oauth2/par", [ISSUER, "https://other.example"]],
)
@pytest.mark.parametrize("profile", ["fapi2", "ipsie-sl1"])
def test_an_assertion_names_the_issuer_as_a_text(op: Op, profile: str, audience: object) -> None:
    """FAPI 2.0 §5.3.2.1, IPSIE SL1: the one audience; the addresses of endpoints and lists are refused."""
    assert isinstance(outcome(op, profile), Registered)
    asked = op.ask(client_id="rp", scope="openid")
    assert op.post("/oauth2/par", {**asked, **assertion("bad", aud=audience)}).status == 401
    assert op.post("/oauth2/par", {**asked, **assertion("good")}).status == 201


@pytest.mark.parametrize("profile", ["fapi2", "ipsie-sl1"])
def test_an_assertion_is_not_signed_by_rs256(op: Op, profile: str) -> None:
    """FAPI 2.0 §5.4, IPSIE SL1: the client's own key proves nothing by an algorithm that the profile bars."""
    assert isinstance(outcome(op, profile, jwks=public_keys()), Registered)
    asked = op.ask(client_id="rp", scope="openid")
    for algorithm, status in (("RS256", 401), ("PS256", 201)):
        assert op.post("/oauth2/par", {**asked, **an_assertion("rp", algorithm=algorithm)}).status == status


def test_tokens_of_an_ipsie_client_say_how_the_person_signed_in(op: Op) -> None:
    """IPSIE SL1: one audience as a text, acr, amr, auth_time and session_expiry; never RS256."""
    assert isinstance(outcome(op, "ipsie-sl1", dpop_bound_access_tokens=None), Registered)
    cookie = op.session(op.account())
    found = returned(
        op.get("/oauth2/authorize", cookie, **op.ask(client_id="rp", scope="openid", nonce="n" * 64))
    )
    form = {
        "grant_type": "authorization_code",
        "code": found["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    claims = claims_of(op.post("/oauth2/token", {**form, **assertion("one")}).json()["id_token"])
    assert (claims["aud"], claims["nonce"]) == ("rp", "n" * 64)
    assert {"acr", "amr", "auth_time", "session_expiry"} <= claims.keys()


@pytest.mark.parametrize(
    ("profile", "metadata", "wish", "told"),
    [
        ("default", {}, {}, {"sid", "session_expiry"}),
        ("compat", {}, {}, {"sid"}),
        ("compat", {}, {"session_expiry": None}, {"sid", "session_expiry"}),
        ("fapi2", {}, {}, set()),
        ("fapi2", {}, {"sid": {"essential": True}}, {"sid"}),
        ("fapi2", {"backchannel_logout_uri": "https://rp.example/back"}, {}, {"sid"}),
    ],
)
def test_what_an_id_token_tells_of_the_session_is_the_profiles_affair(
    op: Op, profile: str, metadata: dict[str, str], wish: dict[str, object], told: set[str]
) -> None:
    """OIDC Core §2 knows no claim about the session: compat tells its name, fapi2 what is asked for or needed."""
    assert isinstance(outcome(op, profile, **metadata), Registered)
    tokens, _ = signed_in(op, op.session(op.account()), nonce="n", claims=json.dumps({"id_token": wish}))
    claims = claims_of(tokens["id_token"])
    assert claims.keys() & {"sid", "session_expiry"} == told


def fresh_assertion(op: Op) -> dict[str, str]:
    now = int(op.clock.now().timestamp())
    return assertion(f"fresh {next(_SERIAL)}", iat=now, exp=now + 60)


def assertion(name: str, **changes: object) -> dict[str, str]:
    return an_assertion("rp", key=KEY, jti=name, **changes)
