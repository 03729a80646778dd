"""The registration's sentences on the pages of clients: each is recognised and said in French."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway_ui.web.client_faults import translated
from idp.domain.client_metadata import kept, metadata_faults
from idp.usecases.register_client import ClientOrder, order_faults

if TYPE_CHECKING:
    from tests.support.gateway import PagesGateway

KEYS = {"keys": [{"kty": "oct", "k": "A" * 43}]}
GOOD = {"redirect_uris": ["https://emi.example/callback"], "scope": "openid"}
WRONG: tuple[dict[str, object], ...] = (
    {"redirect_uris": []},
    {
        "redirect_uris": [
            "https://a.example/#x",
            "https://*.example/",
            "http://a.example/",
            "a b",
            "https://A.example/",
        ]
    },
    {"redirect_uris": ["https://u@a.example/", "https://a.example:/", "https://a.example/../b", "myapp:/x"]},
    {"redirect_uris": "https://emi.example/callback"},
    {"scope": "a  b"},
    {"scope": 7},
    {"grant_types": ["password"]},
    {"grant_types": ["refresh_token"]},
    {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"},
    {"grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"]},
    {"response_types": ["token"]},
    {"grant_types": ["authorization_code", "implicit"]},
    {"token_endpoint_auth_method": "client_secret_jwt"},
    {"token_endpoint_auth_method": "private_key_jwt"},
    {"token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS},
    {"token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS, "jwks_uri": "https://a.example/k"},
    {"token_endpoint_auth_method": "tls_client_auth"},
    {"tls_client_auth_subject_dn": "CN=x"},
    {"id_token_signed_response_alg": "none"},
    {"subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"]},
    {"default_max_age": -1},
    {"dpop_bound_access_tokens": "yes"},
    {"backchannel_logout_uri": "http://a.example/"},
    {"request_uris": ["http://a.example/"]},
    {"resources": ["no uri"]},
    {"allowed_addresses": ["0.0.0.0/0"]},
    {"frontchannel_logout_uri": "https://other.example/out"},
    {"id_token_encrypted_response_enc": "A128GCM"},
    {"id_token_encrypted_response_alg": "RSA-OAEP-256"},
    {"userinfo_encrypted_response_alg": "RSA1_5"},
    {"tls_client_certificate_bound_access_tokens": True},
    {"client_name#fr": "Le\u202e Marché"},
)


@pytest.mark.parametrize("metadata", WRONG, ids="+".join)
@pytest.mark.parametrize("profile", ["default", "fapi2"])
def test_a_fault_is_told_in_the_language_of_the_page(
    gateway: PagesGateway, metadata: dict[str, object], profile: str
) -> None:
    """What is wrong, with the value it is about; nothing of it stays English on a French page."""
    order = ClientOrder("emi", "Emi", {**GOOD, **metadata}, profile=profile)
    faults = order_faults(gateway.services, order, kept(order.metadata))
    assert faults
    with gateway.app.test_request_context(headers={"Accept-Language": "fr"}):
        assert [fault.message for fault in faults if translated(fault.message) == fault.message] == []
    with gateway.app.test_request_context(headers={"Accept-Language": "en"}):
        assert [translated(fault.message) for fault in faults] == [fault.message for fault in faults]


def test_an_unknown_sentence_is_shown_as_it_came(gateway: PagesGateway) -> None:
    """Better English than nothing: a rule that is new here still says what is wrong."""
    with gateway.app.test_request_context(headers={"Accept-Language": "fr"}):
        assert translated("has three legs") == "has three legs"
        assert translated("https://a.example/# must not have a fragment").startswith(
            "https://a.example/# ne "
        )
    assert metadata_faults(kept(GOOD)) == ()
