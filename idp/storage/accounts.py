"""Accounts: looking them up, and writing them so that the database decides every race.

Uniqueness is decided by the unique indexes, never by looking first; a change is one UPDATE that carries
the version it was computed from and the fence of the source.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    any_,
    bindparam,
    delete,
    func,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from idp.domain.account import Account, AccountKind, AccountOrganization
from idp.domain.account_lock import shown, stated
from idp.domain.provisioning import (
    AttributeValue,
    Missing,
    Moved,
    Protected,
    Stale,
    Taken,
    UniqueAttribute,
)
from idp.domain.query import StoredAccount
from idp.domain.user_name import fold, user_name_key
from idp.storage.tables import account, account_value
from idp.storage.violations import TakenError, violated
from kernel.database import Database
from kernel.listed import listed
from kernel.prepared import Bound, Prepared, Row, run_together
from kernel.row_insert import RowInsert

_FIELDS = tuple(field.name for field in dataclasses.fields(Account))
_VALUES = attrgetter(*_FIELDS)
ACCOUNT_COLUMNS = tuple(account.c[name] for name in _FIELDS)
_COLUMNS = (*_FIELDS, "user_name_key", "email_key", "document")
_BY_ID = select(*ACCOUNT_COLUMNS).where(account.c.id == bindparam("id"))
_FIND = Prepared(_BY_ID)
_KEEP = Prepared(_BY_ID.with_for_update(read=True, key_share=True))
_HOLD_BY_ID = Prepared(_BY_ID.with_for_update(key_share=True))
_OWN = (account.c.id == bindparam("id"), account.c.source == bindparam("source"))
_FIND_OWN = Prepared(select(*ACCOUNT_COLUMNS, account.c.document).where(*_OWN))
_HOLD = Prepared(select(account.c.protected_at, account.c.source_version).where(*_OWN).with_for_update())
_BY_USER_NAME = Prepared(select(*ACCOUNT_COLUMNS).where(account.c.user_name_key == bindparam("key")))
_INSERT = Prepared(account.insert(), columns=_COLUMNS)
_INSERT_VALUES = RowInsert(account_value, columns=("account_id", "path", "item", "value"))
_DELETE_VALUES = Prepared(
    delete(account_value).where(
        account_value.c.account_id == bindparam("id"), account_value.c.path.in_(listed("paths"))
    )
)
_TOUCHED = update(account).values(version=account.c.version + 1)
_TOUCH = Prepared(_TOUCHED.where(account.c.id == bindparam("touched")))


def accounts_held(*where: ColumnElement[bool]) -> CTE:
    """Return the accounts of the list bound as ``ids`` that meet ``where``, held in the order of the list.

    For PostgreSQL. Every writer names accounts in the order of their ids, and all that a unit writes at once,
    so that no two wait for one another in a ring. Their keys are not held, which a membership that was just
    written holds until its unit ends.
    """
    return _one_by_one(select(account.c.id).where(*where).with_for_update(key_share=True)).cte("held")


def accounts_found(*where: ColumnElement[bool]) -> Subquery:
    """Return the same and hold none of them: for a unit that writes others, too, and holds all at once."""
    return _one_by_one(select(account.c.id).where(*where)).subquery("wanted")


def _one_by_one(accounts: Select[tuple[str]]) -> Select[tuple[str]]:
    """Return each account of the list, looked up by itself.

    A planner that joins the list with the accounts reads all of them where it guesses that they are few.
    """
    each = listed().subquery("each_id")
    found = accounts.where(account.c.id == each.c.value).limit(1).lateral("found")
    return select(found.c.id).select_from(each.join(found, true()))


def among(rows: FromClause) -> ColumnElement[Any]:
    """Return what a column is compared with to be one of the ids of ``rows``, on PostgreSQL.

    Entries of an array are looked up by index one by one; rows would be joined, as above.
    """
    return any_(func.array(select(*rows.c).scalar_subquery()))


@cache
def _touch_many(dialect: str) -> Prepared:
    ids = account.c.id
    return Prepared(
        _TOUCHED.where(ids.in_(listed()) if dialect == "sqlite" else ids == among(accounts_held()))
    )


@cache
def _update_of(columns: tuple[str, ...]) -> Prepared:
    """Return the one statement that changes these columns, if version and fence allow it.

    Only what differs is written, so that no index is touched without need.
    """
    values = {name: bindparam(f"new_{name}", type_=account.c[name].type) for name in columns}
    return Prepared(
        update(account)
        .where(
            account.c.id == bindparam("account_id"),
            account.c.version == bindparam("expected"),
            account.c.source_version <= bindparam("fence"),
            account.c.protected_at.is_(None),
            account.c.activated_at.is_(None) == bindparam("new", type_=Boolean()),
        )
        .values(values)
        .returning(account.c.id)
    )


def to_account(row: Sequence[Any]) -> Account:
    """Return the account of a row whose values are the fields of :class:`Account` in their order."""
    found = dict(zip(_FIELDS, row, strict=True))
    found["kind"] = AccountKind(found["kind"])
    found["organizations"] = tuple(
        AccountOrganization(each.get("id", ""), each.get("shortName", "")) for each in found["organizations"]
    )
    found["allowed_addresses"] = tuple(found["allowed_addresses"])
    found["waived"] = tuple(found["waived"] or ())
    return Account(**found)


def to_stored(row: Sequence[Any]) -> StoredAccount:
    """Return the account of such a row with its document behind, which is as its source states it."""
    found = to_account(row[:-1])
    return StoredAccount(found, stated(found, row[-1]))


def _first(rows: Sequence[Sequence[Any]]) -> Account | None:
    return to_account(rows[0]) if rows else None


def find_account(connection: Connection, account_id: str) -> Account | None:
    """Return the account with this id, or None."""
    return _first(_FIND.within(connection, id=account_id))


def keep_account(connection: Connection, account_id: str) -> Account | None:
    """Return the account with this id, which is not deleted, deactivated or signed out until the unit ends.

    Whoever writes what hangs on an account, and then something new of it, takes it first: so does whoever
    deletes it with all of that. What raises its version alone does not wait for it.
    """
    return _first(_KEEP.within(connection, id=account_id))


def hold_account(connection: Connection, account_id: str) -> Account | None:
    """Return the account with this id, which nobody else holds or changes until the unit ends.

    Who signs in to it meanwhile does not wait.
    """
    return _first(_HOLD_BY_ID.within(connection, id=account_id))


def find_by_user_name(connection: Connection, user_name: str) -> Account | None:
    """Return the account with this user name, in any case and Unicode form (C5, SF-07), or None."""
    return _first(_BY_USER_NAME.within(connection, key=user_name_key(user_name)))


def find_own(database: Database, account_id: str, *, source: str) -> StoredAccount | None:
    """Return the account and its document, outside any transaction, if ``source`` owns it."""
    row = _FIND_OWN.first(database, id=account_id, source=source)
    return None if row is None else to_stored(row)


def insert_account(
    connection: Connection, new: Account, document: str, values: Iterable[AttributeValue]
) -> None:
    """Store a new account.

    Raises:
        TakenError: if another account has the user name or the external id already (C4).
    """
    columns = _columns(dict(zip(_FIELDS, _VALUES(new), strict=True)), document)
    try:
        _insert_values(connection, new.id, values, after=_INSERT.bound(**columns))
    except IntegrityError as error:
        raise _taken(error) from None


def change_account_row(
    connection: Connection,
    stored: Account,
    changed: Account,
    document: str,
    *,
    values: Sequence[AttributeValue],
    emptied: Collection[str],
    beside: Sequence[Bound] = (),
) -> Missing | Protected | Stale | Moved | list[list[Row]]:
    """Store ``changed`` over ``stored``, the account it was computed from; return what ``beside`` finds then.

    ``document`` is what its source states; while the account is locked it is kept as it is :func:`shown`.

    One UPDATE decides: it finds the row only at the stored version (L4), while no one has protected or
    activated it meanwhile, and only while the row's fence is not ahead of ``changed.source_version``. The row
    is held against whoever hangs something on the account. ``values`` take the place of those of the paths in
    ``emptied``. An account that is switched off by it ends its sign-ins under way, as ``end_sign_ins_of``
    would.

    Raises:
        TakenError: if another account has the user name or the external id already.
    """
    pairs = zip(_FIELDS, _VALUES(stored), _VALUES(changed), strict=True)
    new = _columns(
        {name: value for name, before, value in pairs if value != before}, shown(changed, document)
    )
    if stored.active and not changed.active:
        new["sign_ins_ended_at"] = changed.updated_at
    change = _update_of(tuple(new)).bound(
        account_id=changed.id,
        expected=stored.version,
        fence=changed.source_version,
        new=stored.activated_at is None,
        **{f"new_{name}": value for name, value in new.items()},
    )
    hold = _HOLD.bound(id=changed.id, source=changed.source)
    try:
        held, found, *answers = run_together(connection, hold, change, *beside)
    except IntegrityError as error:
        raise _taken(error) from None
    if not found:
        return _why_not(held, changed)
    if emptied:
        emptying = _DELETE_VALUES.bound(id=changed.id, paths=sorted(emptied))
        _insert_values(connection, changed.id, values, after=emptying)
    else:
        _insert_values(connection, changed.id, values)
    return answers


def _why_not(held: Sequence[Row], changed: Account) -> Missing | Protected | Stale | Moved:
    if not held:
        return Missing()
    protected_at, fence = held[0]
    if protected_at is not None:
        return Protected()
    return Stale(fence) if fence > changed.source_version else Moved()


def state_opening(
    connection: Connection,
    account_id: str,
    *,
    claims: Mapping[str, object],
    waived: Sequence[str],
    now: dt.datetime,
) -> None:
    """Store the claims that are stated for an account, and what the policy does not ask of it."""
    connection.execute(
        update(account)
        .where(account.c.id == account_id)
        .values(claims=dict(claims) or None, waived=list(waived) or None, updated_at=now)
    )


def touch_versions(connection: Connection, account_ids: Iterable[str]) -> None:
    """Raise the version of accounts whose representation changed without them: their groups did (L1).

    They were not written to, so the time of their last change stays. No index holds a version: on PostgreSQL
    none of the account's index entries is written anew.
    """
    ids = sorted(account_ids)
    if len(ids) == 1:
        _TOUCH.within(connection, touched=ids[0])
    elif ids:
        _touch_many(connection.dialect.name).within(connection, ids=ids)


def known_accounts(connection: Connection, account_ids: Iterable[str], *, source: str) -> frozenset[str]:
    """Return those of ``account_ids`` that name an account of ``source``."""
    ids = sorted(account_ids)
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        statement = select(account.c.id).where(
            account.c.id.in_(ids[start : start + 500]), account.c.source == source
        )
        found.update(connection.execute(statement).scalars())
    return frozenset(found)


def protect(connection: Connection, user_name: str, *, since: dt.datetime | None) -> str | None:
    """Put the account out of every SCIM client's reach, or back into it, and return its id if it is one."""
    statement = (
        update(account)
        .where(account.c.user_name_key == user_name_key(user_name))
        .values(protected_at=since)
        .returning(account.c.id)
    )
    return connection.execute(statement).scalar_one_or_none()


def list_protected(connection: Connection) -> tuple[Account, ...]:
    """Return every protected account, by user name."""
    statement = (
        select(*ACCOUNT_COLUMNS).where(account.c.protected_at.is_not(None)).order_by(account.c.user_name_key)
    )
    return tuple(to_account(tuple(row)) for row in connection.execute(statement))


_TURNED: Mapping[str, Callable[[Any], Any]] = {
    "kind": lambda kind: kind.value,
    "organizations": lambda stated: [{"id": each.id, "shortName": each.short_name} for each in stated],
    "allowed_addresses": list,
    "waived": lambda stated: list(stated) or None,
}
_KEYS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "user_name": ("user_name_key", user_name_key),
    "email": ("email_key", fold),
}


def _columns(fields: Mapping[str, Any], document: str) -> dict[str, Any]:
    """Return the columns of these fields of an account, and of its document."""
    columns: dict[str, Any] = {"document": document}
    for name, value in fields.items():
        columns[name] = _TURNED[name](value) if name in _TURNED else value
        if name in _KEYS:
            key, folded = _KEYS[name]
            columns[key] = folded(value)
    return columns


def _insert_values(
    connection: Connection,
    account_id: str,
    values: Iterable[AttributeValue],
    *,
    after: Bound | None = None,
) -> None:
    rows = ({"account_id": account_id, "path": v.path, "item": v.item, "value": v.value} for v in values)
    _INSERT_VALUES.run(connection, rows, after=after)


def _taken(error: IntegrityError) -> TakenError:
    """Return the refusal for the unique index that was violated; any other error is raised again."""
    name = violated(error)
    if "user_name_key" in name:
        return TakenError(Taken(UniqueAttribute.USER_NAME))
    if "external_id" in name:
        return TakenError(Taken(UniqueAttribute.EXTERNAL_ID))
    raise error
