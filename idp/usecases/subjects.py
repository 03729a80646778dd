"""How a client knows an account and its sessions: by their own ids, or by pairwise ones (OIDC Core §8)."""

from __future__ import annotations

from idp.domain.client import Client
from idp.usecases.services import IdpServices
from kernel.base64url import base64url

_SUBJECT, _SESSION = "pairwise subject", "pairwise session"


def subject_of(services: IdpServices, client: Client, account_id: str) -> str:
    """Return the subject; clients of one sector share it, clients of two cannot tell that it is one person.

    A pairwise subject is a keyed digest: the same as long as the installation keeps its first key, and
    nothing that a client holds leads back from it.
    """
    return _of_sector(services, _SUBJECT, client, account_id)


def session_of(services: IdpServices, client: Client, session_id: str) -> str:
    """Return the ``sid`` of a session; pairwise like the subject, as a common one would link the subjects."""
    return _of_sector(services, _SESSION, client, session_id)


def _of_sector(services: IdpServices, purpose: str, client: Client, name: str) -> str:
    if not client.sector:
        return name
    digest = services.store.sealer.mac(purpose, f"{client.sector}\x00{name}".encode())
    return base64url(digest)
