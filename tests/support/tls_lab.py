"""The laboratory over TLS that relying parties of others and the foundation's checks share: one in a test process."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.certificates import a_certificate
from tests.support.foundation.clients import clients_of_the_foundation
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
    """A running laboratory: its issuer, whom to trust, the keys of its clients, and where they listen."""

    lab: Lab
    certificate: Path
    trust: ssl.SSLContext
    keys: Keys
    addresses: dict[str, str]
    discovery: dict[str, Any]
    documents: Documents
    http: httpx.Client

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
    options = ("--tls-cert", str(certificate), "--tls-key", str(key))
    with serving_documents(tmp_path_factory.mktemp("documents")) as documents:
        clients = clients_of_others(keys, addresses) + clients_of_the_foundation(keys, documents)
        world = a_world(clients, fetch_authority=str(documents.authority), fetch_loopback=[documents.host])
        with (
            running_lab(folder, world, *options, verify=trust) as lab,
            httpx.Client(verify=trust, timeout=30) as http,
        ):
            discovery = http.get(lab.said["discovery"]).json()
            yield TlsLab(lab, certificate, trust, keys, addresses, discovery, documents, http)
