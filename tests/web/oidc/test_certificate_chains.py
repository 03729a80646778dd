"""What makes a certificate good for a client: chain, use, names, and lists of what was revoked (RFC 5280)."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from idp.domain.certificate_chain import Authorities
from idp.outbound.revocation_lists import RevocationLists
from idp.settings import IdpSettings
from kernel.errors import SettingsError
from switchyard.settings import GatewayKernelSettings, GatewaySettings
from switchyard.wiring import gateway_services
from tests.support.certificates import Holder, a_holder, a_revocation_list
from tests.support.clock import NOON
from tests.support.oidc import Op, an_op

if TYPE_CHECKING:
    from kernel.database import Database

USES = ExtendedKeyUsageOID
ROOT = a_holder("CN=Root", authority=True, now=NOON)
HOUR = dt.timedelta(hours=1)


def below(issuer: Holder = ROOT, subject: str = "CN=client", **more: object) -> Holder:
    return a_holder(subject, issuer=issuer, now=NOON, **more)  # type: ignore[arg-type]


def between(*extensions: tuple[x509.ExtensionType, bool], depth: int | None = None) -> Holder:
    return below(subject="CN=Between", authority=True, extensions=extensions, depth=depth)


def for_use(*uses: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage(uses), False


def key_usage(*, digital_signature: bool, key_cert_sign: bool) -> tuple[x509.ExtensionType, bool]:
    usage = x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return usage, True


def only_names_of(host: str) -> tuple[x509.ExtensionType, bool]:
    return x509.NameConstraints([x509.DNSName(host)], None), True


def named(issuer: Holder, host: str) -> Holder:
    return below(issuer, names=(x509.DNSName(host),))


@pytest.fixture
def op(sqlite_gateway_database: Database) -> Op:
    found = an_op(
        sqlite_gateway_database, limits=False, certificate_header="c", certificate_proxies=("127.0.0.1",)
    )
    found.machine(token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn="CN=client")
    return found


def trusting(op: Op, *authorities: Holder, lists: RevocationLists | None = None) -> Op:
    trusted = Authorities.of(each.certificate for each in authorities)
    op.services = dataclasses.replace(op.services, certificate_authorities=trusted, revocations=lists)
    op.__post_init__()
    return op


def why_not(op: Op, client: Holder) -> str:
    """Return what the audit says of the refusal; an empty text if there was none."""
    fields = {"grant_type": "client_credentials", "client_id": "m2m"}
    answer = op.post("/oauth2/token", fields, headers=client.header)
    assert answer.status in {200, 401}, answer.body
    return "" if answer.status == 200 else str(op.audit("gateway:client:refused")[-1].reason)


def test_a_certificate_is_taken_for_what_it_says_it_is_for(op: Op) -> None:
    """RFC 8705 §2.1, RFC 5280 §4.2.1.12: one for servers, for encryption, or of an authority is no client's."""
    trusting(op, ROOT)
    assert why_not(op, below()) == ""
    assert why_not(op, below(extensions=(for_use(USES.SERVER_AUTH, USES.CLIENT_AUTH),))) == ""
    assert why_not(op, below(extensions=(for_use(USES.ANY_EXTENDED_KEY_USAGE),))) == ""
    signs = key_usage(digital_signature=True, key_cert_sign=False)
    assert why_not(op, below(extensions=(signs,))) == ""
    sealing = key_usage(digital_signature=False, key_cert_sign=False)
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    wrong = {
        "not for clients": below(extensions=(for_use(USES.SERVER_AUTH),)),
        "not for signatures": below(extensions=(sealing,)),
        "an authority's own": below(authority=True),
        "out of its time": a_holder("CN=client", issuer=ROOT, now=NOON - dt.timedelta(days=2)),
        "authority": below(extensions=((unknown, True),)),
    }
    assert {reason: why_not(op, client) for reason, client in wrong.items()} == {
        reason: f"certificate: {reason}" for reason in wrong
    }


def test_every_link_of_the_chain_counts(op: Op) -> None:
    """RFC 5280 §6.1: an authority below another is trusted through that one and within its bounds alone."""
    fine = between(for_use(USES.CLIENT_AUTH), depth=0)
    assert why_not(trusting(op, ROOT, fine), below(fine)) == ""
    shallow = a_holder("CN=Shallow", authority=True, depth=0, now=NOON)
    too_deep = a_holder("CN=Between", issuer=shallow, authority=True, now=NOON)
    old = a_holder("CN=Old", authority=True, now=NOON - dt.timedelta(days=2))
    of_old = a_holder("CN=Between", issuer=old, authority=True, now=NOON)
    none = below(subject="CN=Between")
    idle = between(key_usage(digital_signature=True, key_cert_sign=False))
    for_servers = between(for_use(USES.SERVER_AUTH))
    for root, middle in (
        (shallow, too_deep),
        (old, of_old),
        (ROOT, none),
        (ROOT, idle),
        (ROOT, for_servers),
    ):
        assert why_not(trusting(op, root, middle), below(middle)) == "certificate: authority"
    stranger = a_holder("CN=Root", authority=True, now=NOON)
    assert why_not(trusting(op, ROOT), below(stranger)) == "certificate: authority"
    assert why_not(trusting(op), below()) == "certificate: authority"


def test_an_authority_speaks_for_the_names_it_was_given(op: Op) -> None:
    """RFC 5280 §4.2.1.10: name constraints bind whoever stands below, at whatever depth."""
    bound = between(only_names_of("acme.example"))
    trusting(op, ROOT, bound)
    assert why_not(op, named(bound, "m2m.acme.example")) == ""
    assert why_not(op, named(bound, "m2m.evil.example")) == "certificate: authority"
    root = a_holder("CN=Bound", authority=True, now=NOON, extensions=(only_names_of("acme.example"),))
    assert why_not(trusting(op, root), named(root, "m2m.evil.example")) == "certificate: authority"


def write(file: Path, *lists: x509.CertificateRevocationList, der: bool = False) -> Path:
    """Write lists to a file as others do: beside it first, so that nobody reads half of one."""
    encoding = Encoding.DER if der else Encoding.PEM
    beside = file.with_suffix(".new")
    beside.write_bytes(b"".join(each.public_bytes(encoding) for each in lists))
    return beside.replace(file)


class Watch:
    """A clock that is turned by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_what_an_authority_revoked_proves_nothing_any_more(op: Op, tmp_path: Path) -> None:
    """RFC 5280 §6.3: the leaf and every authority between; a new file counts, and an old list is no answer."""
    middle = between()
    leaf, other = below(middle), below(middle)
    trusted = Authorities.of([ROOT.certificate, middle.certificate])
    watch = Watch()
    file = write(tmp_path / "lists.pem", a_revocation_list(middle, leaf, now=NOON))
    lists = RevocationLists(file, trusted, now=watch)
    trusting(op, ROOT, middle, lists=lists)
    assert why_not(op, leaf) == "certificate: revoked"
    assert why_not(op, other) == ""
    assert why_not(op, below()) == "", "an authority without a list is not asked"

    both = (a_revocation_list(middle, now=NOON), a_revocation_list(ROOT, middle, now=NOON, life=2 * HOUR))
    write(file, *both)
    assert why_not(op, other) == "", "the file is not read for each request"
    watch.seconds += 11
    assert why_not(op, other) == "certificate: revoked"
    watch.seconds += 11
    file.write_bytes(b"half a fi")
    assert why_not(op, other) == "certificate: revoked", "what was known stands"
    op.clock.advance(HOUR + dt.timedelta(seconds=1))
    assert why_not(op, leaf) == "certificate: revocation list out of date"
    write(file, a_revocation_list(middle, now=op.clock.now()))
    watch.seconds += 11
    assert why_not(op, leaf) == ""


def gateway_with(tmp_path: Path, authorities: Path, revocations: Path | str = "") -> None:
    kernel = GatewayKernelSettings(
        database_url=f"sqlite:///{tmp_path / 'g.db'}", key_file=str(tmp_path / "kek.txt")
    )
    idp = IdpSettings(certificate_authorities=str(authorities), certificate_revocations=str(revocations))
    settings = GatewaySettings(kernel=kernel, idp=idp)
    gateway_services(settings).store.database.dispose()


def test_files_that_cannot_be_judged_by_are_refused_at_the_start(tmp_path: Path) -> None:
    """A list that says less than it seems to is worse than none."""
    authority, _key = ROOT.write(tmp_path, "root")
    good = write(tmp_path / "good.der", a_revocation_list(ROOT, now=NOON), der=True)
    gateway_with(tmp_path, authority, good)
    point = x509.IssuingDistributionPoint(
        None,
        None,
        False,
        True,
        frozenset(),
        False,
        False,
    )
    partial = a_revocation_list(ROOT, now=NOON, extensions=((point, True),))
    delta = a_revocation_list(ROOT, now=NOON, extensions=((x509.DeltaCRLIndicator(1), True),))
    strange = a_revocation_list(a_holder("CN=Root", authority=True, now=NOON), now=NOON)
    files = [write(tmp_path / f"{n}.pem", each) for n, each in enumerate((partial, delta, strange))]
    (tmp_path / "empty.pem").write_bytes(b"")
    for file in (*files, tmp_path / "empty.pem", tmp_path / "missing.pem"):
        with pytest.raises(SettingsError, match="certificate_revocations"):
            gateway_with(tmp_path, authority, file)
    (tmp_path / "ed.pem").write_bytes(_of_another_kind())
    for file in (tmp_path / "ed.pem", tmp_path / "missing.pem", _in_a_circle(tmp_path / "circle.pem")):
        with pytest.raises(SettingsError, match="certificate_authorities"):
            gateway_with(tmp_path, file)


def _of_another_kind() -> bytes:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name.from_rfc4514_string("CN=Edwards")
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOON, NOON + HOUR)
    return builder.sign(key, None).public_bytes(Encoding.PEM)


def _in_a_circle(file: Path) -> Path:
    first, second = (a_holder(name, authority=True, now=NOON) for name in ("CN=First", "CN=Second"))
    made = [
        x509.CertificateBuilder(
            above.certificate.subject,
            holder.certificate.subject,
            holder.key.public_key(),
            1,
            NOON,
            NOON + HOUR,
        ).sign(above.key, hashes.SHA256())
        for holder, above in ((first, second), (second, first))
    ]
    file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in made))
    return file
