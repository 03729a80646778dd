"""Accounts: looking them up, and writing them so that the database decides every race.

Uniqueness is decided by the unique indexes, never by looking first; a change is one UPDATE that carries
the version it was computed from and the fence of the source.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from idp.domain.account import Account, AccountKind, AccountOrganization
from idp.domain.provisioning import AttributeValue, Moved, Stale, Taken, UniqueAttribute
from idp.domain.user_name import fold, user_name_key
from idp.storage.tables import account, account_value
from idp.storage.violations import violated

_FIELDS = tuple(field.name for field in dataclasses.fields(Account))
_ACCOUNT = tuple(account.c[name] for name in _FIELDS)
_BY_ID = select(*_ACCOUNT).where(account.c.id == bindparam("id"))
_BY_USER_NAME = select(*_ACCOUNT).where(account.c.user_name_key == bindparam("key"))
_BY_EMAIL = select(*_ACCOUNT).where(account.c.email_key == bindparam("key")).order_by(account.c.id)


def to_account(row: Row[Any]) -> Account:
    """Return the account of a row that holds every column of its table."""
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    found = {name: values[account.c[name]] for name in _FIELDS}
    found["kind"] = AccountKind(found["kind"])
    found["organizations"] = tuple(
        AccountOrganization(each.get("id", ""), each.get("shortName", "")) for each in found["organizations"]
    )
    found["allowed_addresses"] = tuple(found["allowed_addresses"])
    return Account(**found)


def find_account(connection: Connection, account_id: str) -> Account | None:
    """Return the account with this id, or None."""
    row = connection.execute(_BY_ID, {"id": account_id}).first()
    return to_account(row) if row is not None else None


def find_by_user_name(connection: Connection, user_name: str) -> Account | None:
    """Return the account with this user name, in any case and Unicode form (C5, SF-07), or None."""
    row = connection.execute(_BY_USER_NAME, {"key": user_name_key(user_name)}).first()
    return to_account(row) if row is not None else None


def find_by_email(connection: Connection, email: str) -> tuple[Account, ...]:
    """Return every account with this e-mail address, in any case: several may share one."""
    return tuple(to_account(row) for row in connection.execute(_BY_EMAIL, {"key": fold(email)}))


def find_for_change(connection: Connection, account_id: str, *, source: str) -> Account | None:
    """Return the account if ``source`` owns it, held against other writers until the unit ends."""
    statement = _BY_ID.where(account.c.source == bindparam("source")).with_for_update()
    row = connection.execute(statement, {"id": account_id, "source": source}).first()
    return to_account(row) if row is not None else None


def insert_account(
    connection: Connection, new: Account, document: str, values: Iterable[AttributeValue]
) -> Taken | None:
    """Store a new account; ``Taken`` names the attribute that another account has already (C4)."""
    try:
        with connection.begin_nested():
            connection.execute(account.insert(), _columns(new, document))
    except IntegrityError as error:
        return _taken(error)
    _insert_values(connection, new.id, values)
    return None


def change_account_row(
    connection: Connection,
    changed: Account,
    document: str,
    *,
    expected_version: int,
    values: Sequence[AttributeValue] | None,
) -> Taken | Stale | Moved | None:
    """Store ``changed`` over the row it was computed from.

    One UPDATE decides: it finds the row only at ``expected_version`` (L4) and only while the row's fence
    is not ahead of ``changed.source_version``. ``values`` is None when nothing searchable changed.
    """
    statement = (
        update(account)
        .where(
            account.c.id == changed.id,
            account.c.version == expected_version,
            account.c.source_version <= changed.source_version,
        )
        .values(_columns(changed, document))
    )
    try:
        with connection.begin_nested():
            found = connection.execute(statement).rowcount
    except IntegrityError as error:
        return _taken(error)
    if not found:
        stored = connection.execute(
            select(account.c.source_version).where(account.c.id == changed.id)
        ).scalar_one_or_none()
        return Stale(stored) if stored is not None and stored > changed.source_version else Moved()
    if values is not None:
        connection.execute(delete(account_value).where(account_value.c.account_id == changed.id))
        _insert_values(connection, changed.id, values)
    return None


def touch_versions(connection: Connection, account_ids: Iterable[str], *, now: dt.datetime) -> None:
    """Raise the version of accounts whose representation changed without them: their groups did (L1)."""
    ids = sorted(account_ids)
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        if len(ids) > 1:
            # Every writer takes the rows in the same order, so that no two wait for one another in a ring.
            connection.execute(
                select(account.c.id).where(account.c.id.in_(some)).order_by(account.c.id).with_for_update()
            )
        connection.execute(
            update(account)
            .where(account.c.id.in_(some))
            .values(version=account.c.version + 1, updated_at=now)
        )


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


def delete_account(
    connection: Connection, account_id: str, *, source: str, expected_version: int | None = None
) -> bool:
    """Remove the account and all that hangs on it; False if ``source`` has none such at that version."""
    statement = delete(account).where(account.c.id == account_id, account.c.source == source)
    if expected_version is not None:
        statement = statement.where(account.c.version == expected_version)
    return connection.execute(statement).rowcount == 1


def _columns(value: Account, document: str) -> Mapping[str, Any]:
    columns = {name: getattr(value, name) for name in _FIELDS}
    return columns | {
        "kind": value.kind.value,
        "user_name_key": user_name_key(value.user_name),
        "email_key": fold(value.email),
        "organizations": [{"id": each.id, "shortName": each.short_name} for each in value.organizations],
        "allowed_addresses": list(value.allowed_addresses),
        "document": document,
    }


def _insert_values(connection: Connection, account_id: str, values: Iterable[AttributeValue]) -> None:
    rows = [{"account_id": account_id, "path": v.path, "item": v.item, "value": v.value} for v in values]
    if rows:
        connection.execute(account_value.insert(), rows)


def _taken(error: IntegrityError) -> Taken:
    """Tell which unique index refused; what else is broken is no refusal and goes on as the error it is."""
    name = violated(error)
    if "user_name_key" in name:
        return Taken(UniqueAttribute.USER_NAME)
    if "external_id" in name:
        return Taken(UniqueAttribute.EXTERNAL_ID)
    raise error
