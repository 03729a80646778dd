"""Who we are to a passkey, by what handle an account is known to it, and when it is a proof."""

from __future__ import annotations

from idp.domain.login_flow import ProofKind, Step, second_factors
from idp.domain.webauthn_policy import RelyingParty, relying_party
from idp.usecases.dispatcher import Position
from idp.usecases.services import IdpServices


def party(services: IdpServices) -> RelyingParty:
    """Return who we are to a browser: from the configured address, never from a request."""
    name = f"{services.product} ({services.environment})" if services.environment else services.product
    return relying_party(services.public_url, name)


def user_handle(services: IdpServices, account_id: str) -> bytes:
    """Return the handle of an account for all its passkeys: no personal data (WebAuthn §14.6.1)."""
    return services.store.sealer.mac("passkey user handle", account_id.encode())


def may_prove(position: Position) -> bool:
    """Tell whether a passkey is a proof that the flow waits for."""
    if position.step is Step.IDENTIFY:
        return True
    asked = second_factors(position.flow, position.state)
    return position.step is Step.SECOND_FACTOR and ProofKind.PASSKEY in asked
