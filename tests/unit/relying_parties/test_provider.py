"""The provider's metadata: whose it is, and where it leads (OpenID Connect Discovery §4.3)."""

from __future__ import annotations

import pytest

from relying_parties.http import ProviderFaultError
from relying_parties.provider import metadata_of

ISSUER = "https://op.example"
GOOD = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://op.example/authorize?x=1",
    "token_endpoint": "https://op.example/token",
    "jwks_uri": "https://op.example/jwks",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://op.example/"},
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": ""},
        {"token_endpoint": 7},
        {"token_endpoint": "http://op.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "//op.example/jwks"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://op.example/authorize#x"},
        {"userinfo_endpoint": "http://op.example/userinfo"},
        {"end_session_endpoint": ["https://op.example/logout"]},
    ],
)
def test_metadata_of_another_or_without_tls_is_refused(changes: dict[str, object]) -> None:
    """The issuer is its own exactly, and nothing leaves https."""
    with pytest.raises(ProviderFaultError):
        metadata_of({**GOOD, **changes}, ISSUER)


def test_what_is_optional_may_be_absent() -> None:
    """No userinfo, no logout, no iss in responses: still a provider."""
    metadata = metadata_of(GOOD, ISSUER)
    assert metadata.end_session_endpoint == ""
    assert not metadata.names_itself_in_responses


def test_on_this_machine_http_will_do() -> None:
    """A provider without TLS has endpoints without TLS."""
    local = {name: value.replace("https", "http") for name, value in GOOD.items()}
    assert metadata_of(local, "http://op.example").token_endpoint == "http://op.example/token"
