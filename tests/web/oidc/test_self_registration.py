"""Clients that register themselves (RFC 7591, OpenID Connect Dynamic Client Registration 1.0)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from idp.storage import tables
from idp.usecases.list_registration_tokens import list_registration_tokens
from idp.usecases.revoke_registration_token import revoke_registration_token
from kernel.audit import SYSTEM
from kernel.fetch import Fetcher, FetchRules
from tests.support.https_server import Documents, serving_documents
from tests.support.oidc import CALLBACK, ISSUER, Op, an_assertion, claims_of, header_of, public_keys
from tests.support.self_registration import PATH, initial_token, post, registered, registering, send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER_HOST = "https://other.example/callback"
EVERYTHING: dict[str, Any] = {
    "application_type": "web",
    "backchannel_logout_session_required": True,
    "backchannel_logout_uri": "https://emi.example/logout",
    "client_name": "Partner",
    "client_name#fr": "Partenaire",
    "client_uri": "https://emi.example/",
    "contacts": ["somebody@emi.example"],
    "default_acr_values": ["urn:switchyard:acr:2fa"],
    "default_max_age": 3600,
    "dpop_bound_access_tokens": True,
    "frontchannel_logout_session_required": True,
    "frontchannel_logout_uri": "https://emi.example/front",
    "grant_types": ["authorization_code", "refresh_token"],
    "id_token_signed_response_alg": "ES256",
    "initiate_login_uri": "https://emi.example/start",
    "introspection_signed_response_alg": "RS256",
    "jwks": public_keys(),
    "logo_uri": "https://emi.example/logo.png",
    "logo_uri#fr-CA": "https://emi.example/logo-fr.png",
    "policy_uri": "https://emi.example/policy",
    "post_logout_redirect_uris": ["https://emi.example/signed-out"],
    "redirect_uris": [CALLBACK, "https://emi.example/other?one=1"],
    "request_object_signing_alg": "ES256",
    "request_uris": ["https://emi.example/request#47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"],
    "require_auth_time": True,
    "require_pushed_authorization_requests": True,
    "require_signed_request_object": True,
    "response_types": ["code"],
    "scope": "openid email",
    "software_id": "4NRB1-0XZABZI9E6-5SM3R",
    "software_version": "2.1",
    "subject_type": "public",
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "ES256",
    "tos_uri": "https://emi.example/terms",
    "authorization_signed_response_alg": "ES256",
    "authorization_encrypted_response_alg": "ECDH-ES",
    "authorization_encrypted_response_enc": "A256GCM",
    "id_token_encrypted_response_alg": "RSA-OAEP-256",
    "id_token_encrypted_response_enc": "A128CBC-HS256",
    "userinfo_signed_response_alg": "RS256",
    "userinfo_encrypted_response_alg": "RSA-OAEP-256",
    "userinfo_encrypted_response_enc": "A128GCM",
}


@pytest.fixture
def open_op(op: Op) -> Op:
    return registering(op, "open")


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Documents]:
    with serving_documents(tmp_path) as served:
        yield served


def fetching(op: Op, published: Documents) -> None:
    """Let the provider fetch what stands there."""
    rules = FetchRules(authority=published.authority, loopback=(published.host,), seconds=60)
    op.services = dataclasses.replace(op.services, fetcher=Fetcher(rules))
    op.__post_init__()


def clients_of(op: Op) -> list[str]:
    with op.services.store.read() as connection:
        return list(connection.scalars(select(tables.client.c.id)))


# --- who may register


def test_nobody_registers_anything_unless_the_settings_say_so(op: Op) -> None:
    """RFC 7591 §5: by default there is neither an address nor a word about it."""
    document = op.get("/.well-known/openid-configuration").json()
    assert "registration_endpoint" not in document
    assert op.dispatch.find(PATH) is None
    assert op.dispatch.find(f"{PATH}/anything") is None
    registering(op)
    document = op.get("/.well-known/openid-configuration").json()
    assert document["registration_endpoint"] == f"{ISSUER}{PATH}"


def test_a_client_without_a_good_token_is_refused_before_anything_is_looked_at(
    op: Op, published: Documents
) -> None:
    """RFC 7591 §3, RFC 6750 §3: one answer for none, unknown, mistyped, expired, revoked and used up."""
    registering(op)
    fetching(op, published)
    once = initial_token(op, uses=1)
    assert registered(op, once)["client_id"]
    short = initial_token(op, life=dt.timedelta(minutes=1))
    revoked = initial_token(op, name="Revoked")
    newest = max(list_registration_tokens(op.services), key=lambda each: each.name == "Revoked")
    assert revoke_registration_token(op.services, newest.id, actor=SYSTEM)
    assert not revoke_registration_token(op.services, newest.id, actor=SYSTEM)
    op.clock.advance(dt.timedelta(minutes=1))
    wrong = ["", "unknown", once, short, revoked, once[:-1] + ("A" if once[-1] != "A" else "B"), "é" * 10]
    answers = [post(op, token, sector_identifier_uri=f"{published.origin}/sector") for token in wrong]
    assert [answer.status for answer in answers] == [401] * len(wrong)
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].header("www-authenticate").startswith("Bearer")
    assert published.asked == []
    assert len(clients_of(op)) == 1
    assert {row.outcome for row in op.audit("gateway:registration:refused")} == {"refused"}
    assert once not in str(op.audit("gateway:registration:opened"))


def test_what_is_refused_costs_no_use_of_a_token(op: Op) -> None:
    registering(op)
    token = initial_token(op, uses=1)
    assert post(op, token, redirect_uris=["https://emi.example/#"]).status == 400
    assert registered(op, token)
    (known,) = list_registration_tokens(op.services)
    assert (known.uses, known.lives(op.clock.now())) == (1, False)


def test_one_place_registers_only_so_many_clients(op: Op) -> None:
    """LK-07: counted by place before the token is looked at, and let in again when the window is over."""
    registering(op)
    token = initial_token(op)
    statuses = [post(op, "guess").status for _ in range(121)]
    assert statuses == [401] * 120 + [429]
    refused = post(op, token)
    assert refused.status == 429
    assert int(refused.header("retry-after")) > 0
    op.clock.advance(dt.timedelta(minutes=5))
    assert registered(op, token)


def test_an_open_door_asks_nobody_but_judges_the_token_that_comes(open_op: Op) -> None:
    """For laboratories: without a token everybody registers; a wrong one is still a wrong one."""
    assert registered(open_op)["client_id"]
    assert post(open_op, "wrong").status == 401


# --- what is answered


def test_a_client_is_told_everything_it_registered(op_on_both: Op) -> None:
    """RFC 7591 §3.2.1, RFC 7592 §3: every metadata stands in the answer, with what was decided for it."""
    op = registering(op_on_both)
    token = initial_token(op, profile="compat", application_key="emi")
    answer = post(op, token, **EVERYTHING, made_up={"by": "a stranger"}, resources=["https://all.example"])
    assert (answer.status, answer.header("cache-control")) == (201, "no-store")
    told = answer.json()
    assert {name: told[name] for name in EVERYTHING} == EVERYTHING
    ours = {"client_id", "client_id_issued_at", "registration_access_token", "registration_client_uri"}
    assert told.keys() - EVERYTHING.keys() == ours
    assert told["registration_client_uri"] == f"{ISSUER}{PATH}/{told['client_id']}"
    assert told["client_id_issued_at"] == int(op.clock.now().timestamp())
    with op.services.store.read() as connection:
        row = connection.execute(select(tables.client)).one()
    (known,) = list_registration_tokens(op.services)
    assert (row.registered_by, row.first_party, row.profile) == (known.id, False, "compat")
    assert (row.application_key, row.name, row.launch_url) == ("emi", "Partner", "")
    assert told["registration_access_token"].encode() not in row.registration_digest
    (deed,) = op.audit("gateway:client:registered")
    assert (deed.target, deed.details["registered_by"]) == (told["client_id"], known.id)


def test_defaults_are_the_standards_own(open_op: Op) -> None:
    """OIDC Registration §2: client_secret_basic, code, web, RS256; the secret works and has no end."""
    told = registered(open_op)
    assert told["token_endpoint_auth_method"] == "client_secret_basic"
    assert (told["grant_types"], told["response_types"]) == (["authorization_code"], ["code"])
    assert (told["application_type"], told["id_token_signed_response_alg"]) == ("web", "RS256")
    assert told["client_secret_expires_at"] == 0
    assert len(told["client_secret"]) >= 43
    assert told["scope"].split()[0] == "openid"
    cookie = open_op.session(open_op.account())
    question = open_op.authorize(cookie, client_id=told["client_id"], scope="openid")
    assert question.header("location").startswith(f"{ISSUER}/consent?")
    with open_op.services.store.write() as unit:
        rows = [{"account_id": unit.connection.scalar(select(tables.account.c.id)), "scope": "openid"}]
        common = {"client_id": told["client_id"], "given_at": unit.now}
        unit.connection.execute(tables.consent.insert(), [{**row, **common} for row in rows])
    code = open_op.code(cookie, client_id=told["client_id"], scope="openid")
    headers = open_op.basic(told["client_id"], told["client_secret"])
    id_token = open_op.redeem(code, headers=headers).json()["id_token"]
    assert header_of(id_token)["alg"] == "RS256"
    assert claims_of(id_token)["aud"] == told["client_id"]


def test_an_encryption_that_names_no_content_gets_the_standards_own(open_op: Op) -> None:
    """OIDC Registration §2: A128CBC-HS256 where only the key's algorithm is stated."""
    told = registered(open_op, id_token_encrypted_response_alg="RSA-OAEP-256", jwks=public_keys())
    assert told["id_token_encrypted_response_enc"] == "A128CBC-HS256"


def test_a_device_registers_itself_without_an_address(open_op: Op) -> None:
    """RFC 8628 §4: nobody is sent back to it, and it has no response type."""
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    told = registered(
        open_op, redirect_uris=None, grant_types=[grant, "refresh_token"], token_endpoint_auth_method="none"
    )
    assert told["grant_types"] == [grant, "refresh_token"]
    assert "response_types" not in told


def test_a_client_without_a_secret_is_told_of_none(open_op: Op) -> None:
    told = registered(open_op, token_endpoint_auth_method="none", application_type="native")
    assert not {"client_secret", "client_secret_expires_at"} & told.keys()


def test_a_profile_holds_at_registration_too(op: Op) -> None:
    """FAPI 2.0 §5.3.2: what the profile asks is asked here; what it bars is replaced and told."""
    registering(op, registration_profile="fapi2")
    token = initial_token(op)
    assert post(op, token).json()["error"] == "invalid_client_metadata"
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": public_keys()}
    told = registered(op, token, **keys, dpop_bound_access_tokens=True)
    assert told["id_token_signed_response_alg"] == "ES256"
    assert (
        post(op, token, **keys, dpop_bound_access_tokens=True, id_token_signed_response_alg="RS256").status
        == 400
    )


def test_a_token_lets_in_by_its_own_profile(op: Op) -> None:
    registering(op)
    implicit = {"grant_types": ["implicit"], "response_types": ["id_token"]}
    assert post(op, initial_token(op), **implicit).status == 400
    assert post(op, initial_token(op, profile="compat"), **implicit).status == 201


# --- what is refused


@pytest.mark.parametrize(
    ("code", "metadata"),
    [
        ("invalid_redirect_uri", {"redirect_uris": [f"{CALLBACK}#fragment"]}),
        ("invalid_redirect_uri", {"redirect_uris": ["http://emi.example/callback"]}),
        ("invalid_redirect_uri", {"redirect_uris": ["http://localhost/callback"]}),
        ("invalid_redirect_uri", {"redirect_uris": ["https://*.example/callback"]}),
        ("invalid_redirect_uri", {"redirect_uris": ["com.example.app:/callback"]}),
        ("invalid_redirect_uri", {"redirect_uris": None}),
        ("invalid_redirect_uri", {"redirect_uris": ["javascript:alert(1)"], "application_type": "native"}),
        (
            "invalid_redirect_uri",
            {"redirect_uris": ["com.example://a;script-src *"], "application_type": "native"},
        ),
        ("invalid_redirect_uri", {"post_logout_redirect_uris": ["https://emi.example/out#"]}),
        ("invalid_redirect_uri", {"redirect_uris": [CALLBACK, f"{ISSUER}/oauth2/authorize"]}),
        ("invalid_redirect_uri", {"redirect_uris": [f"{ISSUER}:443/"]}),
        ("invalid_redirect_uri", {"post_logout_redirect_uris": [f"{ISSUER}/sign-in"]}),
        ("invalid_client_metadata", {"redirect_uris": "https://emi.example/callback"}),
        ("invalid_client_metadata", {"redirect_uris": [[]]}),
        ("invalid_client_metadata", {"jwks": public_keys(), "jwks_uri": "https://emi.example/keys"}),
        ("invalid_client_metadata", {"token_endpoint_auth_method": "private_key_jwt"}),
        ("invalid_client_metadata", {"token_endpoint_auth_method": "client_secret_jwt"}),
        ("invalid_client_metadata", {"token_endpoint_auth_method": "tls_client_auth"}),
        ("invalid_client_metadata", {"jwks": {"keys": [{"kty": "oct", "k": "c" * 43}]}}),
        ("invalid_client_metadata", {"grant_types": ["implicit"], "response_types": ["code"]}),
        ("invalid_client_metadata", {"grant_types": ["refresh_token"], "response_types": []}),
        ("invalid_client_metadata", {"grant_types": ["password"]}),
        ("invalid_client_metadata", {"grant_types": ["client_credentials"]}),
        ("invalid_client_metadata", {"response_types": ["code id_token"]}),
        ("invalid_client_metadata", {"response_types": ["token"]}),
        ("invalid_client_metadata", {"id_token_signed_response_alg": "none"}),
        ("invalid_client_metadata", {"id_token_signed_response_alg": "HS256"}),
        ("invalid_client_metadata", {"request_object_signing_alg": "none"}),
        ("invalid_client_metadata", {"token_endpoint_auth_signing_alg": "HS256"}),
        ("invalid_client_metadata", {"subject_type": "secret"}),
        ("invalid_client_metadata", {"subject_type": "pairwise", "redirect_uris": [CALLBACK, OTHER_HOST]}),
        ("invalid_client_metadata", {"sector_identifier_uri": "https://gateway.invalid/sector"}),
        ("invalid_client_metadata", {"sector_identifier_uri": "http://emi.example/sector"}),
        ("invalid_client_metadata", {"scope": "openid scim.write"}),
        ("invalid_client_metadata", {"scope": 'openid "'}),
        ("invalid_client_metadata", {"userinfo_signed_response_alg": "none"}),
        ("invalid_client_metadata", {"id_token_encrypted_response_alg": "RSA1_5", "jwks": public_keys()}),
        ("invalid_client_metadata", {"id_token_encrypted_response_alg": "RSA-OAEP-256"}),
        ("invalid_client_metadata", {"id_token_encrypted_response_enc": "A128GCM"}),
        ("invalid_client_metadata", {"default_max_age": -1}),
        ("invalid_client_metadata", {"default_max_age": True}),
        ("invalid_client_metadata", {"require_auth_time": "yes"}),
        ("invalid_client_metadata", {"backchannel_logout_session_required": 1}),
        ("invalid_client_metadata", {"logo_uri": "https://emi.example;script-src *"}),
        ("invalid_client_metadata", {"logo_uri#fr": "http://emi.example/logo.png"}),
        ("invalid_client_metadata", {"client_name": "Bank\u202e"}),
        ("invalid_client_metadata", {"client_name#fr": "x" * 121}),
        ("invalid_client_metadata", {"request_uris": ["http://emi.example/request"]}),
        ("invalid_client_metadata", {"contacts": [1]}),
        ("invalid_software_statement", {"software_statement": "no.signed.token"}),
        ("invalid_software_statement", {"software_statement": {"iss": "me"}}),
        ("invalid_software_statement", {"software_statement": "eyJhbGciOiJub25lIn0.e30."}),
        ("unapproved_software_statement", {"software_statement": "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"}),
    ],
)
def test_what_is_wrong_has_the_standards_error(open_op: Op, code: str, metadata: dict[str, object]) -> None:
    """RFC 7591 §3.2.2: 400, the code, a sentence of plain characters, and no client."""
    answer = post(open_op, **metadata)
    assert (answer.status, answer.json()["error"]) == (400, code), answer.body
    description = answer.json()["error_description"]
    assert description.isascii()
    assert description.isprintable()
    assert not set(description) & {'"', "\\"}
    assert clients_of(open_op) == []


def test_a_section_of_a_standard_is_named_in_plain_characters(open_op: Op) -> None:
    """RFC 6749 §5.2: the sign for a section is none of those that a description may have."""
    said = post(open_op, frontchannel_logout_uri="https://other.example/fc").json()["error_description"]
    assert said.endswith("of a redirection URI (Front-Channel Logout section 2)")


@pytest.mark.parametrize(
    ("uris", "kind"),
    [
        (["http://127.0.0.1/callback", "http://[::1]/callback", "com.example.app:/callback"], "native"),
        (["https://emi.example/callback?one=1&two=2"], "web"),
    ],
)
def test_addresses_follow_the_kind_of_application(open_op: Op, uris: list[str], kind: str) -> None:
    """RFC 8252 §7, OIDC Registration §2."""
    told = registered(open_op, redirect_uris=uris, application_type=kind)
    assert told["redirect_uris"] == uris


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"client_name": "\\ud800"}', "application/json", 400),
        (b'{"client_name": "\\u0000"}', "application/json", 400),
        (b'{"default_max_age": NaN}', "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b"redirect_uris=x", "application/x-www-form-urlencoded", 400),
        (b" " * 65_537, "application/json", 413),
    ],
)
def test_what_is_no_object_of_json_is_refused(open_op: Op, body: bytes, media_type: str, status: int) -> None:
    answer = open_op.call("POST", PATH, body=body, headers={"content-type": media_type})
    assert (answer.status, answer.json()["error"]) == (status, "invalid_client_metadata")


def test_only_post_registers(open_op: Op) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = send(open_op, method, PATH)
        assert (answer.status, answer.header("allow")) == (405, "POST")


# --- documents of the client


def test_a_sector_has_to_list_every_redirection_uri(op: Op, published: Documents) -> None:
    """OIDC Registration §5: fetched as the client registers; one that names others is refused."""
    registering(op, "open")
    fetching(op, published)
    address = f"{published.origin}/sector"
    published.put("/sector", json.dumps(["https://example.com/op"]).encode())
    wanted = {"sector_identifier_uri": address, "subject_type": "pairwise"}
    assert post(op, **wanted).json()["error"] == "invalid_client_metadata"
    published.put("/sector", json.dumps([CALLBACK, OTHER_HOST]).encode())
    told = registered(op, **wanted, redirect_uris=[CALLBACK, OTHER_HOST])
    assert told["sector_identifier_uri"] == address


def test_a_silent_server_holds_up_one_registration_and_no_other(op: Op, published: Documents) -> None:
    """RFC 9101 §10.4.1 for the sector's document: who waits is told at once to come again."""
    registering(op, "open")
    fetching(op, published)
    address = published.put("/sector", json.dumps([CALLBACK]).encode())
    published.goes_on.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(registered, op, sector_identifier_uri=address)
        assert published.reached.wait(60)
        busy = post(op, sector_identifier_uri=address)
        assert (busy.status, busy.json()["error"]) == (503, "temporarily_unavailable")
        assert busy.header("retry-after") == "2"
        assert registered(op)
        published.goes_on.set()
        assert waiting.result()["sector_identifier_uri"] == address
    assert registered(op, sector_identifier_uri=address)


def test_a_client_changes_its_keys_where_it_publishes_them(op: Op, published: Documents) -> None:
    """OIDC Core §10.1.1: a key that was not there when the client registered signs for it later."""
    registering(op, "open")
    fetching(op, published)
    published.put("/keys", json.dumps(public_keys()).encode())
    told = registered(op, token_endpoint_auth_method="private_key_jwt", jwks_uri=f"{published.origin}/keys")
    fields = an_assertion(told["client_id"])
    answer = op.post("/oauth2/token", {"grant_type": "authorization_code", "code": "none", **fields})
    assert answer.json()["error"] == "invalid_grant"


def test_an_assertion_has_the_one_algorithm_that_was_registered(open_op: Op) -> None:
    """OIDC Registration §2, token_endpoint_auth_signing_alg: with another one it proves nothing."""
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": public_keys()}
    told = registered(open_op, **keys, token_endpoint_auth_signing_alg="ES256")
    fields = {"grant_type": "authorization_code", "code": "none"}
    for algorithm, error in (("RS256", "invalid_client"), ("ES256", "invalid_grant")):
        proof = an_assertion(told["client_id"], algorithm=algorithm)
        assert open_op.post("/oauth2/token", {**fields, **proof}).json()["error"] == error
