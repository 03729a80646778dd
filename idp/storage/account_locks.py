"""Accounts as the operator's staff lock and unlock them: held first, then written, in one unit of work."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from idp.domain.account import Account
from idp.domain.account_lock import shown
from idp.domain.query import StoredAccount
from idp.domain.user_name import user_name_key
from idp.storage.accounts import ACCOUNT_COLUMNS, to_stored
from idp.storage.tables import account
from kernel.prepared import Prepared

_NAMED = select(*ACCOUNT_COLUMNS, account.c.document).where(account.c.user_name_key == bindparam("key"))
_LOOK = Prepared(_NAMED)
# As a change of the account holds it: against whoever opens a session or gives a grant, too.
_HOLD = Prepared(_NAMED.with_for_update())


def look_by_name(connection: Connection, user_name: str) -> StoredAccount | None:
    """Return the account with this user name, in any case and Unicode form, or None."""
    rows = _LOOK.within(connection, key=user_name_key(user_name))
    return to_stored(rows[0]) if rows else None


def hold_by_name(connection: Connection, user_name: str) -> StoredAccount | None:
    """Return the same, which nobody else changes, signs in to or deletes until the unit of work ends."""
    rows = _HOLD.within(connection, key=user_name_key(user_name))
    return to_stored(rows[0]) if rows else None


def store_lock(connection: Connection, changed: Account, document: str) -> None:
    """Store that an account which is held was locked or unlocked.

    ``document`` is what its source states. Whoever computed a change from it as it was computes that again.
    An account that is locked ends its sign-ins under way, as ``end_sign_ins_of`` would.
    """
    values = {
        "active": changed.active,
        "active_after_lock": changed.active_after_lock,
        "locked_at": changed.locked_at,
        "version": changed.version,
        "updated_at": changed.updated_at,
        "document": shown(changed, document),
    }
    if changed.locked_at is not None:
        values["sign_ins_ended_at"] = changed.locked_at
    connection.execute(update(account).where(account.c.id == changed.id).values(values))
