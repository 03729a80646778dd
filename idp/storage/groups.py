"""Groups and memberships. A membership is one row, so a change costs the same in a group of any size (J4)."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    exists,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert

from idp.domain.group import AccessRow, Group, Member, Membership
from idp.domain.provisioning import AttributeValue, Moved, Stale, Taken, UniqueAttribute
from idp.domain.user_name import fold
from idp.storage.tables import account, grant, group, group_value, membership, session
from idp.storage.violations import TakenError, violated
from kernel.database import Database, insert
from kernel.errors import BusyError
from kernel.prepared import Prepared

_AT_ONCE = 500

_FIELDS = tuple(field.name for field in dataclasses.fields(Group))
_GROUP = tuple(group.c[name] for name in _FIELDS)
_COLUMNS = (*_FIELDS, "display_name_key")
_BY_ID = select(*_GROUP).where(group.c.id == bindparam("id"))
_FIND = Prepared(_BY_ID)
_FIND_FOR_CHANGE = Prepared(_BY_ID.where(group.c.source == bindparam("source")).with_for_update())
_INSERT = Prepared(group.insert(), columns=_COLUMNS)
_INSERT_VALUE = Prepared(group_value.insert(), columns=("group_id", "path", "item", "value"))
_RAISE = Prepared(
    update(group)
    .where(group.c.id == bindparam("raised"))
    .values(
        version=group.c.version + 1,
        source_version=bindparam("fence"),
        updated_at=bindparam("now", type_=group.c.updated_at.type),
    )
)
_MAY_GO = ~exists().where(account.c.id == membership.c.account_id, account.c.protected_at.is_not(None))
_REMOVE_ONE = Prepared(
    delete(membership)
    .where(
        membership.c.group_id == bindparam("group_id"),
        membership.c.account_id == bindparam("account_id"),
        _MAY_GO,
    )
    .returning(membership.c.account_id)
)
_MEMBERSHIPS_OF_ONE = Prepared(
    select(membership.c.account_id, group.c.id, group.c.display_name)
    .join(group, group.c.id == membership.c.group_id)
    .where(membership.c.account_id == bindparam("account_id"))
    .order_by(group.c.id)
)
_ACCESS = (
    select(
        group.c.organization_id,
        group.c.organization_short_name,
        group.c.access_role_key,
        group.c.access_role_name,
        group.c.application_key,
    )
    .join(membership, membership.c.group_id == group.c.id)
    .where(membership.c.account_id == bindparam("account_id"))
    .order_by(group.c.organization_id, group.c.access_role_key)
)
_ACCESS_OF_APPLICATION = _ACCESS.where(group.c.application_key == bindparam("application_key"))
_OPENED = (
    select(group.c.application_key)
    .join(membership, membership.c.group_id == group.c.id)
    .where(membership.c.account_id == bindparam("account_id"), group.c.application_key != "")
    .distinct()
    .order_by(group.c.application_key)
)


def to_group(row: Sequence[Any]) -> Group:
    """Return the group of a row whose values are the fields of :class:`Group` in their order."""
    found = dict(zip(_FIELDS, row, strict=True))
    found["account_kinds"] = tuple(found["account_kinds"])
    return Group(**found)


def find_group(connection: Connection, group_id: str) -> Group | None:
    """Return the group with this id, or None."""
    rows = _FIND.within(connection, id=group_id)
    return to_group(rows[0]) if rows else None


def find_group_for_change(connection: Connection, group_id: str, *, source: str) -> Group | None:
    """Return the group if ``source`` owns it, held against other writers until the unit ends."""
    rows = _FIND_FOR_CHANGE.within(connection, id=group_id, source=source)
    return to_group(rows[0]) if rows else None


def access_rows(
    connection: Connection, account_id: str, application_key: str | None = None
) -> tuple[AccessRow, ...]:
    """Return what the account's memberships open, of one application or of all, in a stable order."""
    parameters = {"account_id": account_id}
    statement = _ACCESS
    if application_key is not None:
        statement, parameters["application_key"] = _ACCESS_OF_APPLICATION, application_key
    return tuple(AccessRow(*row) for row in connection.execute(statement, parameters))


def opened_applications(connection: Connection, account_id: str) -> tuple[str, ...]:
    """Return the keys of the applications that some membership of the account opens."""
    return tuple(connection.execute(_OPENED, {"account_id": account_id}).scalars())


def opens_application(connection: Connection, account_id: str, application_key: str) -> bool:
    """Tell whether a membership of the account opens the application."""
    statement = select(
        exists()
        .where(membership.c.group_id == group.c.id)
        .where(membership.c.account_id == account_id, group.c.application_key == application_key)
    )
    return bool(connection.execute(statement).scalar_one())


def _parting(which: ColumnElement[bool]) -> Select[Any]:
    elsewhere = (
        exists()
        .where(membership.c.account_id == account.c.id, membership.c.group_id == group.c.id)
        .where(
            membership.c.group_id != bindparam("group_id"),
            group.c.application_key == bindparam("application_key"),
        )
    )
    signed_in = exists().where(session.c.account_id == account.c.id, session.c.ended_at.is_(None))
    granted = exists().where(grant.c.account_id == account.c.id, grant.c.revoked_at.is_(None))
    return select(account.c.id).where(which, ~elsewhere, or_(signed_in, granted)).order_by(account.c.id)


_PARTING_ONE = Prepared(_parting(account.c.id == bindparam("account_id")))


def parting_accounts(
    connection: Connection, account_ids: Iterable[str], *, application_key: str, group_id: str
) -> tuple[str, ...]:
    """Return those of the accounts that no group but ``group_id`` lets into the application any more.

    Only accounts with a live session or grant are named: of the others there is nothing to end.
    """
    found: list[str] = []
    asked = {"group_id": group_id, "application_key": application_key}
    for some in _chunks(account_ids):
        if len(some) == 1:
            rows = _PARTING_ONE.within(connection, account_id=some[0], **asked)
            found.extend(row[0] for row in rows)
        else:
            found.extend(connection.execute(_parting(account.c.id.in_(some)), asked).scalars())
    return tuple(found)


def memberships_of(connection: Connection, account_ids: Iterable[str]) -> tuple[Membership, ...]:
    """Return every group of these accounts, by account and group."""
    ids = list(account_ids)
    if not ids:
        return ()
    statement = (
        select(membership.c.account_id, group.c.id, group.c.display_name)
        .join(group, group.c.id == membership.c.group_id)
        .where(membership.c.account_id.in_(ids))
        .order_by(membership.c.account_id, group.c.id)
    )
    return tuple(Membership(*row) for row in connection.execute(statement))


def memberships_of_one(database: Database, account_id: str) -> tuple[Membership, ...]:
    """Return every group of one account, outside any transaction."""
    return tuple(Membership(*row) for row in _MEMBERSHIPS_OF_ONE.all(database, account_id=account_id))


def members_of(
    connection: Connection, group_ids: Iterable[str], *, with_names: bool = False
) -> Iterator[tuple[str, Member]]:
    """Give every member of these groups with the group's id, by group and account.

    The names of members cost a look at each account; they are empty unless they are asked for.
    """
    ids = list(group_ids)
    if not ids:
        return
    name = account.c.display_name if with_names else literal("")
    statement = (
        select(membership.c.group_id, membership.c.account_id, name)
        .where(membership.c.group_id.in_(ids))
        .order_by(membership.c.group_id, membership.c.account_id)
    )
    if with_names:
        statement = statement.join(account, account.c.id == membership.c.account_id)
    for group_id, account_id, display_name in connection.execute(statement):
        yield group_id, Member(account_id, display_name)


_FIRST_MEMBERS = Prepared(
    select(membership.c.account_id, literal(""))
    .where(membership.c.group_id == bindparam("group_id"))
    .order_by(membership.c.account_id)
    .limit(bindparam("most"))
)


def first_members(database: Database, group_id: str, most: int) -> tuple[Member, ...]:
    """Return up to ``most`` members without their names, outside any transaction."""
    return tuple(Member(*row) for row in _FIRST_MEMBERS.all(database, group_id=group_id, most=most))


def member_page(
    connection: Connection, group_id: str, *, after: str = "", limit: int = 100
) -> tuple[Member, ...]:
    """Return the next members of the group after the account id ``after``: page n costs as page 1."""
    statement = (
        select(account.c.id, account.c.display_name)
        .join(membership, membership.c.account_id == account.c.id)
        .where(membership.c.group_id == group_id, membership.c.account_id > after)
        .order_by(membership.c.account_id)
        .limit(limit)
    )
    return tuple(Member(*row) for row in connection.execute(statement))


def member_ids(connection: Connection, group_id: str) -> frozenset[str]:
    """Return the ids of all members; only a change that states the whole list asks for it."""
    statement = select(membership.c.account_id).where(membership.c.group_id == group_id)
    return frozenset(connection.execute(statement).scalars())


def insert_group(connection: Connection, new: Group, values: Iterable[AttributeValue]) -> None:
    """Store a new group.

    Raises:
        TakenError: if another group of the source has the external id or the name already.
    """
    try:
        _INSERT.within(connection, **_columns(new))
    except IntegrityError as error:
        raise _taken(error) from None
    _insert_values(connection, new.id, values)


def raise_group_version(
    connection: Connection, group_id: str, *, source_version: int, now: dt.datetime
) -> None:
    """Raise the version of a group that is held for change, and its fence to ``source_version``."""
    _RAISE.within(connection, raised=group_id, fence=source_version, now=now)


def change_group_row(
    connection: Connection,
    changed: Group,
    *,
    expected_version: int,
    values: Sequence[AttributeValue] | None,
) -> Stale | Moved | None:
    """Store ``changed`` over the row it was computed from; one UPDATE decides, as for accounts.

    Raises:
        TakenError: if another group of the source has the external id or the name already.
    """
    statement = (
        update(group)
        .where(
            group.c.id == changed.id,
            group.c.version == expected_version,
            group.c.source_version <= changed.source_version,
        )
        .values(_columns(changed))
    )
    try:
        found = connection.execute(statement).rowcount
    except IntegrityError as error:
        raise _taken(error) from None
    if not found:
        now_at = find_group(connection, changed.id)
        if now_at is not None and now_at.source_version > changed.source_version:
            return Stale(now_at.source_version)
        return Moved()
    if values is not None:
        connection.execute(delete(group_value).where(group_value.c.group_id == changed.id))
        _insert_values(connection, changed.id, values)
    return None


@cache
def _add_one(dialect: str) -> Prepared:
    return Prepared(_insert_members(dialect, account.c.id == bindparam("member")))


def _insert_members(dialect: str, which: ColumnElement[bool]) -> ReturningInsert[Any]:
    # Bound through the id column, so that the stamp is written by its own type.
    stamp = bindparam("added_at", type_=membership.c.added_at.type)
    wanted = select(bindparam("group_id", type_=membership.c.group_id.type), account.c.id, stamp).where(
        which, account.c.source == bindparam("source"), account.c.protected_at.is_(None)
    )
    return (
        insert(dialect, membership)
        .from_select(["group_id", "account_id", "added_at"], wanted)
        .on_conflict_do_nothing(index_elements=[membership.c.group_id, membership.c.account_id])
        .returning(membership.c.account_id)
    )


def add_members(
    connection: Connection, group_id: str, account_ids: Iterable[str], *, source: str, now: dt.datetime
) -> frozenset[str]:
    """Add accounts of ``source`` to the group and return who is new; who is a member already stays one.

    An id that names no account of ``source``, or a protected one, adds nothing: the caller compares.

    Raises:
        BusyError: if an account was deleted at this very moment.
    """
    dialect = connection.dialect.name
    shared = {"group_id": group_id, "source": source, "added_at": now}
    added: set[str] = set()
    try:
        for some in _chunks(account_ids):
            if len(some) == 1:
                rows = _add_one(dialect).within(connection, member=some[0], **shared)
                added.update(row[0] for row in rows)
                continue
            statement = _insert_members(dialect, account.c.id.in_(some))
            added.update(connection.execute(statement, shared).scalars())
    except IntegrityError:
        raise BusyError(retry_after=1) from None
    return frozenset(added)


def remove_members(connection: Connection, group_id: str, account_ids: Iterable[str]) -> frozenset[str]:
    """Remove accounts from the group and return who was a member; one that is protected stays."""
    removed: set[str] = set()
    for some in _chunks(account_ids):
        if len(some) == 1:
            rows = _REMOVE_ONE.within(connection, group_id=group_id, account_id=some[0])
            removed.update(row[0] for row in rows)
            continue
        statement = (
            delete(membership)
            .where(membership.c.group_id == group_id, membership.c.account_id.in_(some), _MAY_GO)
            .returning(membership.c.account_id)
        )
        removed.update(connection.execute(statement).scalars())
    return frozenset(removed)


def protected_members(connection: Connection, group_id: str) -> frozenset[str]:
    """Return the ids of the members that no SCIM client may touch; they are few everywhere."""
    statement = (
        select(account.c.id)
        .join(membership, membership.c.account_id == account.c.id)
        .where(account.c.protected_at.is_not(None), membership.c.group_id == group_id)
    )
    return frozenset(connection.execute(statement).scalars())


def touch_group_versions(connection: Connection, group_ids: Iterable[str], *, now: dt.datetime) -> None:
    """Raise the version of groups that lost a member without being asked (L1)."""
    ids = sorted(group_ids)
    if not ids:
        return
    connection.execute(select(group.c.id).where(group.c.id.in_(ids)).order_by(group.c.id).with_for_update())
    connection.execute(
        update(group).where(group.c.id.in_(ids)).values(version=group.c.version + 1, updated_at=now)
    )


def delete_group(
    connection: Connection, group_id: str, *, source: str, expected_version: int | None = None
) -> bool:
    """Remove the group with its memberships; False if ``source`` has none such at that version."""
    statement = delete(group).where(group.c.id == group_id, group.c.source == source)
    if expected_version is not None:
        statement = statement.where(group.c.version == expected_version)
    return connection.execute(statement).rowcount == 1


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]


def _columns(value: Group) -> Mapping[str, Any]:
    columns = {name: getattr(value, name) for name in _FIELDS}
    return columns | {
        "account_kinds": list(value.account_kinds),
        "display_name_key": fold(value.display_name),
    }


def _insert_values(connection: Connection, group_id: str, values: Iterable[AttributeValue]) -> None:
    _INSERT_VALUE.many(
        connection,
        ({"group_id": group_id, "path": v.path, "item": v.item, "value": v.value} for v in values),
    )


def _taken(error: IntegrityError) -> TakenError:
    name = violated(error)
    if "external_id" in name:
        return TakenError(Taken(UniqueAttribute.EXTERNAL_ID))
    if "display_name" in name:
        return TakenError(Taken(UniqueAttribute.DISPLAY_NAME))
    raise error
