"""The public keys of a client: by value, or from the address it registered. Part of deeds, never a deed."""

from __future__ import annotations

from joserfc.jwk import KeySet

from idp.domain.client import KnownClient
from idp.domain.client_signature import named_key
from idp.usecases.services import IdpServices


def keys_of(services: IdpServices, known: KnownClient, token: str) -> KeySet | None:
    """Return the keys that may have signed ``token`` for the client (RFC 7591 §2, OIDC Core §10.1.1).

    Keys at the client's ``jwks_uri`` are remembered, and fetched again when the token names one that is not
    among them. Nothing in a token can choose an address (CA-08). It may wait for the client's server: never
    call it within a unit of work.

    Raises:
        BusyError: if another request waits for the client's server, and only its answer could tell.
    """
    if not known.client.jwks_uri:
        return known.keys
    return services.remote_keys.find(services.fetcher, known.client, named_key(token))
