"""Who may sign in to a client: what every deed that lets somebody in asks. No deed."""

from __future__ import annotations

from idp.domain.account import Account
from idp.domain.client import Client
from idp.storage.application_access import access_within
from kernel.store import Unit


def may_enter(unit: Unit, client: Client, account: Account) -> bool:
    """Tell whether the account's memberships open the client's application, as they stand in this unit.

    What is open to every person is not to a machine: it has what its groups give it, and no more (MA-03).
    """
    if not client.application_key:
        return not account.is_machine
    return bool(access_within(unit.connection, account.id, client.application_key))
