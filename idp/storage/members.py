"""Members of groups. A membership is one row, so a change costs the same in a group of any size (J4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Integer,
    Select,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert

from idp.domain.group import Member, Membership
from idp.storage.accounts import accounts_found, accounts_held
from idp.storage.nesting import memberships
from idp.storage.tables import account, group, membership, nested_group
from kernel.database import Database, insert
from kernel.errors import UndoneError
from kernel.listed import listed
from kernel.prepared import Bound, Prepared, Row, run_together

_IN_GROUP = membership.c.group_id == bindparam("group_id")
_IS_PROTECTED = exists().where(account.c.id == membership.c.account_id, account.c.protected_at.is_not(None))


def leaving(*which: ColumnElement[bool]) -> ReturningDelete[Any]:
    """Return what removes accounts from ``group_id``; one that is protected stays."""
    statement = delete(membership).where(_IN_GROUP, *which, ~_IS_PROTECTED)
    return statement.returning(membership.c.account_id)


_REMOVE = Prepared(leaving(membership.c.account_id.in_(listed())))
_KEEP = Prepared(leaving(membership.c.account_id.not_in(listed())))
_AMONG = Prepared(select(membership.c.account_id).where(_IN_GROUP, membership.c.account_id.in_(listed())))
_PROTECTED = Prepared(
    select(account.c.id)
    .join(membership, membership.c.account_id == account.c.id)
    .where(account.c.protected_at.is_not(None), _IN_GROUP)
)
_COUNT = Prepared(select(func.count()).select_from(membership).where(_IN_GROUP))


_MAY_COME = (account.c.source == bindparam("source"), account.c.protected_at.is_(None))


def joining(
    dialect: str, *where: ColumnElement[bool], alone: bool = False, held: bool = False
) -> ReturningInsert[Any]:
    """Return what adds accounts of ``source`` to ``group_id``, but no protected one.

    ``alone`` says that it is the one bound as ``id``; else they are the list bound as ``ids``. With ``held``
    PostgreSQL holds those in their order: for a unit that changes no other account.
    """
    # Bound through the id column, so that the stamp is written by its own type.
    stamp = bindparam("added_at", type_=membership.c.added_at.type)
    row = select(bindparam("group_id", type_=membership.c.group_id.type), account.c.id, stamp)
    if alone:
        wanted = row.where(account.c.id == bindparam("id"), *_MAY_COME, *where)
    elif dialect == "sqlite":
        wanted = row.where(account.c.id.in_(listed()), *_MAY_COME, *where)
    else:
        found = accounts_held(*_MAY_COME) if held else accounts_found(*_MAY_COME)
        wanted = select(row.selected_columns[0], found.c.id, stamp).where(*where)
    return (
        insert(dialect, membership)
        .from_select(["group_id", "account_id", "added_at"], wanted)
        .on_conflict_do_nothing(index_elements=[membership.c.group_id, membership.c.account_id])
        .returning(membership.c.account_id)
    )


@cache
def _add(dialect: str) -> Prepared:
    return Prepared(joining(dialect))


def add_members(
    connection: Connection, group_id: str, account_ids: Collection[str], *, source: str, now: dt.datetime
) -> frozenset[str]:
    """Add accounts of ``source`` to the group and return who is new; who is a member already stays one.

    An id that names no account of ``source``, or a protected one, adds nothing: the caller compares.

    Raises:
        UndoneError: if an account was deleted at this very moment.
    """
    if not account_ids:
        return frozenset()
    try:
        rows = _add(connection.dialect.name).within(
            connection, group_id=group_id, ids=sorted(account_ids), source=source, added_at=now
        )
    except IntegrityError:
        raise UndoneError(retry_after=1) from None
    return frozenset(row[0] for row in rows)


def remove_members(connection: Connection, group_id: str, account_ids: Collection[str]) -> frozenset[str]:
    """Remove accounts from the group and return who was a member; one that is protected stays."""
    if not account_ids:
        return frozenset()
    rows = _REMOVE.within(connection, group_id=group_id, ids=sorted(account_ids))
    return frozenset(row[0] for row in rows)


def keep_members(connection: Connection, group_id: str, account_ids: Collection[str]) -> frozenset[str]:
    """Remove every account but ``account_ids`` from the group and return who went; the protected stay."""
    rows = _KEEP.within(connection, group_id=group_id, ids=sorted(account_ids))
    return frozenset(row[0] for row in rows)


def members_among(connection: Connection, group_id: str, account_ids: Collection[str]) -> frozenset[str]:
    """Return those of ``account_ids`` that are members of the group."""
    rows = _AMONG.within(connection, group_id=group_id, ids=sorted(account_ids))
    return frozenset(row[0] for row in rows)


def protected_members(connection: Connection, group_id: str) -> frozenset[str]:
    """Return the ids of the members that no SCIM client may touch; they are few everywhere."""
    return frozenset(row[0] for row in _PROTECTED.within(connection, group_id=group_id))


def count_members(connection: Connection, group_id: str) -> int:
    """Return how many accounts are members of the group."""
    return int(_COUNT.within(connection, group_id=group_id)[0][0])


def _membership_rows(which: Callable[[ColumnElement[str]], ColumnElement[bool]]) -> Select[Any]:
    found = memberships(which).subquery("found")
    return (
        select(found.c.account_id, group.c.id, group.c.display_name, found.c.type)
        .distinct()
        .join(group, group.c.id == found.c.group_id)
        .order_by(found.c.account_id, group.c.id)
    )


_OF_ONE = Prepared(_membership_rows(lambda account_id: account_id == bindparam("account_id")))
_OF_MANY = _membership_rows(lambda account_id: account_id.in_(listed()))
_DIRECT = Prepared(select(membership.c.group_id).where(membership.c.account_id == bindparam("account_id")))


def memberships_of(
    connection: Connection, account_ids: Iterable[str], *, most: int | None = None
) -> tuple[Membership, ...]:
    """Return every group that these accounts are in, directly or around (J5), by account and group.

    With ``most`` it is the first so many.
    """
    ids = sorted(account_ids)
    if not ids:
        return ()
    return tuple(Membership(*row) for row in connection.execute(_OF_MANY.limit(most), {"ids": ids}))


def memberships_of_one(database: Database, account_id: str) -> tuple[Membership, ...]:
    """Return every group that one account is in, directly or around, outside any transaction."""
    return tuple(Membership(*row) for row in _OF_ONE.all(database, account_id=account_id))


def groups_stating(connection: Connection, account_id: str) -> tuple[str, ...]:
    """Return the ids of the groups that have the account among their members."""
    return as_groups(_DIRECT.within(connection, account_id=account_id))


def ask_groups_stating(account_id: str) -> Bound:
    """Return the question of :func:`groups_stating`, to be asked together with others."""
    return _DIRECT.bound(account_id=account_id)


def as_groups(rows: Iterable[Row]) -> tuple[str, ...]:
    """Read the answer."""
    return tuple(group_id for (group_id,) in rows)


def entries_of(
    which: Callable[[ColumnElement[str]], ColumnElement[bool]], *, with_names: bool = False
) -> tuple[Select[Any], Select[Any]]:
    """Return the accounts and the groups in groups, either through the index that begins with the group.

    The first column is the group; public so that members can be counted.
    """
    nothing: ColumnElement[str] = literal_column("''").label("name")
    accounts = select(
        membership.c.group_id,
        membership.c.account_id.label("member_id"),
        account.c.display_name if with_names else nothing,
        literal_column("'User'").label("kind"),
    ).where(which(membership.c.group_id))
    groups = select(
        nested_group.c.outer_id.label("group_id"),
        nested_group.c.inner_id.label("member_id"),
        group.c.display_name if with_names else nothing,
        literal_column("'Group'").label("kind"),
    ).where(which(nested_group.c.outer_id), nested_group.c.direct.is_(True))
    if with_names:
        accounts = accounts.join(account, account.c.id == membership.c.account_id)
        groups = groups.join(group, group.c.id == nested_group.c.inner_id)
    return accounts, groups


def _all_of(*, with_names: bool) -> CompoundSelect[Any]:
    both = entries_of(lambda group_id: group_id.in_(listed()), with_names=with_names)
    return union_all(*both).order_by("group_id", "member_id")


def _first_of() -> CompoundSelect[Any]:
    """Return the first of both kinds: either is cut where it is read, so that no index is read to its end."""
    most = bindparam("most", type_=Integer)
    both = entries_of(lambda group_id: group_id == bindparam("group_id"))
    cut = (select(each.order_by("member_id").limit(most).subquery()) for each in both)
    return union_all(*cut).order_by("member_id").limit(most)


_ENTRIES, _NAMED_ENTRIES = _all_of(with_names=False), _all_of(with_names=True)
_FIRST = Prepared(_first_of())


def members_of(
    connection: Connection, group_ids: Iterable[str], *, with_names: bool = False, most: int | None = None
) -> Iterator[tuple[str, Member]]:
    """Give every member of these groups with the group's id, by group and member.

    The names of members cost a look at each; they are empty unless they are asked for. With ``most`` it is
    the first so many.
    """
    ids = sorted(group_ids)
    if ids:
        statement = _NAMED_ENTRIES if with_names else _ENTRIES
        for group_id, *member in connection.execute(statement.limit(most), {"ids": ids}):
            yield group_id, Member(*member)


def first_members(connection: Connection, group_id: str, most: int) -> tuple[Member, ...]:
    """Return up to ``most`` members without their names."""
    if not most:
        return ()
    return as_members(run_together(connection, ask_first_members(group_id, most))[0])


def ask_first_members(group_id: str, most: int) -> Bound:
    """Return the question of :func:`first_members`, to be asked together with others."""
    return _FIRST.bound(group_id=group_id, most=most)


def as_members(rows: Iterable[Row]) -> tuple[Member, ...]:
    """Read the answer."""
    return tuple(Member(*member) for _, *member in rows)
