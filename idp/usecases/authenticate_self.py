"""Whose own resource an access token opens: the person's that it was issued to."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.oauth import Fault
from idp.storage.accounts import find_account
from idp.usecases.authenticate_bearer import bearer
from idp.usecases.prove_possession import NOTHING, Shown, may_use_token
from idp.usecases.services import IdpServices


@dataclass(frozen=True, slots=True)
class Oneself:
    """A person who signed in to the client; ``source`` is who provisions the account."""

    client_id: str
    account_id: str
    source: str
    scope: frozenset[str]


def oneself(
    services: IdpServices, token: str, shown: Shown = NOTHING, *, audience: str
) -> Oneself | Fault | None:
    """Return the person ``token`` was issued to, for ``audience``, or None; a client's own token is nobody's.

    A token that is bound to a key or a certificate needs the proof of it (RFC 9449 §7, RFC 8705 §3).
    """
    facts = bearer(services, token)
    if facts is None or not facts.account_id or audience not in facts.audience:
        return None
    misused = may_use_token(services, token, facts.confirmation, shown)
    if misused is not None:
        return misused
    with services.store.read() as connection:
        account = find_account(connection, facts.account_id)
    if account is None:
        return None
    return Oneself(facts.client_id, account.id, account.source, facts.scope)
