"""An operator ends a registration token before its time; the clients it registered stay."""

from __future__ import annotations

from idp.storage import registration_tokens
from idp.usecases.services import IdpServices
from kernel.audit import Actor


def revoke_registration_token(services: IdpServices, token_id: str, *, actor: Actor) -> bool:
    """End the token of this id at once; False if there is none, or it was revoked before."""
    with services.store.write() as unit:
        done = registration_tokens.revoke_registration_token(unit.connection, token_id, now=unit.now)
        if done:
            unit.audit.record("gateway:registration:revoked", actor=actor, target=token_id)
    return done
