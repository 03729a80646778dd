"""What a person agreed to: shown, and taken back."""

from __future__ import annotations

from idp.domain.session import LiveSession
from idp.storage.consents import GivenConsent, consents_of, take_consent_back
from idp.usecases.endings import end_clients
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def list_consents(services: IdpServices, session: LiveSession) -> list[GivenConsent]:
    """Return the applications that the person let have something, and what."""
    with services.store.read() as connection:
        return consents_of(connection, session.account.id)


def revoke_consent(services: IdpServices, session: LiveSession, *, client_id: str) -> bool:
    """Take a consent back, and with it everything the application was given; False if there was none.

    The application hears by a logout notice and a signal that its own session is over, as it does when a
    person signs out.
    """
    with services.store.write() as unit:
        if not take_consent_back(unit.connection, session.account.id, client_id):
            return False
        actor = Actor("account", session.account.id, session.id)
        end_clients(
            unit,
            services,
            account_id=session.account.id,
            clients=[client_id],
            reason="consent-revoked",
            actor=actor,
        )
        unit.audit.record("gateway:consent:revoked", actor=actor, target=client_id)
    return True
