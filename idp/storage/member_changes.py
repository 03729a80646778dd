"""Accounts that come to a group or go, with the versions that this raises: all of them or none.

The usual change of a group, and the one that many make at once. On PostgreSQL it is one statement, and what
is to be known of its outcome is asked with it, so that the group is held while the server works and not while
it waits for the next question.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, Integer, bindparam, exists, func, select, update
from sqlalchemy.exc import IntegrityError

from idp.domain.group import Group, Member, MemberChange
from idp.storage.access import ask_parting_from_group, parting
from idp.storage.accounts import accounts_held, among, touch_versions
from idp.storage.groups import GROUP_COLUMNS, to_group
from idp.storage.members import (
    add_members,
    as_members,
    ask_first_members,
    joining,
    leaving,
    remove_members,
)
from idp.storage.tables import account, group, membership
from kernel.errors import UndoneError
from kernel.prepared import Bound, Prepared, Row, run_together

_GROUP_ID = bindparam("group_id", type_=group.c.id.type)
_IS_ASKED = (group.c.id == _GROUP_ID, group.c.source == bindparam("source"))
_NOW = bindparam("now", type_=group.c.updated_at.type)
_RAISED = (
    update(group)
    .where(
        *_IS_ASKED,
        group.c.version == func.coalesce(bindparam("expected", type_=Integer), group.c.version),
    )
    .values(version=group.c.version + 1, updated_at=_NOW)
    .returning(*GROUP_COLUMNS)
)
_RAISE = Prepared(_RAISED)


@dataclass(frozen=True, slots=True)
class MembersChanged:
    """``group`` as it is after the change, and its first ``members`` if they were asked for.

    The members have no names. ``parted`` are pairs of an account in use and an application that it may not
    enter any more.
    """

    group: Group
    parted: tuple[tuple[str, str], ...]
    members: tuple[Member, ...]


def change_members(
    connection: Connection,
    group_id: str,
    change: MemberChange,
    *,
    source: str,
    expected_version: int | None,
    now: dt.datetime,
    first: int = 0,
) -> MembersChanged | None:
    """Add, or remove, the accounts that ``change`` names, and return what became of it.

    The outcome tells the ``first`` members that the group has then. None says that this way is not possible:
    the group is not there at that version, or one of the ids names no account of ``source`` that may come or
    go, or one that is in or out already. Something may have been written by then: undo the unit, and find the
    reason the longer way.

    Raises:
        UndoneError: if an account or the group was deleted at this very moment.
    """
    ids = change.added or change.removed
    after = _after(group_id, change, first)
    asked = {"group_id": group_id, "source": source, "expected": expected_version, "now": now}
    if connection.dialect.name == "sqlite":
        rows = _RAISE.within(connection, **asked)
        if not rows or _moved(connection, group_id, change, source=source, now=now) != ids:
            return None
        touch_versions(connection, ids)
        return _changed(rows[0], after, run_together(connection, *after.values()))
    statement = _at_once(coming=bool(change.added), alone=len(ids) == 1)
    values: dict[str, Any] = {**asked, "id": min(ids), "ids": sorted(ids), "added_at": now}
    try:
        rows, *answers = run_together(connection, statement.bound(**values), *after.values())
    except IntegrityError:
        raise UndoneError(retry_after=1) from None
    if not rows or rows[0][-1] != len(ids):
        return None
    return _changed(rows[0][:-1], after, answers)


def _after(group_id: str, change: MemberChange, first: int) -> dict[str, Bound]:
    """Return what is to be asked after the change, by name."""
    asked: dict[str, Bound] = {}
    if change.removed:
        asked["parted"] = ask_parting_from_group(change.removed, group_id)
    if first:
        asked["members"] = ask_first_members(group_id, first)
    return asked


def _changed(row: Row, asked: Collection[str], answers: list[list[Row]]) -> MembersChanged:
    found = dict(zip(asked, answers, strict=True))
    return MembersChanged(
        to_group(row), parting(found.get("parted", ())), as_members(found.get("members", ()))
    )


def _moved(
    connection: Connection, group_id: str, change: MemberChange, *, source: str, now: dt.datetime
) -> frozenset[str]:
    if change.added:
        return add_members(connection, group_id, change.added, source=source, now=now)
    return remove_members(connection, group_id, change.removed)


@cache
def _at_once(*, coming: bool, alone: bool) -> Prepared:
    """Return the one statement of PostgreSQL, for one account or for many.

    It holds the group first, then the accounts in the order every writer takes them in. What its parts see is
    older than what it waited for; whoever came or went, or was protected, meanwhile is missing in the count.
    """
    if coming:
        moved = joining("postgresql", exists().where(*_IS_ASKED), alone=alone, held=True).cte("moved")
    else:
        own = account.c.source == bindparam("source")
        asked = bindparam("id") if alone else among(accounts_held(own))
        moved = leaving(membership.c.account_id == asked).cte("moved")
    touched = _touched(
        account.c.id == (select(moved.c.account_id).scalar_subquery() if alone else among(moved))
    )
    return Prepared(_RAISED.returning(select(func.count()).select_from(touched).scalar_subquery()))


def _touched(which: ColumnElement[bool]) -> CTE:
    return (
        update(account)
        .where(which, account.c.protected_at.is_(None))
        .values(version=account.c.version + 1)
        .returning(account.c.id)
        .cte("touched")
    )
