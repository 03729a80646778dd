"""The settings of a whole deployment: one file, a table for each system, the environment on top.

``[gateway.kernel] public_url`` in the file is ``SWITCHYARD_GATEWAY__KERNEL__PUBLIC_URL`` in the environment.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from gateway_ui.settings import GatewayPagesSettings
from idp.settings import IdpSettings
from kernel.errors import SettingsError
from kernel.settings import KernelSettings, Section, load
from kernel.web.proxies import is_unmistakable
from keys.settings import KeySettings
from registration.settings import RegistrationSettings
from scim.settings import ScimSettings

_LOWEST_RATE = 25
_LAST_PORT = 65_535
_HEADER = re.compile(r"[A-Za-z0-9_-]+")


class GatewayKernelSettings(KernelSettings):
    """Gateway: address, database, mail, server."""

    public_url: str = "http://127.0.0.1:8000"
    """Address under which people and applications reach the Gateway; it is the issuer of its tokens."""

    database_url: str = "sqlite:///var/gateway.db"
    """SQLAlchemy address of the Gateway's database: `sqlite:///path` or `postgresql://user@host/name`."""

    key_file: str = "var/gateway-kek.txt"
    """File of the key-encryption keys (mode 600). Made on the first start unless `production` is true."""


class RegistrationKernelSettings(KernelSettings):
    """Registration: address, database, mail, server."""

    public_url: str = "http://127.0.0.1:8001"
    """Address under which people reach Registration."""

    database_url: str = "sqlite:///var/registration.db"
    """SQLAlchemy address of Registration's database: `sqlite:///path` or `postgresql://user@host/name`."""

    key_file: str = "var/registration-kek.txt"
    """File of the key-encryption keys (mode 600). Made on the first start unless `production` is true."""


class GatewaySettings(Section):
    """Settings of the Gateway."""

    kernel: GatewayKernelSettings = GatewayKernelSettings()
    keys: KeySettings = KeySettings()
    idp: IdpSettings = IdpSettings()
    scim: ScimSettings = ScimSettings()
    gateway_ui: GatewayPagesSettings = GatewayPagesSettings()


class RegistrationSystemSettings(Section):
    """Settings of Registration and its worker."""

    kernel: RegistrationKernelSettings = RegistrationKernelSettings()
    registration: RegistrationSettings = RegistrationSettings()


class Settings(Section):
    """Settings of one deployment."""

    gateway: GatewaySettings = GatewaySettings()
    registration: RegistrationSystemSettings = RegistrationSystemSettings()


def read_settings(file: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read and check the settings.

    Raises:
        SettingsError: naming each key that is wrong, or each choice that production refuses.
    """
    settings = load(Settings, file=file, environ=environ)
    faults = [f"  gateway.{fault}" for fault in _unsafe(settings.gateway.kernel)]
    faults += [f"  gateway.{fault}" for fault in _unsafe_idp(settings.gateway)]
    faults += [f"  gateway.{fault}" for fault in _certificates(settings.gateway)]
    faults += [f"  gateway.{fault}" for fault in _at_odds(settings.gateway)]
    faults += [f"  registration.{fault}" for fault in _unsafe(settings.registration.kernel)]
    faults += [f"  registration.{fault}" for fault in _way_to_the_gateway(settings.registration)]
    if settings.registration.kernel.database_url == settings.gateway.kernel.database_url:
        faults.append("  registration.kernel.database_url: is the Gateway's; each system has one of its own")
    if settings.registration.kernel.production and settings.registration.registration.failpoints == "on":
        faults.append("  registration.registration.failpoints: only tests stop a process at named points")
    if faults:
        raise SettingsError("the settings cannot be used:\n" + "\n".join(faults))
    return settings


def gateway_settings(file: Path | None, environ: Mapping[str, str]) -> GatewaySettings:
    """Read the Gateway's settings; see :func:`read_settings`."""
    return read_settings(file, environ).gateway


def registration_settings(file: Path | None, environ: Mapping[str, str]) -> RegistrationSystemSettings:
    """Read Registration's settings; see :func:`read_settings`."""
    return read_settings(file, environ).registration


def _unsafe(kernel: KernelSettings) -> list[str]:
    """Return what is wrong with the address, and what production refuses."""
    faults = []
    if not _is_origin(kernel.public_url):
        faults.append("kernel.public_url: give scheme and host only, as in https://gateway.example.org")
    faults += [
        f"kernel.{name}: has to be an e-mail address"
        for name in ("support_email", "mail_from_address")
        if "@" not in getattr(kernel, name).strip("@")
    ]
    if kernel.metrics_address and not _is_place(kernel.metrics_address):
        faults.append("kernel.metrics_address: has to be an IP address and a port, as in 127.0.0.1:9464")
    if not _HEADER.fullmatch(kernel.forwarded_header):
        faults.append("kernel.forwarded_header: has to be the name of a header, as in AskedFrom")
    if kernel.sms_webhook_url and not _is_web_address(kernel.sms_webhook_url):
        faults.append("kernel.sms_webhook_url: has to be an address that begins with https:// or http://")
    if not kernel.production:
        return faults
    if not kernel.public_url.startswith("https:"):
        faults.append("kernel.public_url: production is reached by https only")
    if kernel.courier == "console":
        faults.append("kernel.courier: production sends mail by smtp, never to the console")
    if kernel.password_memory_kib < 19_456 or kernel.password_passes < 2:
        faults.append("kernel.password_memory_kib, password_passes: not below 19456 and 2 in production")
    if kernel.log_level == "debug":
        faults.append("kernel.log_level: debug is not for production")
    return faults


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # one that is no number is an error
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _is_place(address: str) -> bool:
    try:
        place_of(address)
    except ValueError:
        return False
    return True


def place_of(address: str) -> tuple[str, int]:
    """Return the IP address and the port that an option names.

    Raises:
        ValueError: if it names none.
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
        raise ValueError
    return str(ipaddress.ip_address(host)), int(port)


def _is_origin(url: str) -> bool:
    return _is_web_address(url) and not any(urlsplit(url)[2:])


def _at_odds(gateway: GatewaySettings) -> list[str]:
    """Return which of the Gateway's options do not go together, or break what its documents promise."""
    keys, idp, scim = gateway.keys, gateway.idp, gateway.scim
    faults = [
        f"idp.{name}: has to be within keys.retain, or its signature cannot be verified to the end"
        for name in ("access_token_life", "id_token_life")
        if getattr(idp, name) > keys.retain
    ]
    if idp.signing_algorithm not in keys.algorithms:
        faults.append(
            f"idp.signing_algorithm: has to be one of keys.algorithms ({', '.join(keys.algorithms)})"
        )
    if scim.requests_per_second < _LOWEST_RATE:
        faults.append(f"scim.requests_per_second: has to be {_LOWEST_RATE} or more")
    if scim.default_page > scim.largest_page:
        faults.append("scim.default_page: has to be scim.largest_page or less")
    return faults


def _way_to_the_gateway(system: RegistrationSystemSettings) -> list[str]:
    """Return what is wrong with the addresses under which Registration looks for the Gateway."""
    settings, faults = system.registration, []
    if not _is_origin(settings.gateway_issuer):
        faults.append(
            "registration.gateway_issuer: give the Gateway's public_url, as in https://gateway.example.org"
        )
    elif system.kernel.production and not settings.gateway_issuer.startswith("https:"):
        faults.append("registration.gateway_issuer: production reaches the Gateway by https only")
    if not _is_web_address(settings.scim_url):
        faults.append("registration.gateway_scim_url: has to be an address, as in https://gateway/scim/v2")
    if not all(map(_is_origin, settings.allowed_targets)):
        faults.append("registration.allowed_targets: name origins, as in https://gateway.example.org:8443")
    return faults


def _certificates(gateway: GatewaySettings) -> list[str]:
    idp = gateway.idp
    if bool(idp.certificate_header) != bool(idp.certificate_proxies):
        return ["idp.certificate_header and idp.certificate_proxies belong together"]
    if idp.certificate_header and not is_unmistakable(idp.certificate_header):
        return ["idp.certificate_header: letters and digits only, as in ClientCert; X_Name counts as X-Name"]
    try:
        for each in idp.certificate_proxies:
            ipaddress.ip_network(each)
    except ValueError:
        return ["idp.certificate_proxies: name addresses or networks, as in 10.0.0.0/28"]
    return []


def _unsafe_idp(gateway: GatewaySettings) -> list[str]:
    if not gateway.kernel.production:
        return []
    faults = []
    if not gateway.idp.limits:
        faults.append("idp.limits: production keeps its limits on")
    if gateway.idp.loopback_http_clients:
        faults.append("idp.loopback_http_clients: production takes no http redirect URIs")
    if gateway.idp.short_client_secrets:
        faults.append("idp.short_client_secrets: production takes no secret that can be guessed")
    if gateway.idp.registration == "open":
        faults.append("idp.registration: production lets nobody register a client without a token")
    if gateway.idp.fetch_authority:
        faults.append("idp.fetch_authority: production trusts the authorities of its machine only")
    if gateway.idp.fetch_loopback:
        faults.append("idp.fetch_loopback: production fetches nothing from its own machine")
    return faults
