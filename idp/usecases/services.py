"""What every deed of the identity provider stands on, built once by the wiring."""

from __future__ import annotations

from dataclasses import dataclass, field

from idp.domain.certificate_chain import Authorities
from idp.outbound.client_keys import RemoteKeys
from idp.outbound.revocation_lists import RevocationLists
from idp.settings import IdpSettings
from idp.storage.clients import ClientDirectory
from idp.storage.failures import FailureGate
from idp.storage.request_buffer import RequestBuffer
from kernel.crypto import PasswordHasher
from kernel.fetch import Fetcher
from kernel.store import Store
from keys.usecases.signing import SigningKeys


@dataclass(frozen=True, slots=True)
class IdpServices:
    """``issuer`` and ``public_url`` carry no trailing slash; links are built from ``public_url`` (OR-03).

    ``clients``, ``failures``, ``requests`` and ``remote_keys`` are this process's own memory; each process
    makes its own. ``fetcher`` reads what clients publish at addresses of theirs. ``held_requests`` is how
    many requests may wait for something to happen, each on a thread of its own.
    """

    store: Store
    settings: IdpSettings
    passwords: PasswordHasher
    signing: SigningKeys
    issuer: str
    public_url: str
    product: str = "Gateway"
    environment: str = ""
    support_email: str = ""
    support_phone: str = ""
    zone: str = "America/Toronto"
    clients: ClientDirectory = field(default_factory=ClientDirectory)
    failures: FailureGate = field(default_factory=FailureGate)
    requests: RequestBuffer = field(default_factory=RequestBuffer)
    remote_keys: RemoteKeys = field(default_factory=RemoteKeys)
    fetcher: Fetcher = field(default_factory=Fetcher)
    certificate_authorities: Authorities = field(default_factory=Authorities)
    revocations: RevocationLists | None = None
    held_requests: int = 2
