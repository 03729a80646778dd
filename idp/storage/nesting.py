"""Groups in groups. Which group is in which, directly and around, is stored, so that reading never walks.

A row of ``nested_group`` that is direct is what a source stated; the others follow from those and are kept
by the same transaction. Whoever changes them holds the turn of the source, so that of two changes that would
close a circle together the second sees the first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union,
    update,
)

from idp.storage.tables import account, group, membership, nested_group, nesting_turn
from kernel.database import insert
from kernel.listed import listed
from kernel.prepared import Prepared

_STAMP = bindparam("now", type_=nested_group.c.added_at.type)
_GROUP_ID = bindparam("group_id", type_=group.c.id.type)
_IS_DIRECT = nested_group.c.direct.is_(True)
_LOCK = Prepared(select(group.c.id).where(group.c.id.in_(listed())).order_by(group.c.id).with_for_update())
_DIRECTLY_IN = Prepared(
    select(nested_group.c.inner_id).where(
        nested_group.c.outer_id == _GROUP_ID, _IS_DIRECT, nested_group.c.inner_id.in_(listed())
    )
)
_DIRECTLY_IN_BUT = Prepared(
    select(nested_group.c.inner_id).where(
        nested_group.c.outer_id == _GROUP_ID, _IS_DIRECT, nested_group.c.inner_id.not_in(listed())
    )
)
_AROUND = select(nested_group.c.outer_id).where(nested_group.c.inner_id == _GROUP_ID)
_OUTER = Prepared(_AROUND)
_CONTAINERS = Prepared(_AROUND.where(_IS_DIRECT))
_ABOVE = Prepared(_AROUND.where(nested_group.c.outer_id.in_(listed())))
_REMOVE = Prepared(
    delete(nested_group)
    .where(nested_group.c.outer_id == _GROUP_ID, _IS_DIRECT, nested_group.c.inner_id.in_(listed()))
    .returning(nested_group.c.inner_id)
)
_FORGET = Prepared(
    delete(nested_group).where(nested_group.c.outer_id.in_(listed()), nested_group.c.direct.is_(False))
)
_LARGEST = Prepared(
    select(func.count())
    .select_from(nested_group)
    .where(or_(nested_group.c.outer_id == _GROUP_ID, nested_group.c.outer_id.in_(_AROUND)))
    .group_by(nested_group.c.outer_id)
    .order_by(func.count().desc())
    .limit(1)
)


def groups_around(account_id: ColumnElement[str]) -> CompoundSelect[tuple[str]]:
    """Return, as a subquery, the ids of the groups the account is in, directly or through a group."""
    return union(
        select(membership.c.group_id).where(membership.c.account_id == account_id),
        select(nested_group.c.outer_id)
        .join(membership, membership.c.group_id == nested_group.c.inner_id)
        .where(membership.c.account_id == account_id),
    )


def _with_inner(ids: Select[tuple[str]]) -> CompoundSelect[tuple[str]]:
    return union(ids, select(nested_group.c.inner_id).where(nested_group.c.outer_id.in_(ids)))


def accounts_within(ids: Select[tuple[str]]) -> Select[tuple[str]]:
    """Return, as a subquery, the ids of the accounts in these groups and in the groups that are in them."""
    return select(membership.c.account_id).where(membership.c.group_id.in_(_with_inner(ids)))


@cache
def _take_turn(dialect: str) -> Prepared:
    statement = insert(dialect, nesting_turn).values(source=bindparam("source"), turn=1)
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=[nesting_turn.c.source], set_={"turn": nesting_turn.c.turn + 1}
        )
    )


def take_turn(connection: Connection, source: str) -> None:
    """Hold the nesting of the groups of ``source`` until the unit ends; nobody else changes it meanwhile.

    To be taken before any group is held: who holds a group never waits for it.
    """
    _take_turn(connection.dialect.name).within(connection, source=source)


def lock_groups(connection: Connection, group_ids: Iterable[str]) -> None:
    """Hold these groups until the unit ends, in the order every writer takes them in."""
    _LOCK.within(connection, ids=sorted(group_ids))


def directly_in(connection: Connection, group_id: str, group_ids: Collection[str]) -> frozenset[str]:
    """Return those of ``group_ids`` that are members of the group."""
    return _ids(_DIRECTLY_IN.within(connection, group_id=group_id, ids=sorted(group_ids)))


def directly_in_but(connection: Connection, group_id: str, kept: Collection[str]) -> frozenset[str]:
    """Return the groups that are members of the group and are not among ``kept``."""
    return _ids(_DIRECTLY_IN_BUT.within(connection, group_id=group_id, ids=sorted(kept)))


def containers_of(connection: Connection, group_id: str) -> frozenset[str]:
    """Return the groups that the group is a member of."""
    return _ids(_CONTAINERS.within(connection, group_id=group_id))


def outer_groups(connection: Connection, group_id: str) -> frozenset[str]:
    """Return every group that the group is in, directly or around."""
    return _ids(_OUTER.within(connection, group_id=group_id))


def would_circle(connection: Connection, group_id: str, group_ids: Collection[str]) -> bool:
    """Tell whether the group would be in itself if ``group_ids`` were in it; the turn must be held."""
    if group_id in group_ids:
        return True
    return bool(_ABOVE.within(connection, group_id=group_id, ids=sorted(group_ids)))


@cache
def _add_direct(dialect: str) -> Prepared:
    wanted = select(_GROUP_ID, group.c.id, true(), _STAMP).where(
        group.c.id.in_(listed()), group.c.source == bindparam("source")
    )
    statement = insert(dialect, nested_group).from_select(
        ["outer_id", "inner_id", "direct", "added_at"], wanted
    )
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=[nested_group.c.outer_id, nested_group.c.inner_id],
            set_={"direct": true(), "added_at": statement.excluded.added_at},
            where=nested_group.c.direct.is_(False),
        ).returning(nested_group.c.inner_id)
    )


def _add_indirect(dialect: str, pairs: Any) -> Prepared:  # noqa: ANN401 - a subquery of two columns
    outer, inner = pairs.c.outer_id, pairs.c.inner_id
    statement = insert(dialect, nested_group).from_select(
        ["outer_id", "inner_id", "direct", "added_at"],
        select(outer, inner, false(), _STAMP).where(outer != inner),
    )
    return Prepared(statement.on_conflict_do_nothing())


@cache
def _extend(dialect: str) -> Prepared:
    itself: Select[tuple[str]] = select(_GROUP_ID.label("outer_id"))
    outer = union(itself, _AROUND).subquery("outer_side")
    inner = _with_inner(listed()).subquery("inner_side")
    pairs = select(outer.c[0].label("outer_id"), inner.c[0].label("inner_id")).join(
        inner, literal(value=1) == 1
    )
    return _add_indirect(dialect, pairs.subquery("pairs"))


@cache
def _walk(dialect: str) -> Prepared:
    start = select(nested_group.c.outer_id, nested_group.c.inner_id).where(
        nested_group.c.outer_id.in_(listed()), _IS_DIRECT
    )
    walk = start.cte("walk", recursive=True)
    further = nested_group.alias("further")
    step = (
        select(walk.c.outer_id, further.c.inner_id)
        .join(further, further.c.outer_id == walk.c.inner_id)
        .where(further.c.direct.is_(True))
    )
    return _add_indirect(dialect, walk.union(step))


def nest(
    connection: Connection, group_id: str, group_ids: Collection[str], *, source: str, now: dt.datetime
) -> frozenset[str]:
    """Make groups of ``source`` members of the group and return those that were none.

    The turn must be held, and :func:`would_circle` have told that no circle comes of it.
    """
    dialect = connection.dialect.name
    asked = {"group_id": group_id, "ids": sorted(group_ids), "now": now}
    added = _ids(_add_direct(dialect).within(connection, source=source, **asked))
    if added:
        _extend(dialect).within(connection, **asked | {"ids": sorted(added)})
    return added


def unnest(
    connection: Connection, group_id: str, group_ids: Collection[str], *, now: dt.datetime
) -> frozenset[str]:
    """Take groups out of the group and return those that were members; the turn must be held."""
    removed = _ids(_REMOVE.within(connection, group_id=group_id, ids=sorted(group_ids)))
    if removed:
        follow(connection, {group_id, *outer_groups(connection, group_id)}, now=now)
    return removed


def follow(connection: Connection, group_ids: Collection[str], *, now: dt.datetime) -> None:
    """Find anew what is around in these groups, after a way into them went; the turn must be held."""
    if group_ids:
        ids = sorted(group_ids)
        _FORGET.within(connection, ids=ids)
        _walk(connection.dialect.name).within(connection, ids=ids, now=now)


def most_within(connection: Connection, group_id: str) -> int:
    """Return how many groups are in the fullest of the group and the groups around it."""
    rows = _LARGEST.within(connection, group_id=group_id)
    return int(rows[0][0]) if rows else 0


_WITHIN = accounts_within(listed())
_HELD = (
    select(account.c.id)
    .where(account.c.id.in_(union(_WITHIN, listed("account_ids"))))  # an OR of two would read every account
    .order_by(account.c.id)
    .with_for_update(key_share=True)  # a new membership holds its account's key too
    .cte("held")
)
_TOUCH = Prepared(
    update(account).where(account.c.id.in_(select(_HELD.c.id))).values(version=account.c.version + 1)
)
_PROTECTED = Prepared(
    select(account.c.id).where(account.c.protected_at.is_not(None), account.c.id.in_(_WITHIN)).limit(1)
)


def touch_within(connection: Connection, group_ids: Iterable[str], account_ids: Iterable[str] = ()) -> None:
    """Raise the version of every account in these groups, directly or around, and of ``account_ids`` (L1).

    The time of their last change stays, as in :func:`idp.storage.accounts.touch_versions`.

    The accounts are held first, in the order every writer takes them in.
    """
    _TOUCH.within(connection, ids=sorted(group_ids), account_ids=sorted(account_ids))


def any_protected_within(connection: Connection, group_ids: Iterable[str]) -> bool:
    """Tell whether an account that no SCIM client may touch is in these groups, directly or around (O8)."""
    return bool(_PROTECTED.within(connection, ids=sorted(group_ids)))


def memberships(
    which: Callable[[ColumnElement[str]], ColumnElement[bool]] | None = None,
) -> CompoundSelect[Any]:
    """Return every membership of an account: its id, the group's, and ``direct`` or ``indirect``.

    A group that an account is in on several ways may come as often, each time with the same words: direct if
    one way is. ``which`` narrows the accounts; a membership is found by index from either side.
    """
    stated = membership.alias("stated")
    directly = and_(
        stated.c.account_id == membership.c.account_id, stated.c.group_id == nested_group.c.outer_id
    )
    kind = case((stated.c.group_id.is_(None), literal_column("'indirect'")), else_=literal_column("'direct'"))
    direct = select(membership.c.account_id, membership.c.group_id, literal_column("'direct'").label("type"))
    around = (
        select(membership.c.account_id, nested_group.c.outer_id, kind)
        .join(nested_group, nested_group.c.inner_id == membership.c.group_id)
        .outerjoin(stated, directly)
    )
    if which is not None:
        narrowed = which(membership.c.account_id)
        direct, around = direct.where(narrowed), around.where(narrowed)
    return direct.union_all(around)


def member_entries() -> CompoundSelect[Any]:
    """Return every member of a group: the group's id, the member's, and ``user`` or ``group``."""
    return select(
        membership.c.group_id,
        membership.c.account_id.label("member_id"),
        literal_column("'user'").label("type"),
    ).union_all(
        select(nested_group.c.outer_id, nested_group.c.inner_id, literal_column("'group'")).where(_IS_DIRECT)
    )


def _ids(rows: Iterable[tuple[Any, ...]]) -> frozenset[str]:
    return frozenset(row[0] for row in rows)
