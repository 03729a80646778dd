"""Certificates for servers of tests, made on the spot."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption


def a_certificate(
    folder: Path, *, encryption: KeySerializationEncryption | None = None
) -> tuple[Path, Path, str]:
    """Make a certificate for 127.0.0.1; return its file, its key's file, and its text to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "laboratory")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem", pem.decode()


@dataclass(frozen=True)
class Holder:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @property
    def header(self) -> dict[str, str]:
        """The header that the front of our own sets."""
        der = self.certificate.public_bytes(Encoding.DER)
        return {"x-client-certificate": base64.b64encode(der).decode()}

    @property
    def thumbprint(self) -> str:
        """``x5t#S256``."""
        digest = self.certificate.fingerprint(hashes.SHA256())
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    @property
    def certificate_pem(self) -> str:
        """The certificate as files hold it."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The private key as files hold it."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write certificate and key to files and return them."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
        certificate.write_text(self.certificate_pem)
        key.write_text(self.key_pem)
        return certificate, key


def a_holder(
    subject: str = "CN=client,O=Acme",
    *,
    issuer: Holder | None = None,
    authority: bool = False,
    names: tuple[x509.GeneralName, ...] = (),
    now: dt.datetime | None = None,
    depth: int | None = None,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    of_rsa: bool = False,
    life: dt.timedelta = dt.timedelta(hours=12),
) -> Holder:
    """Make a certificate for a day around ``now`` or for another ``life``, by itself unless an issuer is given.

    ``depth`` is how many authorities may stand below it; ``extensions`` come with whether they are critical.
    """
    key = rsa.generate_private_key(65_537, 2_048) if of_rsa else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string(subject)
    day = now or dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(day - dt.timedelta(hours=12))
        .not_valid_after(day + life)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=depth), critical=True)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Holder(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def a_revocation_list(
    issuer: Holder,
    *revoked: Holder,
    now: dt.datetime,
    life: dt.timedelta = dt.timedelta(hours=1),
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> x509.CertificateRevocationList:
    """Make the list of ``issuer`` as of ``now``."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now)
        .next_update(now + life)
    )
    for each in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(each.certificate.serial_number)
            .revocation_date(now)
            .build()
        )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer.key, hashes.SHA256())
