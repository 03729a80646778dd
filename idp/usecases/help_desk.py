"""What the deeds of the help desk have in common: whom it leaves alone, and what was verified. No deed."""

from __future__ import annotations

from sqlalchemy import Connection

from idp.domain.account import Account
from idp.domain.help_desk import Desk, DeskRefusal, at_whose
from idp.domain.provisioning import Missing, Protected
from idp.domain.query import StoredAccount
from idp.storage.account_locks import hold_by_name
from idp.storage.provisioning_subjects import holds_role_within

Refused = DeskRefusal | Protected | Missing


def held_at_desk(
    connection: Connection, user_name: str, desk: Desk | None, *, protects: bool = False
) -> StoredAccount | Refused:
    """Hold the account with this user name until the unit of work ends, or tell why nothing is done to it.

    Nobody else changes, signs in to or deletes it meanwhile. What is asked for at the desk is judged of the
    account as it is held; ``protects`` as for ``refused_at_desk``.
    """
    found = hold_by_name(connection, user_name)
    if found is None:
        return Missing()
    return refused_at_desk(connection, desk, found.account, protects=protects) or found


def refused_at_desk(
    connection: Connection, desk: Desk | None, account: Account, *, protects: bool = False
) -> Refused | None:
    """Tell why the help desk does nothing to an account that is held; the command line asks for nothing.

    ``protects`` is of a deed that only takes from whoever uses the account.
    """
    if desk is None:
        return None
    if account.id != desk.account_id:  # another one has the name since
        return Missing()
    left_alone = left_alone_by(connection, desk.staff_id, account, role=desk.role, source=desk.source)
    return left_alone or next(iter(desk.verification.faults(protects=protects)), None)


def left_alone_by(
    connection: Connection, staff_id: str, account: Account, *, role: str, source: str
) -> DeskRefusal | Protected | None:
    """Tell why staff may do nothing to the account: it is their own, that of other staff, or protected."""
    if account.protected_at is not None:
        return Protected()
    is_staff = holds_role_within(connection, account.id, role=role, source=source)
    return at_whose(account, staff_id=staff_id, is_staff=is_staff)
