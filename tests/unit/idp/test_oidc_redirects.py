"""Redirection URIs: what may be registered, and what matches."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.domain.client import Client, client_from
from idp.domain.redirects import is_registered, origin_of, uri_fault, with_parameters

FIELDS = {
    "id": "c",
    "name": "C",
    "description": "",
    "application_key": "",
    "launch_url": "",
    "profile": "default",
    "version": 1,
    "disabled_at": None,
}


def native(*uris: str) -> Client:
    return client_from(FIELDS, {"application_type": "native", "redirect_uris": list(uris)})


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:x",
        "data:text/html,x",
        "vbscript:x",
        "blob:https://rp.example/x",
        "https://*.example/cb",
        "https://rp.example/cb#x",
        "https://rp.example/cb#",
        "http://rp.example/cb",
        "http://127.0.0.1/cb",
        "http://localhost/cb",
        "https://user@rp.example/cb",
        "https://user:word@rp.example/cb",
        "https:///cb",
        "https:cb",
        "https://",
        "/cb",
        "rp.example/cb",
        "",
        "https://rp.example/a/../cb",
        "https://rp.example/a/%2e%2E/cb",
        "https://rp.example/..;/cb",
        "https://rp.example/a\\b",
        "https://RP.example/cb",
        "HTTPS://rp.example/cb",
        "https://rp.example:/cb",
        "https://rp.example:0/cb",
        "https://rp.example:99999/cb",
        "https://rp.example/ cb",
        "https://rp.example/é",
        "https://rp.example/\r\nSet-Cookie:x",
        "https://rp.example/" + "x" * 2000,
        "com.example.app:/cb",
        "https://[::1/cb",
        "https://rp_example/cb",
        None,
        7,
        ["https://rp.example/cb"],
    ],
)
def test_a_web_client_cannot_register_it(uri: object) -> None:
    """AZ-05..AZ-08: schemes that run, wildcards, http, fragments, other people's hosts, tricks."""
    assert uri_fault(uri, native=False)


@pytest.mark.parametrize(
    "uri",
    [
        "https://rp.example/cb",
        "https://rp.example:8443/cb?x=1",
        "https://a.b.example/",
        "https://[2001:db8::1]/cb",
    ],
)
def test_a_web_client_registers_https(uri: str) -> None:
    """RFC 9700 §2.6."""
    assert uri_fault(uri, native=False) == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_http_on_loopback_is_a_setting_of_demonstrations(host: str) -> None:
    """AZ-07: refused unless the setting says so; no other host profits from it."""
    assert uri_fault(f"http://{host}:8002/cb", native=False)
    assert uri_fault(f"http://{host}:8002/cb", native=False, loopback_http=True) == ""
    assert uri_fault("http://rp.example/cb", native=False, loopback_http=True)


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1/cb", "http://[::1]:7777/cb", "com.example.app:/cb", "https://rp.example/cb"]
)
def test_a_native_client_registers_loopback_and_its_own_scheme(uri: str) -> None:
    """AZ-07, RFC 8252 §7."""
    assert uri_fault(uri, native=True) == ""


@pytest.mark.parametrize("uri", ["http://localhost/cb", "http://rp.example/cb", "myapp:/cb", "javascript:x"])
def test_a_native_client_cannot_register_it(uri: str) -> None:
    """RFC 8252 §7.1, §8.3: no name that resolves, no scheme without a dot."""
    assert uri_fault(uri, native=True)


@pytest.mark.parametrize(
    "uri",
    [
        "com.example.app://[callback",
        "com.example.app://callback:99999/cb",
        "com.example.app://callback:80/cb",
        "com.example.app://user@callback/cb",
        "com.example.app://call%62ack/cb",
    ],
)
def test_behind_a_private_scheme_stands_a_plain_name_at_most(uri: str) -> None:
    """AZ-08, RFC 8252 §7.1: what apps and browsers read in two ways is refused; a name as apps write it is not."""
    assert uri_fault(uri, native=True)
    assert uri_fault("com.example.app://callback/cb", native=True) == ""


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("http://localhost:8000/", "127.0.0.1 or [::1]"),
        ("http://localhost:8250/oidc/callback", "127.0.0.1 or [::1]"),
        ("msauth://com.example.app/x", "a scheme with a dot"),
        ("vscode://publisher.extension/cb", "a scheme with a dot"),
    ],
)
def test_what_native_clients_are_shipped_with_is_refused_by_what_to_write_instead(
    uri: str, told: str
) -> None:
    """RFC 8252 §7.1, §7.3, §8.3: kubelogin, Vault and MSAL name localhost, or a scheme that is anybody's."""
    assert told in uri_fault(uri, native=True)


@pytest.mark.parametrize(
    ("uri", "matches"),
    [
        ("http://127.0.0.1:1/cb", True),
        ("http://127.0.0.1:65535/cb", True),
        ("http://127.0.0.1/cb", True),
        ("http://127.0.0.1:0/cb", False),
        ("http://127.0.0.1:65536/cb", False),
        ("http://127.0.0.1:80/cb2", False),
        ("http://127.0.0.1:80/cb?x=1", False),
        ("http://127.0.0.1:80@evil.example/cb", False),
        ("http://127.0.0.1.evil.example/cb", False),
        ("http://127.0.0.1:x/cb", False),
        ("http://localhost:80/cb", False),
        ("https://127.0.0.1:80/cb", False),
        ("http://[::1]:80/cb", False),
    ],
)
def test_only_the_port_of_a_loopback_literal_may_differ(uri: str, matches: bool) -> None:  # noqa: FBT001
    """AZ-07, RFC 8252 §7.3: for native clients, and nothing but the port."""
    assert is_registered(native("http://127.0.0.1:7777/cb"), uri) is matches


def test_a_web_client_is_bound_to_its_port() -> None:
    """AZ-07: the loopback rule is for native clients."""
    web = client_from(FIELDS, {"redirect_uris": ["http://127.0.0.1:8002/cb"]})
    assert not is_registered(web, "http://127.0.0.1:8003/cb")


@given(st.text(max_size=60).filter(lambda text: not any("\ud800" <= each <= "\udfff" for each in text)))
def test_a_parameter_arrives_as_it_was(state: str) -> None:
    """AZ-14: every character back, and none of them leaves its place."""
    for base in ("https://rp.example/cb", "https://rp.example/cb?fixed=1"):
        location = with_parameters(base, {"state": state, "iss": "https://op.example"})
        assert location.isascii()
        assert "\r" not in location
        assert "\n" not in location
        query = parse_qs(urlsplit(location).query, keep_blank_values=True)
        assert query["state"] == [state]
        assert query["iss"] == ["https://op.example"]


def test_an_origin_is_what_a_browser_compares() -> None:
    """CSP img-src, frame-src: scheme, host and port; a private scheme is named by itself."""
    assert origin_of("https://rp.example:8443/cb?x") == "https://rp.example:8443"
    assert origin_of("com.example.app:/cb") == "com.example.app:"
