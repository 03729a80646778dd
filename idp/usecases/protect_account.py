"""An operator puts an account out of every SCIM client's reach: staff, and those for emergencies (O8)."""

from __future__ import annotations

from dataclasses import dataclass

from idp.domain.account import Account
from idp.domain.provisioning import Missing
from idp.storage.accounts import list_protected, protect
from idp.usecases.services import IdpServices
from kernel.audit import Actor


@dataclass(frozen=True, slots=True)
class AccountProtected:
    """The account is protected, or no longer."""


def protect_account(
    services: IdpServices, user_name: str, *, actor: Actor, protected: bool = True
) -> AccountProtected | Missing:
    """Protect the account with this user name, or end that; it counts for the next request.

    A protected account is shown to the client that made it, which can neither change nor delete it, nor give
    it a membership or take one away, nor delete who leads it.
    """
    with services.store.write() as unit:
        account_id = protect(unit.connection, user_name, since=unit.now if protected else None)
        if account_id is None:
            return Missing()
        tag = "gateway:account:protected" if protected else "gateway:account:unprotected"
        unit.audit.record(tag, actor=actor, target=account_id)
    return AccountProtected()


def protected_accounts(services: IdpServices) -> tuple[Account, ...]:
    """Return every protected account, by user name."""
    with services.store.read() as connection:
        return list_protected(connection)
