"""Looking at the tokens that let clients register themselves."""

from __future__ import annotations

from idp.storage.registration_tokens import RegistrationToken, registration_tokens
from idp.usecases.services import IdpServices


def list_registration_tokens(services: IdpServices) -> list[RegistrationToken]:
    """Return every token, newest first; what is secret of it is not among what is returned."""
    with services.store.read() as connection:
        return registration_tokens(connection)
