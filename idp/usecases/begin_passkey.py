"""Asking a browser for a proof by passkey: alone at the first step, or as the second factor."""

from __future__ import annotations

from idp.domain.login_flow import wants_verified_passkey
from idp.domain.webauthn_policy import CHALLENGE_BYTES, CHALLENGE_LIFE, Ceremony, proof_options
from idp.storage.factors import add_challenge, passkeys
from idp.usecases.dispatcher import Position, locate
from idp.usecases.flow_outcomes import AlreadyDone, FlowLost, PasskeyOptions, SlowDown
from idp.usecases.limits import CHALLENGES, take_from_place
from idp.usecases.passkey_party import may_prove, party
from idp.usecases.services import IdpServices


def begin_passkey(
    services: IdpServices, *, flow: str, browser: str
) -> PasskeyOptions | SlowDown | FlowLost | AlreadyDone:
    """Return the options for ``navigator.credentials.get`` with a challenge of this flow alone (WA-01).

    Before anybody is identified they name no credential: they are the same for everybody (EN-05), and the
    passkey must check its holder, because it is the only proof.
    """
    with services.store.write() as unit:
        position = locate(unit.connection, services, token=flow, browser=browser, now=unit.now)
        if not isinstance(position, Position):
            return position
        if not may_prove(position):
            return FlowLost(position.flow.client_name, position.flow.client_id)
        wait = take_from_place(unit, services, CHALLENGES)
        if wait is not None:
            return SlowDown(wait)
        challenge = unit.randomness.token_bytes(CHALLENGE_BYTES)
        add_challenge(
            unit.connection,
            challenge,
            flow_id=position.flow.id,
            ceremony=Ceremony.PROVE,
            expires_at=unit.now + CHALLENGE_LIFE,
        )
        account = position.account
        options = proof_options(
            party(services),
            challenge=challenge,
            allowed=passkeys(unit.connection, account.id) if account else (),
            must_verify=wants_verified_passkey(position.flow, position.state),
        )
        return PasskeyOptions(options)
