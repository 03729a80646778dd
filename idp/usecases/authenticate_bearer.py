"""Who presents a bearer token: the one question of every protected endpoint of the Gateway."""

from __future__ import annotations

from idp.domain.tokens import ACCESS_TOKEN_TYPE, TokenFacts
from idp.storage.access_tokens import find_bearer
from idp.usecases.services import IdpServices
from kernel.crypto import digest

_LONGEST_TOKEN = 8_192


def can_be_token(token: str) -> bool:
    """Tell whether a text that somebody sent is worth a look in the database: its form is a token's."""
    return token.isascii() and len(token) <= _LONGEST_TOKEN


def bearer(services: IdpServices, token: str) -> TokenFacts | None:
    """Return what ``token`` stands for, or None if it is not a live access token of ours.

    One statement finds it by its digest and asks in the same breath whether it is revoked or expired, and
    whether its grant, its account and its client still stand; so a revocation counts at once, on every node
    (IR-04, UI-05). A key that was revoked takes what it signed with it (DJ-05). Scope, audience (TK-18) and
    what the token is bound to are the caller's to judge.
    """
    if not can_be_token(token):
        return None
    if not services.signing.is_ours(token, typ=ACCESS_TOKEN_TYPE):
        return None
    return find_bearer(services.store.database, digest(token), now=services.store.clock.now())
