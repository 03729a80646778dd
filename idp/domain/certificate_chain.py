"""Whether a certificate is good for a client: its chain, its use, and what was revoked (RFC 5280)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

Revocations = Mapping[bytes, x509.CertificateRevocationList]
"""The list of each authority that has one, by its key."""

_KEYS = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_USES = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


@dataclass(frozen=True, slots=True)
class Authorities:
    """Who issues certificates of clients: ``anchors`` are trusted by themselves, ``between`` through them."""

    anchors: tuple[x509.Certificate, ...] = ()
    between: tuple[x509.Certificate, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, certificates: Iterable[x509.Certificate]) -> Authorities:
        """Sort the certificates of a file: one whose issuer is in it too is trusted through that issuer.

        Raises:
            ValueError: if a key is none that certificates are judged by here, or no chain has an end.
        """
        every = tuple(certificates)
        if not all(isinstance(each.public_key(), _KEYS) for each in every):
            raise ValueError("the key of an authority is neither RSA nor ECDSA")
        between = tuple(
            each for each in every if any(_issued(other, each) for other in every if other is not each)
        )
        anchors = tuple(each for each in every if each not in between)
        if every and not anchors:
            raise ValueError("no authority is trusted by itself")
        return cls(anchors, between)

    @property
    def every(self) -> tuple[x509.Certificate, ...]:
        """All of them."""
        return (*self.anchors, *self.between)


def _issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return certificate.subject != certificate.issuer


def distrusted(
    certificate: x509.Certificate, authorities: Authorities, revocations: Revocations, *, now: dt.datetime
) -> str:
    """Return why a certificate proves no client, in a word for the audit, or an empty text.

    Every link is checked: signatures, times, who may issue and how far down, name constraints, critical
    extensions. Where an authority publishes a list, it is asked, and an old one answers nothing.
    """
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return "out of its time"
    try:
        use = _misuse(certificate.extensions)
    except (ValueError, x509.DuplicateExtension):
        return "cannot be read"
    if use:
        return use
    chain = _chain(certificate, authorities, now)
    return _revoked(chain, revocations, now) if len(chain) > 1 else "authority"


def _misuse(extensions: x509.Extensions) -> str:
    """Return what its extensions bar a certificate from, if anything; without any it is for everything."""
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage) and _USES.isdisjoint(value):
            return "not for clients"
        if isinstance(value, x509.KeyUsage) and not value.digital_signature:
            return "not for signatures"
        if isinstance(value, x509.BasicConstraints) and value.ca:
            return "an authority's own"
    return ""


def _signs_certificates(_policy: Policy, _certificate: x509.Certificate, found: x509.KeyUsage | None) -> None:
    if found is not None and not found.key_cert_sign:
        raise ValueError("the key may not sign certificates")


def _issues_for_clients(
    _policy: Policy, _certificate: x509.Certificate, found: x509.ExtendedKeyUsage | None
) -> None:
    if found is not None and _USES.isdisjoint(found):
        raise ValueError("the authority does not issue for clients")


def _present(_policy: Policy, _certificate: x509.Certificate, _found: x509.BasicConstraints) -> None:
    """Ask nothing more: the verification itself checks that the extension makes it an authority."""


# The rules of the web ask for alternative names and more, which certificates within a company do without.
_OF_AUTHORITIES = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _present)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_certificates)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _issues_for_clients)
)


def _chain(
    certificate: x509.Certificate, authorities: Authorities, now: dt.datetime
) -> list[x509.Certificate]:
    """Return the certificate and those above it up to an anchor, or an empty list."""
    if not authorities.anchors:
        return []
    verifier = (
        PolicyBuilder()
        .store(Store(list(authorities.anchors)))
        .time(now)
        .extension_policies(ca_policy=_OF_AUTHORITIES, ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        return list(verifier.verify(certificate, list(authorities.between)).chain)
    except VerificationError:
        return []


def _revoked(chain: list[x509.Certificate], revocations: Revocations, now: dt.datetime) -> str:
    for link, issuer in pairwise(chain):
        found = revocations.get(key_of(issuer))
        if found is None:
            continue
        if found.next_update_utc is None or not found.last_update_utc <= now <= found.next_update_utc:
            return "revocation list out of date"
        if found.get_revoked_certificate_by_serial_number(link.serial_number) is not None:
            return "revoked"
    return ""


def key_of(certificate: x509.Certificate) -> bytes:
    """Return the key of a certificate, by which lists are found."""
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sorted_lists(
    lists: Iterable[x509.CertificateRevocationList], authorities: Authorities
) -> dict[bytes, x509.CertificateRevocationList]:
    """Return lists by the key of their authority, the newest of each.

    Raises:
        ValueError: if a list is of none of the authorities, says only what changed, or never ends.
    """
    found: dict[bytes, x509.CertificateRevocationList] = {}
    for each in lists:
        if each.next_update_utc is None or any(_narrows(extension) for extension in each.extensions):
            raise ValueError("a revocation list is partial, or does not say when the next one comes")
        key = next((key_of(issuer) for issuer in authorities.every if _signed(issuer, each)), None)
        if key is None:
            raise ValueError("a revocation list is of none of the authorities")
        if key not in found or found[key].last_update_utc < each.last_update_utc:
            found[key] = each
    return found


def _narrows(extension: x509.Extension[x509.ExtensionType]) -> bool:
    """Tell whether a list holds less than an authority revoked of its clients (RFC 5280 §5.2)."""
    value = extension.value
    if isinstance(value, x509.IssuingDistributionPoint):
        return bool(
            value.indirect_crl
            or value.only_some_reasons
            or value.only_contains_attribute_certs
            or value.only_contains_ca_certs
        )
    return extension.critical


def _signed(issuer: x509.Certificate, found: x509.CertificateRevocationList) -> bool:
    key = issuer.public_key()
    return isinstance(key, _KEYS) and issuer.subject == found.issuer and found.is_signature_valid(key)
