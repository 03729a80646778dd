"""What memberships open, whether an account is in a group directly or through another group."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, or_, select

from idp.domain.group import AccessRow
from idp.storage.nesting import accounts_within, groups_around
from idp.storage.tables import account, grant, group, membership, nested_group, session
from kernel.listed import listed
from kernel.prepared import Bound, Prepared, Row, run_together

_COLUMNS = (
    group.c.organization_id,
    group.c.organization_short_name,
    group.c.access_role_key,
    group.c.access_role_name,
    group.c.application_key,
)
ACCESS_OF_ACCOUNT = (
    select(*_COLUMNS)
    .where(group.c.id.in_(groups_around(bindparam("account_id", type_=account.c.id.type))))
    .order_by(group.c.organization_id, group.c.access_role_key)
)
"""What the memberships of ``account_id`` open, of every application."""
_ACCESS = Prepared(ACCESS_OF_ACCOUNT)


def access_rows(connection: Connection, account_id: str) -> tuple[AccessRow, ...]:
    """Return what the account's memberships open, of all applications, in a stable order."""
    return tuple(AccessRow(*row) for row in _ACCESS.within(connection, account_id=account_id))


# --- when a way goes ----------------------------------------------------------------------------

_IS_IN_USE = or_(
    exists().where(session.c.account_id == account.c.id, session.c.ended_at.is_(None)),
    exists().where(grant.c.account_id == account.c.id, grant.c.revoked_at.is_(None)),
)
_LEFT = group.alias("left_group")
_LOST = (
    select(_LEFT.c.application_key.label("key"))
    .where(
        or_(
            _LEFT.c.id == bindparam("group_id"),
            _LEFT.c.id.in_(
                select(nested_group.c.outer_id).where(nested_group.c.inner_id == bindparam("group_id"))
            ),
        ),
        _LEFT.c.application_key != "",
    )
    .distinct()
)


def _parting(lost: Select[Any]) -> Prepared:
    key = lost.subquery("lost").c[0]
    directly = exists().where(
        membership.c.account_id == account.c.id,
        group.c.id == membership.c.group_id,
        group.c.application_key == key,
    )
    around = exists().where(
        membership.c.account_id == account.c.id,
        nested_group.c.inner_id == membership.c.group_id,
        group.c.id == nested_group.c.outer_id,
        group.c.application_key == key,
    )
    return Prepared(
        select(account.c.id, key)
        .join(key.table, key != "")
        .where(account.c.id.in_(listed()), ~directly, ~around, _IS_IN_USE)
        .order_by(account.c.id, key)
    )


_PARTING_FROM_GROUP = _parting(_LOST)
_PARTING_FROM = _parting(listed("keys"))
_OPENED_THROUGH = Prepared(_LOST)
_IN_USE_WITHIN = Prepared(
    select(account.c.id).where(account.c.id.in_(accounts_within(listed())), _IS_IN_USE).order_by(account.c.id)
)


def opened_through(connection: Connection, group_id: str) -> tuple[str, ...]:
    """Return the keys of the applications that the group and the groups around it open."""
    return tuple(row[0] for row in _OPENED_THROUGH.within(connection, group_id=group_id))


def in_use_within(connection: Connection, group_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the accounts in these groups, directly or around, that have a live session or grant."""
    return tuple(row[0] for row in _IN_USE_WITHIN.within(connection, ids=sorted(group_ids)))


def parting_from_group(
    connection: Connection, account_ids: Collection[str], group_id: str
) -> tuple[tuple[str, str], ...]:
    """Return who may not enter which application any more, after these accounts went out of the group.

    Pairs of account and application. Only accounts with a live session or grant are named: of the others
    there is nothing to end.
    """
    if not account_ids:
        return ()
    return parting(run_together(connection, ask_parting_from_group(account_ids, group_id))[0])


def ask_parting_from_group(account_ids: Collection[str], group_id: str) -> Bound:
    """Return the question of :func:`parting_from_group`, to be asked together with others."""
    return _PARTING_FROM_GROUP.bound(ids=sorted(account_ids), group_id=group_id)


def parting(rows: Iterable[Row]) -> tuple[tuple[str, str], ...]:
    """Read the answer: pairs of account and application."""
    return tuple((row[0], row[1]) for row in rows)


def parting_from(
    connection: Connection, account_ids: Collection[str], keys: Collection[str]
) -> tuple[tuple[str, str], ...]:
    """Return the same of the applications with these keys, whatever way to them went."""
    if not account_ids or not keys:
        return ()
    return parting(_PARTING_FROM.within(connection, ids=sorted(account_ids), keys=sorted(keys)))
