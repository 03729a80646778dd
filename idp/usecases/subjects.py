"""The ``sub`` by which a client knows an account: the account's own id, or a pairwise one (OIDC Core §8)."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from idp.domain.client import Client
from idp.usecases.services import IdpServices

_PURPOSE = "pairwise subject"


def subject_of(services: IdpServices, client: Client, account_id: str) -> str:
    """Return the subject; clients of one sector share it, clients of two cannot tell that it is one person.

    A pairwise subject is a keyed digest: the same as long as the installation keeps its first key, and
    nothing that a client holds leads back from it.
    """
    if not client.sector:
        return account_id
    digest = services.store.sealer.mac(_PURPOSE, f"{client.sector}\x00{account_id}".encode())
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
