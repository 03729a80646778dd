"""Where both systems keep what is sealed, so that all of it can be sealed anew under another key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.storage.tables import (
    deferred_request,
    event_stream,
    factor,
    refresh_token,
    scim_token_to_show,
    secret_to_show,
    temporary_password_to_show,
)
from kernel.resealing import SealedPlace
from kernel.tables import courier_message
from keys.storage.tables import signing_key
from registration.storage.tables import draft, sign_in_attempt, signed_in_session

if TYPE_CHECKING:
    from switchyard.revisions import System

_LETTERS = SealedPlace(courier_message.c.payload, courier_message.c.id)

PLACES: dict[System, tuple[SealedPlace, ...]] = {
    "gateway": (
        SealedPlace(signing_key.c.sealed_private, signing_key.c.kid),
        SealedPlace(factor.c.sealed_secret, factor.c.id),
        SealedPlace(event_stream.c.sealed_authorization, event_stream.c.client_id),
        SealedPlace(deferred_request.c.sealed_request, deferred_request.c.id),
        _LETTERS,
    ),
    "registration": (
        SealedPlace(signed_in_session.c.id_token, signed_in_session.c.id),
        SealedPlace(draft.c.body, draft.c.id),
        _LETTERS,
    ),
}
SHORT_LIVED = (
    refresh_token.c.answer,
    secret_to_show.c.sealed,
    scim_token_to_show.c.sealed,
    temporary_password_to_show.c.sealed,
    sign_in_attempt.c.verifier,
)
"""What is of no use an hour after it was sealed; nobody seals it anew."""
