"""A client looks at its own registration (RFC 7592 §2.1)."""

from __future__ import annotations

from idp.domain.oauth import Fault
from idp.storage.self_registered import live_secrets
from idp.usecases.self_registration import RegistrationShown, end_of, managed
from idp.usecases.services import IdpServices


def read_registration(services: IdpServices, client_id: str, *, token: str) -> RegistrationShown | Fault:
    """Return the registration as it stands; its secret is not among what is returned (CA-09)."""
    found = managed(services, client_id, token)
    if isinstance(found, Fault):
        return found
    with services.store.read() as connection:
        secrets = live_secrets(connection, client_id, now=services.store.clock.now())
    until = end_of(secrets.values())
    return RegistrationShown(client_id, found.created_at, found.metadata, token, secret_until=until)
