"""Who we are to a passkey, by what handle it knows an account, what it answers, and when that is a proof."""

from __future__ import annotations

from idp.domain.login_flow import ProofKind, Step, second_factors
from idp.domain.webauthn_policy import (
    Answer,
    Ceremony,
    PasskeyFault,
    RelyingParty,
    read_answer,
    relying_party,
)
from idp.storage.factors import spend_challenge
from idp.usecases.dispatcher import Position
from idp.usecases.services import IdpServices
from kernel.store import Unit


def party(services: IdpServices) -> RelyingParty:
    """Return who we are to a browser: from the configured address, never from a request."""
    name = f"{services.product} ({services.environment})" if services.environment else services.product
    return relying_party(services.public_url, name)


def user_handle(services: IdpServices, account_id: str) -> bytes:
    """Return the handle of an account for all its passkeys: no personal data (WebAuthn §14.6.1)."""
    return services.store.sealer.mac("passkey user handle", account_id.encode())


def answer_of(
    unit: Unit, services: IdpServices, position: Position, credential: str, ceremony: Ceremony
) -> Answer | PasskeyFault:
    """Return what a browser answers to a challenge of this flow, which works this once (WA-01)."""
    answer = read_answer(credential, ceremony=ceremony, party=party(services))
    if isinstance(answer, PasskeyFault):
        return answer
    ours = spend_challenge(
        unit.connection, answer.challenge, flow_id=position.flow.id, ceremony=ceremony, now=unit.now
    )
    return answer if ours else PasskeyFault.CHALLENGE


def may_prove(position: Position) -> bool:
    """Tell whether a passkey is a proof that the flow waits for."""
    if position.step is Step.IDENTIFY:
        return True
    asked = second_factors(position.flow, position.state)
    return position.step is Step.SECOND_FACTOR and ProofKind.PASSKEY in asked
