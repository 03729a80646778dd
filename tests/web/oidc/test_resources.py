"""Userinfo, introspection and revocation."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from sqlalchemy.exc import OperationalError

from idp.domain.session import Acr
from idp.usecases.authenticate_bearer import bearer
from kernel.audit import SYSTEM
from kernel.web.http import FORM
from keys.usecases.rotate import revoke_key
from tests.support.oidc import ISSUER, an_op, claims_of, header_of

if TYPE_CHECKING:
    from kernel.database import Database
    from tests.support.databases import Databases
    from tests.support.oidc import Op


def a_token(op: Op, **changes: str) -> str:
    op.client(replace=True)
    return str(op.tokens(op.session(op.account()), **changes)["access_token"])


# --- userinfo ------------------------------------------------------------------------------------------


def test_userinfo_takes_a_bearer_in_header_or_body_in_any_case(op: Op) -> None:
    """UI-01, RFC 6750 §2: GET and POST, header or form; the scheme has no case."""
    token = a_token(op)
    wanted = op.userinfo(token).json()
    for scheme in ("Bearer", "bearer", "BEARER"):
        header = {"authorization": f"{scheme} {token}"}
        assert op.call("GET", "/oauth2/userinfo", headers=header).json() == wanted
        assert op.call("POST", "/oauth2/userinfo", headers=header).json() == wanted
    assert op.post("/oauth2/userinfo", {"access_token": token}).json() == wanted


def test_userinfo_tells_what_scim_stated_and_no_more_than_the_scopes_open(op: Op) -> None:
    """OIDC Core §5.4, UI-02: claims of the SCIM resource and stated claims, each under its scope alone."""
    op.client(replace=True)
    account_id = op.account()
    user = {"nickName": "Nor", "timezone": "America/Toronto", "addresses": [{"locality": "Toronto"}]}
    op.set_account(account_id, document=json.dumps(user), claims={"gender": "female"})
    cookie = op.session(account_id)
    for scope, told in (
        ("openid", set()),
        ("openid address", {"address"}),
        ("openid email", {"email", "email_verified"}),
        ("openid profile", {"nickname", "zoneinfo", "gender", "name", "preferred_username", "locale"}),
    ):
        claims = op.userinfo(str(op.tokens(cookie, scope=scope)["access_token"])).json()
        assert told <= set(claims)
        outside = {"nickname", "zoneinfo", "gender", "address", "email", "phone_number"} - told
        assert not outside & set(claims)


def test_userinfo_without_a_token_only_names_the_schemes(op: Op) -> None:
    """RFC 6750 §3.1, RFC 9449 §7.2: no error code for whoever brought nothing; a token in the query is nothing."""
    token = a_token(op)
    for query in ("", f"access_token={token}"):
        answer = op.call("GET", "/oauth2/userinfo", query=query)
        assert answer.status == 401
        schemes = 'Bearer realm="Gateway", DPoP realm="Gateway", algs="ES256 PS256 EdDSA"'
        assert answer.header("www-authenticate") == schemes


def test_two_tokens_at_once_are_refused(op: Op) -> None:
    """UI-01."""
    token = a_token(op)
    headers = {"authorization": f"Bearer {token}", "content-type": FORM}
    both = op.call(
        "POST", "/oauth2/userinfo", body=urlencode({"access_token": token}).encode(), headers=headers
    )
    assert both.status == 400
    assert both.header("www-authenticate").startswith('Bearer realm="Gateway", error="invalid_request"')
    twice = urlencode({"access_token": [token, token]}, doseq=True).encode()
    assert op.call("POST", "/oauth2/userinfo", body=twice, headers={"content-type": FORM}).status == 400


def test_truncated_extended_and_changed_tokens_are_nothing(op: Op) -> None:
    """TK-16: every mutant is 401."""
    token = a_token(op)
    mutants = [token[:-cut] for cut in range(1, 11)]
    mutants += [token + "A", token + "=", token.swapcase(), token.replace(".", "%2E"), f"{token}.", "x", "é"]
    for mutant in mutants:
        answer = op.userinfo(mutant)
        assert answer.status == 401, mutant
        assert 'error="invalid_token"' in answer.header("www-authenticate")


def test_expired_tokens_and_those_for_another_audience_are_refused(op: Op) -> None:
    """UI-01, TK-18: the life ends on its second; a token for a resource is not for us."""
    token = a_token(op)
    op.clock.advance(dt.timedelta(minutes=10))
    assert op.userinfo(token).status == 401
    op.client("ws", resources=["https://ws.example"])
    cookie = op.session(op.account("omar"))
    code = op.code(cookie, client_id="ws", resource="https://ws.example")
    other = op.redeem(code, headers=op.basic("ws")).json()["access_token"]
    refused = op.userinfo(other)
    assert refused.status == 401
    assert "or for another resource" in refused.json()["error_description"], "not only expired or revoked"


def test_claims_follow_the_scope(op: Op) -> None:
    """UI-02: nothing beyond what was granted."""
    op.client()
    cookie = op.session(op.account())
    alone = op.userinfo(op.tokens(cookie, scope="openid")["access_token"]).json()
    assert set(alone) == {"sub"}
    mail = op.userinfo(op.tokens(cookie, scope="openid email")["access_token"]).json()
    assert set(mail) == {"sub", "email", "email_verified"}
    assert "phone_number" in op.userinfo(op.tokens(cookie, scope="openid phone")["access_token"]).json()


def test_a_token_without_openid_is_not_enough(op: Op) -> None:
    """RFC 6750 §3.1: 403 and the scope that is missing."""
    op.client()
    token = op.tokens(op.session(op.account()), scope="email", nonce=None)["access_token"]
    answer = op.userinfo(token)
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.header("www-authenticate")
    assert 'scope="openid"' in answer.header("www-authenticate")


@pytest.mark.parametrize(
    ("resources", "scope", "audience"),
    [
        (["https://api.example"], "email offline_access", "https://api.example"),
        (["https://api.example"], "openid email", ISSUER),
        (["https://api.example", "https://other.example"], "email offline_access", ISSUER),
        ([], "email offline_access", ISSUER),
    ],
)
def test_who_signs_nobody_in_need_not_name_the_only_resource(
    op_on_both: Op, resources: list[str], scope: str, audience: str
) -> None:
    """RFC 9068 §3: a token that opens no userinfo is for the API that there is, and so is each refreshed one."""
    op = op_on_both
    op.client(resources=resources)
    tokens = op.tokens(op.session(op.account()), scope=scope, prompt="consent")
    refreshed = op.refresh(tokens["refresh_token"]).json()
    assert {claims_of(each["access_token"])["aud"] for each in (tokens, refreshed)} == {audience}
    assert op.introspect(refreshed["access_token"])["aud"] == audience


def test_a_disabled_account_is_out_at_once(op_on_both: Op) -> None:
    """UI-05: the very next request."""
    op = op_on_both
    op.client()
    account = op.account()
    token = op.tokens(op.session(account))["access_token"]
    op.set_account(account, active=False)
    assert op.userinfo(token).status == 401
    assert op.introspect(token) == {"active": False}
    assert bearer(op.services, token) is None


def test_what_a_revoked_key_signed_is_out(op: Op) -> None:
    """DJ-05: a compromised key takes its tokens along, in userinfo, introspection and for SCIM."""
    token = a_token(op)
    assert revoke_key(op.services.store, header_of(token)["kid"], actor=SYSTEM, reason="drill")
    op.clock.advance(dt.timedelta(seconds=5))
    assert op.userinfo(token).status == 401
    assert op.introspect(token) == {"active": False}
    assert bearer(op.services, token) is None


def test_a_bearer_is_told_by_client_subject_scope_and_audience(op_on_both: Op) -> None:
    """TK-18: what a resource needs to judge, in one look."""
    op = op_on_both
    op.machine()
    answer = op.post("/oauth2/token", {"grant_type": "client_credentials"}, headers=op.basic("m2m")).json()
    facts = bearer(op.services, answer["access_token"])
    assert facts is not None
    assert (facts.client_id, facts.subject, facts.account_id, facts.grant_id) == ("m2m", "m2m", "", None)
    assert facts.scope == {"scim.read", "scim.write"}
    assert facts.audience == {"https://gateway.example/scim/v2"}


# --- introspection -------------------------------------------------------------------------------------


def test_a_client_sees_only_tokens_that_concern_it(op: Op) -> None:
    """IR-02: its own, and those whose audience it serves; of others not even that they live."""
    op.client("ws-owner", resources=["https://ws.example"])
    op.client("ws", serves=["https://ws.example"])
    op.client("stranger")
    cookie = op.session(op.account())
    code = op.code(cookie, client_id="ws-owner", resource="https://ws.example")
    token = op.redeem(code, headers=op.basic("ws-owner")).json()["access_token"]
    assert op.introspect(token, op.basic("ws-owner"))["active"] is True
    assert op.introspect(token, op.basic("ws"))["aud"] == "https://ws.example"
    assert op.introspect(token, op.basic("stranger")) == {"active": False}


def test_a_resource_learns_how_and_when_the_person_signed_in(op: Op) -> None:
    """RFC 9470 §6.2: as the token says it, refreshed ones too; of a machine there is nothing to tell."""
    op.client()
    tokens = op.tokens(op.session(op.account()))
    op.clock.advance(dt.timedelta(minutes=5))
    refreshed = op.refresh(tokens["refresh_token"]).json()
    for each in (tokens, refreshed):
        told, said = op.introspect(each["access_token"]), claims_of(each["access_token"])
        assert {told["acr"], said["acr"]} == {Acr.TWO_FACTORS.value}
        assert told["auth_time"] == said["auth_time"] == claims_of(tokens["id_token"])["auth_time"]
    assert not {"acr", "auth_time"} & op.introspect(refreshed["refresh_token"]).keys()
    op.machine("m2m")
    answer = op.post("/oauth2/token", {"grant_type": "client_credentials"}, headers=op.basic("m2m"))
    told = op.introspect(answer.json()["access_token"], op.basic("m2m"))
    assert told["active"] is True
    assert not {"acr", "auth_time"} & told.keys()


@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "x" * 100_000, "null", "{}", "' OR 1=1 --"])
def test_malformed_tokens_are_inactive(op: Op, token: str) -> None:
    """IR-03: 200 and active false."""
    op.client()
    assert op.introspect(token) == {"active": False}


def test_introspection_wants_a_token_and_a_client(op: Op) -> None:
    """IR-03: 400 without a token, 401 without a client, and never cached."""
    op.client()
    missing = op.post("/oauth2/introspect", {}, headers=op.basic())
    assert (missing.status, missing.header("cache-control")) == (400, "no-store")
    assert op.post("/oauth2/introspect", {"token": "x"}).status == 401


def test_a_spent_refresh_token_is_inactive(op: Op) -> None:
    """IR-03."""
    op.client()
    tokens = op.tokens(op.session(op.account()))
    assert op.introspect(tokens["refresh_token"])["active"] is True
    op.refresh(tokens["refresh_token"])
    assert op.introspect(tokens["refresh_token"]) == {"active": False}


def test_a_refresh_token_beyond_its_time_is_inactive(op: Op) -> None:
    """IR-03, RT-09: its idle end counts as it does for a refresh."""
    op.client()
    token = op.tokens(op.session(op.account()), scope="openid offline_access")["refresh_token"]
    op.clock.advance(op.services.settings.refresh_token_idle)
    assert op.introspect(token) == {"active": False}


def test_a_revocation_is_seen_on_another_node_at_once(databases: Databases) -> None:
    """IR-04: nothing is cached between the row and the answer."""
    url = databases.url("gateway")
    one = an_op(databases.open(url))
    token = a_token(one)
    # The second node finds the keys of the first.
    two = type(one)(
        one.services.__class__(
            store=type(one.services.store)(
                databases.open(url),
                one.clock,
                one.services.store.randomness,
                one.services.store.sealer,
                node="n2",
            ),
            settings=one.services.settings,
            passwords=one.services.passwords,
            signing=one.services.signing,
            issuer=one.services.issuer,
            public_url=one.services.public_url,
        ),
        one.clock,
    )
    assert two.introspect(token)["active"] is True
    assert one.post("/oauth2/revoke", {"token": token}, headers=one.basic()).status == 200
    assert two.introspect(token) == {"active": False}


# --- revocation ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "nonsense"])
def test_a_client_gives_its_own_tokens_back(op_on_both: Op, hint: str) -> None:
    """IR-06: an access token alone; a refresh token with its family; hints change nothing."""
    op = op_on_both
    op.client()
    cookie = op.session(op.account())
    first, second = op.tokens(cookie), op.tokens(cookie)
    extra = {"token_type_hint": hint} if hint else {}
    answer = op.post("/oauth2/revoke", {"token": first["access_token"], **extra}, headers=op.basic())
    assert (answer.status, answer.body, answer.header("cache-control")) == (200, b"", "no-store")
    assert op.introspect(first["access_token"]) == {"active": False}
    assert op.introspect(first["refresh_token"])["active"] is True
    op.post("/oauth2/revoke", {"token": second["refresh_token"], **extra}, headers=op.basic())
    assert op.introspect(second["access_token"]) == {"active": False}
    assert op.refresh(second["refresh_token"]).status == 400


def test_anothers_and_unknown_tokens_are_answered_alike_and_stay(op: Op) -> None:
    """IR-06: 200 for both; the other client's token lives on."""
    op.client()
    op.client("rp2")
    tokens = op.tokens(op.session(op.account()))
    for token in (tokens["access_token"], tokens["refresh_token"], "unknown", "é"):
        assert op.post("/oauth2/revoke", {"token": token}, headers=op.basic("rp2")).status == 200
    assert op.introspect(tokens["access_token"])["active"] is True
    assert op.introspect(tokens["refresh_token"])["active"] is True


def test_a_revocation_that_could_not_be_stored_is_no_success(sqlite_gateway_database: Database) -> None:
    """IR-07: a failing database is an error, not 200; afterwards the state is truthful."""
    op = an_op(sqlite_gateway_database)
    token = a_token(op)
    op.introspect(token)
    engine = sqlite_gateway_database.engine
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE access_token RENAME TO away")
    answer = op.post("/oauth2/revoke", {"token": token}, headers=op.basic())
    assert answer.status == 500
    assert b"access_token" not in answer.body
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO access_token")
    assert op.introspect(token)["active"] is True
    assert OperationalError.__name__.encode() not in answer.body
