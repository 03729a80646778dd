"""Production refuses what is only fit for a demonstration, and names it."""

from __future__ import annotations

import pytest

from kernel.errors import SettingsError
from switchyard.settings import read_settings
from switchyard.wiring import held_requests

_SOUND = {
    "SWITCHYARD_GATEWAY__KERNEL__PRODUCTION": "true",
    "SWITCHYARD_GATEWAY__KERNEL__PUBLIC_URL": "https://gateway.example.org",
    "SWITCHYARD_GATEWAY__IDP__LOOPBACK_HTTP_CLIENTS": "false",
    "SWITCHYARD_REGISTRATION__KERNEL__PRODUCTION": "true",
    "SWITCHYARD_REGISTRATION__KERNEL__PUBLIC_URL": "https://registration.example.org",
    "SWITCHYARD_REGISTRATION__REGISTRATION__GATEWAY_ISSUER": "https://gateway.example.org",
}


def test_sound_settings_are_taken() -> None:
    assert read_settings(None, _SOUND).gateway.kernel.production


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("GATEWAY__KERNEL__PUBLIC_URL", "http://gateway.example.org", "gateway.kernel.public_url"),
        (
            "REGISTRATION__KERNEL__PUBLIC_URL",
            "http://registration.example.org",
            "registration.kernel.public_url",
        ),
        ("GATEWAY__KERNEL__COURIER", "console", "gateway.kernel.courier"),
        ("GATEWAY__KERNEL__PASSWORD_MEMORY_KIB", "1024", "password_memory_kib"),
        ("GATEWAY__KERNEL__LOG_LEVEL", "debug", "log_level"),
        ("GATEWAY__IDP__LIMITS", "false", "gateway.idp.limits"),
        ("GATEWAY__IDP__LOOPBACK_HTTP_CLIENTS", "true", "loopback_http_clients"),
        ("GATEWAY__IDP__SHORT_CLIENT_SECRETS", "true", "short_client_secrets"),
        ("GATEWAY__IDP__REGISTRATION", "open", "gateway.idp.registration"),
        ("GATEWAY__IDP__FETCH_AUTHORITY", "/etc/ca.pem", "fetch_authority"),
        ("GATEWAY__IDP__FETCH_LOOPBACK", '["localhost:8443"]', "fetch_loopback"),
        ("REGISTRATION__REGISTRATION__FAILPOINTS", "on", "failpoints"),
        ("REGISTRATION__REGISTRATION__GATEWAY_ISSUER", "http://gateway.example.org", "gateway_issuer"),
    ],
)
def test_each_unsafe_choice_is_refused_by_name(option: str, value: str, named: str) -> None:
    """F10, bar 22: the servers do not start, and the sentence says which option it is."""
    with pytest.raises(SettingsError, match=named):
        read_settings(None, {**_SOUND, f"SWITCHYARD_{option}": value})


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        (
            "REGISTRATION__KERNEL__DATABASE_URL",
            "sqlite:///var/gateway.db",
            "registration.kernel.database_url",
        ),
        ("GATEWAY__IDP__CODE_LIFE", "PT61S", "gateway.idp.code_life"),
        ("GATEWAY__IDP__ACCESS_TOKEN_LIFE", "P2D", "gateway.idp.access_token_life"),
        ("GATEWAY__IDP__SIGNING_ALGORITHM", "PS256", "gateway.idp.signing_algorithm"),
        ("GATEWAY__SCIM__REQUESTS_PER_SECOND", "24", "gateway.scim.requests_per_second"),
        ("GATEWAY__SCIM__DEFAULT_PAGE", "1001", "gateway.scim.default_page"),
        ("GATEWAY__KERNEL__SMTP_PORT", "65536", "gateway.kernel.smtp_port"),
        ("GATEWAY__KERNEL__SMS_WEBHOOK_URL", "texts.example", "gateway.kernel.sms_webhook_url"),
        ("GATEWAY__KERNEL__METRICS_ADDRESS", "9464", "gateway.kernel.metrics_address"),
        ("GATEWAY__KERNEL__METRICS_ADDRESS", "metrics.example:9464", "gateway.kernel.metrics_address"),
        ("REGISTRATION__KERNEL__METRICS_ADDRESS", "[::1]:65536", "registration.kernel.metrics_address"),
        ("GATEWAY__KERNEL__FORWARDED_HEADER", "", "gateway.kernel.forwarded_header"),
        ("REGISTRATION__KERNEL__FORWARDED_HEADER", "Asked From", "registration.kernel.forwarded_header"),
        ("REGISTRATION__KERNEL__FORWARDED_HEADER", "AskedFrom:", "registration.kernel.forwarded_header"),
        ("REGISTRATION__KERNEL__MAIL_FROM_ADDRESS", "nobody", "registration.kernel.mail_from_address"),
        ("REGISTRATION__REGISTRATION__HTTP_TIMEOUT", "PT30S", "registration.registration.http_timeout"),
        ("REGISTRATION__REGISTRATION__WORKER_IDLE", "PT0S", "registration.registration.worker_idle"),
        ("REGISTRATION__REGISTRATION__GATEWAY_ISSUER", "https://g.example/", "gateway_issuer"),
        ("REGISTRATION__REGISTRATION__ALLOWED_TARGETS", '["gateway"]', "allowed_targets"),
        ("REGISTRATION__REGISTRATION__GATEWAY_SCIM_URL", "/scim/v2", "gateway_scim_url"),
    ],
)
def test_what_the_documents_promise_cannot_be_set_otherwise(option: str, value: str, named: str) -> None:
    """SECURITY.md promises codes of 60 seconds, docs/scim-clients.md 25 requests; what is below works for nobody."""
    with pytest.raises(SettingsError, match=named):
        read_settings(None, {**_SOUND, f"SWITCHYARD_{option}": value})


@pytest.mark.parametrize("threads", [2, 3, 4, 40])
def test_polls_that_are_held_open_leave_two_threads_for_everybody_else(threads: int) -> None:
    """RFC 8936 §2.5: a server of few threads answers at once."""
    assert held_requests(threads) == {2: 0, 3: 1}.get(threads, 2)


@pytest.mark.parametrize("option", ["WORKERS", "THREADS"])
def test_a_server_needs_a_process_and_threads_that_do_not_all_wait(option: str) -> None:
    """One thread alone would wait for the server of a client while nobody is answered."""
    few = {**_SOUND, f"SWITCHYARD_GATEWAY__KERNEL__{option}": "0" if option == "WORKERS" else "1"}
    with pytest.raises(SettingsError, match=f"gateway.kernel.{option.lower()}"):
        read_settings(None, few)


@pytest.mark.parametrize(
    "name", ["X-Client-Cert", "X_Client_Cert", "Client-Cert", "Client Cert", "Zertifikät"]
)
def test_a_client_cannot_write_to_the_header_of_its_certificate(name: str) -> None:
    """RFC 8705 §6.5: the server takes X_Name for X-Name, of which a proxy overwrites the latter only."""
    chosen = {
        **_SOUND,
        "SWITCHYARD_GATEWAY__IDP__CERTIFICATE_PROXIES": '["10.0.0.0/30"]',
        "SWITCHYARD_GATEWAY__IDP__CERTIFICATE_HEADER": name,
    }
    with pytest.raises(SettingsError, match="idp.certificate_header: letters and digits"):
        read_settings(None, chosen)
    chosen["SWITCHYARD_GATEWAY__IDP__CERTIFICATE_HEADER"] = "ClientCert"
    assert read_settings(None, chosen).gateway.idp.certificate_header == "ClientCert"
