"""The laboratory over TLS that relying parties of others and the foundation's checks share: one in a test process."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.certificates import a_certificate
from tests.support.foundation.clients import clients_of_the_foundation
from tests.support.foundation.fapi_variants import certificates_in
from tests.support.https_server import Documents, serving_documents
from tests.support.lab import Lab, running_lab
from tests.support.person import Person
from tests.support.ports import server_port
from tests.support.tls_world import PASSWORD, Keys, a_world, clients_of_others

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class TlsLab:
    """A running laboratory: its issuer, whom to trust, the keys of its clients, and where they listen.

    ``http`` brings no certificate; what is in ``presenting`` brings the one of its name.
    """

    lab: Lab
    certificate: Path
    trust: ssl.SSLContext
    keys: Keys
    addresses: dict[str, str]
    discovery: dict[str, Any]
    documents: Documents
    http: httpx.Client
    presenting: dict[str, httpx.Client]

    @property
    def issuer(self) -> str:
        """The Gateway's address."""
        return self.lab.issuer

    def person(self, user_name: str = "alice", *, known: tuple[str, ...] = ()) -> Person:
        """Return somebody with a browser of their own, who goes to the servers in ``known`` too."""
        return Person(self.issuer, self.trust, user_name=user_name, password=PASSWORD, known=known)


@pytest.fixture(scope="session")
def tls_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsLab]:
    """Give a laboratory that serves https, and asks whether a client may have what it asks for."""
    folder = tmp_path_factory.mktemp("tls-lab")
    certificate, key, pem = a_certificate(folder)
    trust = ssl.create_default_context(cadata=pem)
    keys = Keys()
    served = ("express", "apache")
    addresses = {name: f"http://127.0.0.1:{server_port(place)}" for place, name in enumerate(served)}
    clients_folder = tmp_path_factory.mktemp("certificates")
    certificates = certificates_in(clients_folder)
    front = {
        "--port": server_port(len(served)),
        "--tls-cert": certificate,
        "--tls-key": key,
        "--tls-client-ca": certificates.trusted,
    }
    options = [str(each) for pair in front.items() for each in pair]
    issuer = f"https://127.0.0.1:{front['--port']}"
    with serving_documents(tmp_path_factory.mktemp("documents")) as documents:
        clients = [
            *clients_of_others(keys, addresses),
            *clients_of_the_foundation(keys, certificates, documents, issuer),
        ]
        world = a_world(clients, fetch_authority=str(documents.authority), fetch_loopback=[documents.host])
        with running_lab(folder, world, *options, verify=trust) as lab, ExitStack() as open_clients:
            http = open_clients.enter_context(httpx.Client(verify=trust, timeout=30))
            presenting = {
                name: open_clients.enter_context(_bringing(clients_folder, name, pem))
                for name in certificates.holders
            }
            discovery = http.get(lab.said["discovery"]).json()
            yield TlsLab(lab, certificate, trust, keys, addresses, discovery, documents, http, presenting)


def _bringing(folder: Path, name: str, authority: str) -> httpx.Client:
    """Return what speaks with the laboratory by the certificate of this name."""
    context = ssl.create_default_context(cadata=authority)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}-key.pem")
    return httpx.Client(verify=context, timeout=30)
