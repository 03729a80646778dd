"""Discovery tells the truth, and the documents may be cached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from authlib.oidc.discovery import OpenIDProviderMetadata

from idp.domain.client_metadata import KNOWN, kept, metadata_faults
from idp.domain.scim_scopes import SCOPES as SCIM_SCOPES
from idp.domain.signal_scopes import SCOPES as SIGNAL_SCOPES
from idp.usecases.register_client import ClientOrder, RegistrationRefused, register_client
from idp.web.authlib_bridge import client_metadata_fault, provider_metadata_fault
from idp.web.oidc.routes import DISCOVERY_PATHS, metadata_document
from kernel.audit import SYSTEM
from tests.support.oidc import CALLBACK, ISSUER, an_assertion, public_keys, returned

if TYPE_CHECKING:
    from tests.support.oidc import Op


def test_both_addresses_give_the_same_document(op: Op) -> None:
    """RFC 8414 §3, OIDC Discovery §4; a strict reader accepts it. The one of RFC 8414 is signed beside (§2.1)."""
    document, signed = (op.get(path).json() for path in DISCOVERY_PATHS)
    assert {**document, "signed_metadata": signed["signed_metadata"]} == signed
    OpenIDProviderMetadata(document).validate()
    assert document["issuer"] == ISSUER


def test_every_address_it_names_is_served(op: Op) -> None:
    """DJ-06: no endpoint that is not wired."""
    for name, value in op.get(DISCOVERY_PATHS[0]).json().items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert value.startswith(ISSUER)
            assert op.dispatch.find(value.removeprefix(ISSUER)) is not None, name


def test_pkce_is_s256_only_and_the_issuer_is_told(op: Op) -> None:
    """DJ-06, RFC 9207."""
    document = op.get(DISCOVERY_PATHS[0]).json()
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True


def test_what_is_listed_works(op: Op) -> None:
    """DJ-06: every method, response mode, algorithm and scope of the document."""
    document = op.get(DISCOVERY_PATHS[0]).json()
    for index, method in enumerate(document["token_endpoint_auth_methods_supported"]):
        keys = {"jwks": public_keys()} if method == "private_key_jwt" else {}
        op.client(f"by-{index}", token_endpoint_auth_method=method, **keys)
    op.machine(token_endpoint_auth_method="private_key_jwt", jwks=public_keys())
    for algorithm in document["token_endpoint_auth_signing_alg_values_supported"]:
        fields = {"grant_type": "client_credentials", **an_assertion("m2m", algorithm=algorithm, x=algorithm)}
        assert op.post("/oauth2/token", fields).status == 200
    op.client()
    cookie = op.session(op.account())
    types = document["response_types_supported"]
    op.client(
        "every",
        profile="compat",
        response_types=types,
        grant_types=["authorization_code", "implicit"],
    )
    for mode in document["response_modes_supported"]:
        answer = op.authorize(cookie, response_mode=mode)
        assert answer.status == 200 if "form_post" in mode else "error" not in returned(answer)
    for kind in types:
        assert "error" not in returned(op.authorize(cookie, client_id="every", response_type=kind))
    machines = {*SCIM_SCOPES, *SIGNAL_SCOPES}
    scope = " ".join(each for each in document["scopes_supported"] if each not in machines)
    assert set(document["scopes_supported"]) > machines, "what machines may ask for (O3; RFC 8414 §2)"
    assert op.tokens(cookie, scope=scope)["scope"] == scope
    for algorithm in document["id_token_signing_alg_values_supported"]:
        op.client(f"sig-{algorithm}", id_token_signed_response_alg=algorithm)


@pytest.mark.parametrize("path", [*DISCOVERY_PATHS, "/oauth2/jwks"])
def test_documents_may_be_cached_and_read_by_anybody(op: Op, path: str) -> None:
    """DJ-07: bounded max-age, ETag, any origin without credentials, 304 for who has it."""
    answer = op.get(path)
    assert answer.header("cache-control") == "public, max-age=300"
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("access-control-allow-credentials") == ""
    etag = answer.header("etag")
    for known in (f'"other", {etag}', f"W/{etag}", f'W/"other", W/{etag}', "*"):
        again = op.get(path, headers={"if-none-match": known})
        assert (again.status, again.body) == (304, b"")
    for other in ('"other"', 'W/"other"', etag.strip('"'), ""):
        assert op.get(path, headers={"if-none-match": other}).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/openid-configuration/",
        "/.well-known/openid-configuration/../../admin",
        "//.well-known/openid-configuration",
        "/.well-known/%2e%2e/openid-configuration",
        "/.well-known/openid-configuration.",
    ],
)
def test_tricks_with_the_path_find_nothing(op: Op, path: str) -> None:
    """DJ-08."""
    assert op.dispatch.find(path) is None


def test_a_document_that_would_be_wrong_is_noticed(op: Op) -> None:
    """Trap T12: the second reading of the standards judges what we generate."""
    document = metadata_document(op.services)
    assert provider_metadata_fault(document) == ""
    assert provider_metadata_fault({**document, "issuer": f"{ISSUER}?x=1"})
    assert provider_metadata_fault({**document, "id_token_signing_alg_values_supported": ["ES256"]})
    assert provider_metadata_fault({**document, "jwks_uri": "http://gateway.example/jwks"})


@pytest.mark.parametrize(
    "metadata",
    [
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["https://*.example/cb"]},
        {"redirect_uris": [CALLBACK + "#x"]},
        {"redirect_uris": ["http://rp.example/cb"]},
        {"redirect_uris": []},
        {"redirect_uris": "https://emi.example/callback"},
        {"response_types": ["token"]},
        {"grant_types": ["password"]},
        {"grant_types": ["implicit"]},
        {"grant_types": ["refresh_token"]},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "A" * 43}]}},
        {"id_token_signed_response_alg": "none"},
        {"scope": "a  b"},
        {"default_max_age": -1},
        {"default_acr_values": ["urn:unknown"]},
        {"backchannel_logout_uri": "http://rp.example/bc"},
        {"post_logout_redirect_uris": ["https://x.example/#y"]},
        {"application_type": "mobile"},
        {"subject_type": "private"},
        {"client_uri": 7},
        {"resources": ["no uri"]},
    ],
)
def test_nothing_is_registered_that_is_not_offered(op: Op, metadata: dict[str, object]) -> None:
    """AZ-05..AZ-08, RFC 7591 §3.2.2: refused field by field, and nothing is stored."""
    order = ClientOrder("new", "New", {"redirect_uris": [CALLBACK], "scope": "openid", **metadata})
    refusal = register_client(op.services, order, actor=SYSTEM)
    assert isinstance(refusal, RegistrationRefused)
    assert next(iter(metadata)) in {fault.name for fault in refusal.faults} | {
        "token_endpoint_auth_method"
    } or ({fault.name for fault in refusal.faults} & {"jwks", "response_types"})
    assert not op.audit("gateway:client:registered")


@pytest.mark.parametrize(
    "client_id", ["01KT1GW6G0VMJY24FNN7CSNE46", "", "a", "x" * 65, "a b", "-x", "é-client"]
)
def test_a_client_is_never_called_like_an_account(op: Op, client_id: str) -> None:
    """TK-15: no identifier of an account's form, and nothing strange."""
    order = ClientOrder(client_id, "New", {"redirect_uris": [CALLBACK], "scope": "openid"})
    assert isinstance(register_client(op.services, order, actor=SYSTEM), RegistrationRefused)


def test_a_client_is_registered_once_and_changed_on_purpose(op: Op) -> None:
    """The id decides; ``replace`` changes what is there and keeps its secret."""
    op.client()
    order = ClientOrder("emi", "Again", {"redirect_uris": [CALLBACK], "scope": "openid"})
    assert isinstance(register_client(op.services, order, actor=SYSTEM), RegistrationRefused)
    op.client(replace=True, secret="", redirect_uris=[CALLBACK, "https://emi.example/two"])
    cookie = op.session(op.account())
    assert op.redeem(op.code(cookie)).status == 200


def test_the_second_reading_alone_refuses_what_is_not_offered(op: Op) -> None:
    """RFC 7591 by Authlib, against our own metadata."""
    provider = metadata_document(op.services)
    assert client_metadata_fault({"redirect_uris": [CALLBACK]}, provider) == ""
    assert client_metadata_fault({"response_types": ["token"]}, provider) == "response_types"
    assert client_metadata_fault({"default_acr_values": ["x"]}, provider) == "default_acr_values"


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_our_own_rules_refuse_whatever_the_second_reading_does(op: Op, name: str) -> None:
    """RFC 7591 §2: operators, the command and laboratories register by our own rules alone."""
    provider = metadata_document(op.services)
    texts = ["x", "none", "HS256", "A128GCM", "http://x.example/", "https://", "javascript:x", "urn:unknown"]
    for value in (*texts, *([text] for text in texts), [""], ["a b"], {}, {"keys": []}, True, -1, 1.5):
        metadata = kept({"redirect_uris": [CALLBACK], "scope": "openid", name: value})
        if not metadata_faults(metadata, profile="compat"):
            assert not client_metadata_fault(metadata, provider), value
