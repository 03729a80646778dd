"""Encrypting what is said to a client alone, for a key of the client's own. Part of deeds, never a deed.

The key may stand at an address of the client, and asking there may take its time: nothing of this is done
within a unit of work.
"""

from __future__ import annotations

from idp.domain.client import Client
from idp.domain.oauth import ErrorCode, Fault
from idp.domain.response_encryption import Encryption, Recipient
from idp.usecases.services import IdpServices

NO_KEY = Fault(
    ErrorCode.INVALID_CLIENT_METADATA,
    "No key that the client publishes fits the encryption that it is registered for.",
    reason="no encryption key",
)


def recipient_of(services: IdpServices, client: Client, encryption: Encryption) -> Recipient | Fault:
    """Return the key of the client that fits (OIDC Core §10.2), or the refusal that says there is none.

    Raises:
        BusyError: if another request waits for the client's server, and only its answer could tell.
    """
    return services.remote_keys.recipient(services.fetcher, client, encryption) or NO_KEY
