"""The operator's staff look at how an account stands: why its holder cannot sign in, and what it has."""

from __future__ import annotations

from idp.storage.account_locks import look_by_name
from idp.usecases.account_standing import AccountDetail, account_detail
from idp.usecases.services import IdpServices


def show_account(services: IdpServices, user_name: str) -> AccountDetail | None:
    """Return how the account with this user name stands; None if there is none."""
    now = services.store.clock.now()
    with services.store.snapshot() as connection:
        found = look_by_name(connection, user_name)
        return None if found is None else account_detail(connection, found.account.id, now=now)
