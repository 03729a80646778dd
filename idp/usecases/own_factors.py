"""What looking after one's second factors has in common: who may, and what may go. No deed."""

from __future__ import annotations

from idp.domain.factors import OwnFactor, has_proved_lately
from idp.domain.session import LiveSession
from idp.storage.own_factors import own_factors
from idp.usecases.dispatcher import rules
from idp.usecases.services import IdpServices


def list_own_factors(services: IdpServices, session: LiveSession) -> tuple[OwnFactor, ...]:
    """Return the second factors of whoever is signed in, oldest first."""
    with services.store.read() as connection:
        return own_factors(connection, session.account.id)


def is_proved(services: IdpServices, session: LiveSession) -> bool:
    """Tell whether a session was proved lately and strongly enough to change second factors by it."""
    return has_proved_lately(session, now=services.store.clock.now())


def needs_one(services: IdpServices, session: LiveSession) -> bool:
    """Tell whether the policy in force demands that the account has a second factor."""
    return rules(services, session.account).factor_required
