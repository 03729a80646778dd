"""Whose own resource an access token opens: the person's that it was issued to."""

from __future__ import annotations

from dataclasses import dataclass

from idp.storage.accounts import find_account
from idp.usecases.authenticate_bearer import bearer
from idp.usecases.services import IdpServices


@dataclass(frozen=True, slots=True)
class Oneself:
    """A person who signed in to the client; ``source`` is who provisions the account."""

    client_id: str
    account_id: str
    source: str
    scope: frozenset[str]


def oneself(services: IdpServices, token: str, *, audience: str) -> Oneself | None:
    """Return the person ``token`` was issued to, for ``audience``, or None; a client's own token is nobody's.

    A token that is bound to a key or a certificate is not one to be borne, and is not taken.
    """
    facts = bearer(services, token)
    if facts is None or not facts.account_id or facts.confirmation is not None:
        return None
    if audience not in facts.audience:
        return None
    with services.store.read() as connection:
        account = find_account(connection, facts.account_id)
    if account is None:
        return None
    return Oneself(facts.client_id, account.id, account.source, facts.scope)
