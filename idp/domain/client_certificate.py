"""Certificates that clients present on their connections (RFC 8705)."""

from __future__ import annotations

import binascii
import hashlib
import ipaddress
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import KeySet

from kernel.base64url import base64url

HEADER = "x-client-certificate"
"""Where our own TLS front hands a certificate on, as base64 of its DER; no client can set it itself."""

SUBJECT_DN = "tls_client_auth_subject_dn"
SUBJECTS = (
    SUBJECT_DN,
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)
"""Metadata that names a certificate's subject; a client registers exactly one (RFC 8705 §2.1.2)."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate whose private key the connection proved. ``thumbprint`` is ``x5t#S256``."""

    certificate: x509.Certificate
    thumbprint: str


def read_certificate(encoded: str) -> ClientCertificate | None:
    """Return the certificate of a header, or None if there is none or it cannot be read."""
    try:
        der = b64decode(encoded, validate=True)
        found = x509.load_der_x509_certificate(der) if der else None
    except (binascii.Error, ValueError):
        return None
    if found is None:
        return None
    thumbprint = base64url(hashlib.sha256(der).digest())
    return ClientCertificate(found, thumbprint)


def names(given: ClientCertificate, member: str, value: str) -> bool:
    """Tell whether the certificate names the subject that a client registered (RFC 8705 §2.1.2)."""
    reader = _READERS.get(member)
    try:
        return reader is not None and bool(value) and reader(given.certificate, value)
    except (ValueError, x509.DuplicateExtension, x509.ExtensionNotFound):
        return False


def subject_fault(member: str, value: str) -> str:
    """Return what is wrong with a subject that is to be registered, or an empty text."""
    try:
        if member == SUBJECT_DN:
            x509.Name.from_rfc4514_string(value)
        elif member == "tls_client_auth_san_ip":
            ipaddress.ip_address(value)
    except ValueError:
        return "has to be a name by RFC 4514" if member == SUBJECT_DN else "has to be an IP address"
    return "" if value else "is empty"


def _is_subject(certificate: x509.Certificate, value: str) -> bool:
    return certificate.subject == x509.Name.from_rfc4514_string(value)


def _alternatives(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


_READERS: Mapping[str, Callable[[x509.Certificate, str], bool]] = {
    SUBJECT_DN: _is_subject,
    "tls_client_auth_san_dns": lambda found, value: (
        value.lower() in [each.lower() for each in _alternatives(found).get_values_for_type(x509.DNSName)]
    ),
    "tls_client_auth_san_uri": lambda found, value: (
        value in _alternatives(found).get_values_for_type(x509.UniformResourceIdentifier)
    ),
    "tls_client_auth_san_ip": lambda found, value: (
        ipaddress.ip_address(value) in _alternatives(found).get_values_for_type(x509.IPAddress)
    ),
    "tls_client_auth_san_email": lambda found, value: (
        value in _alternatives(found).get_values_for_type(x509.RFC822Name)
    ),
}


def is_of_keys(given: ClientCertificate, keys: KeySet | None) -> bool:
    """Tell whether the certificate's key is one that the client registered (RFC 8705 §2.2)."""
    if keys is None:
        return False
    wanted = _key_of(given.certificate.public_key())
    return any(_key_of(key.raw_value) == wanted for key in keys)


def _key_of(key: Any) -> bytes:  # noqa: ANN401 - whatever kind of public key
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def registered_subject(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Return the member of client metadata that names the certificate's subject, with its value."""
    return next(((name, str(metadata[name])) for name in SUBJECTS if name in metadata), ("", ""))


def subjects_named(metadata: Iterable[str]) -> list[str]:
    """Return which members of ``metadata`` name a subject."""
    return [name for name in SUBJECTS if name in metadata]
