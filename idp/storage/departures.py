"""Accounts that go for good, with all that hangs on them.

Who is in groups, is signed in or leads somebody does not go at once: others hear of it, or change with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Integer, bindparam, delete, exists, func, select

from idp.domain.account import Account
from idp.domain.reporting_line import VALUE_PATH
from idp.storage.accounts import ACCOUNT_COLUMNS, to_account
from idp.storage.members import as_groups, ask_groups_stating
from idp.storage.tables import account, account_value, grant, membership, refresh_token, session
from kernel.errors import UndoneError
from kernel.prepared import Prepared, run_together

_ID = bindparam("id", type_=account.c.id.type)
_OF_SOURCE = (account.c.id == _ID, account.c.source == bindparam("source"))
_IN_NO_GROUP = ~exists().where(membership.c.account_id == _ID)
_NOT_SIGNED_IN = ~exists().where(session.c.account_id == _ID, session.c.ended_at.is_(None))
_LEADS_NOBODY = ~exists().where(account_value.c.path == VALUE_PATH, account_value.c.value == _ID)
_HELD = select(*ACCOUNT_COLUMNS).where(*_OF_SOURCE).with_for_update()
_HOLD = Prepared(_HELD)
_HOLD_OF_NO_GROUP = Prepared(_HELD.where(_IN_NO_GROUP))
_GO_ALONE = Prepared(
    delete(account)
    .where(
        *_OF_SOURCE,
        account.c.protected_at.is_(None),
        account.c.version == func.coalesce(bindparam("expected", type_=Integer), account.c.version),
        _IN_NO_GROUP,
        _NOT_SIGNED_IN,
        _LEADS_NOBODY,
    )
    .returning(account.c.id)
)


# A token before its grant, which its heir takes, as whoever refreshes it does: where the account takes them
# along, the grants go first.
_UNSPENT = (
    select(refresh_token.c.digest)
    .join(grant, grant.c.id == refresh_token.c.grant_id)
    .where(grant.c.account_id == _ID, refresh_token.c.used_at.is_(None))
    .order_by(refresh_token.c.digest)
    .with_for_update(of=refresh_token)
)
_HOLD_UNSPENT = Prepared(_UNSPENT)
# Only of an account that was held before: what is in groups is held after them, what is another's not at all.
_HOLD_UNSPENT_OF_NO_GROUP = Prepared(_UNSPENT.where(exists().where(*_OF_SOURCE), _IN_NO_GROUP))
_GO = Prepared(delete(account).where(account.c.id == _ID))


@dataclass(frozen=True, slots=True)
class Departure:
    """An account that is held until the unit ends; ``is_over`` tells that it is gone."""

    account: Account
    is_over: bool


def leave_alone(
    connection: Connection, account_id: str, *, source: str, expected_version: int | None
) -> Departure | None:
    """Remove an account of ``source`` that nobody else is concerned by, at that version if one is given.

    None where ``source`` has no such account, or where it is in groups, which are to be held before it.

    Raises:
        UndoneError: if it left its last group at this very moment.
    """
    asked = {"id": account_id, "source": source}
    # The last sees what the first waited for: nobody joins, signs in or states the manager once it is held.
    held, _, gone = run_together(
        connection,
        _HOLD_OF_NO_GROUP.bound(**asked),
        _HOLD_UNSPENT_OF_NO_GROUP.bound(**asked),
        _GO_ALONE.bound(**asked, expected=expected_version),
    )
    if gone and not held:  # whoever added it to a group meanwhile was not seen
        raise UndoneError(retry_after=1)
    return Departure(to_account(held[0]), bool(gone)) if held else None


def hold_member(
    connection: Connection, account_id: str, *, source: str
) -> tuple[Account | None, tuple[str, ...]]:
    """Hold the account, if ``source`` owns it, until the unit ends; return it and the groups it is in."""
    held, groups = run_together(
        connection, _HOLD.bound(id=account_id, source=source), ask_groups_stating(account_id)
    )
    return to_account(held[0]) if held else None, as_groups(groups)


def remove_account(connection: Connection, account_id: str) -> None:
    """Remove an account that is held, and all that hangs on it."""
    run_together(connection, _HOLD_UNSPENT.bound(id=account_id), _GO.bound(id=account_id))
